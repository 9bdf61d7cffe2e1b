import { signatureSchemes } from "./names.ts";

/** Names of signature schemes as the registry has them (RFC 8446, 4.2.3; RFC 8734; draft-ietf-tls-mldsa), those of TLS 1.2 alone in the same style. */
const schemeNames: Readonly<Record<number, string>> = {
  [signatureSchemes.ecdsaP256Sha256]: "ecdsa_secp256r1_sha256",
  [signatureSchemes.ecdsaP384Sha384]: "ecdsa_secp384r1_sha384",
  [signatureSchemes.ecdsaP521Sha512]: "ecdsa_secp521r1_sha512",
  [signatureSchemes.ed25519]: "ed25519",
  [signatureSchemes.ed448]: "ed448",
  [signatureSchemes.rsaPssRsaeSha256]: "rsa_pss_rsae_sha256",
  [signatureSchemes.rsaPssRsaeSha384]: "rsa_pss_rsae_sha384",
  [signatureSchemes.rsaPssRsaeSha512]: "rsa_pss_rsae_sha512",
  [signatureSchemes.rsaPssPssSha256]: "rsa_pss_pss_sha256",
  [signatureSchemes.rsaPssPssSha384]: "rsa_pss_pss_sha384",
  [signatureSchemes.rsaPssPssSha512]: "rsa_pss_pss_sha512",
  [signatureSchemes.rsaPkcs1Sha256]: "rsa_pkcs1_sha256",
  [signatureSchemes.rsaPkcs1Sha384]: "rsa_pkcs1_sha384",
  [signatureSchemes.rsaPkcs1Sha512]: "rsa_pkcs1_sha512",
  [signatureSchemes.ecdsaSha224]: "ecdsa_sha224",
  [signatureSchemes.rsaPkcs1Sha224]: "rsa_pkcs1_sha224",
  [signatureSchemes.ecdsaSha1]: "ecdsa_sha1",
  [signatureSchemes.rsaPkcs1Sha1]: "rsa_pkcs1_sha1",
  [signatureSchemes.dsaSha256]: "dsa_sha256",
  [signatureSchemes.dsaSha1]: "dsa_sha1",
  [signatureSchemes.ecdsaBrainpoolP256Sha256]: "ecdsa_brainpoolP256r1tls13_sha256",
  [signatureSchemes.ecdsaBrainpoolP384Sha384]: "ecdsa_brainpoolP384r1tls13_sha384",
  [signatureSchemes.ecdsaBrainpoolP512Sha512]: "ecdsa_brainpoolP512r1tls13_sha512",
  [signatureSchemes.mlDsa44]: "mldsa44",
  [signatureSchemes.mlDsa65]: "mldsa65",
  [signatureSchemes.mlDsa87]: "mldsa87",
};

/** The registry's name of a signature scheme, or its number in hexadecimal. */
export function schemeName(scheme: number): string {
  return schemeNames[scheme] ?? `0x${scheme.toString(16).padStart(4, "0")}`;
}
