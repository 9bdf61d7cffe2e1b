import { constants, verify, type KeyObject } from "node:crypto";

import { ascii, concat } from "./bytes.ts";
import type { Signed } from "./flight.ts";
import { signatureSchemes } from "./names.ts";

/** Key type, hash and padding of the schemes that TLS 1.3 allows in CertificateVerify (RFC 8446, 4.2.3). */
const schemes: Readonly<Record<number, { readonly keys: readonly string[]; readonly hash: string | null }>> = {
  [signatureSchemes.ecdsaP256Sha256]: { keys: ["ec"], hash: "sha256" },
  [signatureSchemes.ecdsaP384Sha384]: { keys: ["ec"], hash: "sha384" },
  [signatureSchemes.ecdsaP521Sha512]: { keys: ["ec"], hash: "sha512" },
  [signatureSchemes.rsaPssRsaeSha256]: { keys: ["rsa"], hash: "sha256" },
  [signatureSchemes.rsaPssRsaeSha384]: { keys: ["rsa"], hash: "sha384" },
  [signatureSchemes.rsaPssRsaeSha512]: { keys: ["rsa"], hash: "sha512" },
  [signatureSchemes.rsaPssPssSha256]: { keys: ["rsa-pss"], hash: "sha256" },
  [signatureSchemes.rsaPssPssSha384]: { keys: ["rsa-pss"], hash: "sha384" },
  [signatureSchemes.rsaPssPssSha512]: { keys: ["rsa-pss"], hash: "sha512" },
  [signatureSchemes.ed25519]: { keys: ["ed25519"], hash: null },
  [signatureSchemes.ed448]: { keys: ["ed448"], hash: null },
};

/** Whether a server's CertificateVerify is right (RFC 8446, 4.4.3). Null for a scheme that is not known here; false for one that does not fit the key. */
export function verifiesHandshake13(signed: Signed, key: KeyObject, transcriptHash: Uint8Array): boolean | null {
  const scheme = schemes[signed.scheme];
  if (scheme === undefined) return null;
  if (!scheme.keys.includes(key.asymmetricKeyType ?? "")) return false;
  const content = concat(
    new Uint8Array(64).fill(0x20),
    ascii("TLS 1.3, server CertificateVerify\u0000"),
    transcriptHash,
  );
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify(
    scheme.hash,
    content,
    scheme.keys[0] === "ec" || scheme.hash === null ? key : { key, ...padding },
    signed.signature,
  );
}
