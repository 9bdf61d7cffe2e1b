import type { X509Certificate } from "node:crypto";

import {
  hasClosePrimes,
  hasRocaFingerprint,
  readCertificate,
  readCertificateFields,
  readKeyPurposes,
  readPolicies,
  rsaModulus,
} from "../../wire/index.ts";
import { notApplicable, observed, untestable } from "../outcome.ts";
import type { LeafSeen, RsaWeakness } from "../types.ts";

/** Primes that are too close are found in the first round as a rule; more only costs time. */
const rounds = 100;
/** Longer moduli are not looked into: what they cost grows faster than they do. */
const longest = 8192;

/** What the server's own certificate says beyond what every one does. Throws DecodeError when its structure is broken. */
export function leafSeen(certificate: X509Certificate): LeafSeen {
  const { extensions } = readCertificate(certificate.raw);
  const [policies, purposes] = [extensions.get("2.5.29.32"), extensions.get("2.5.29.37")];
  return {
    policies: policies === undefined ? [] : readPolicies(policies),
    purposes: purposes === undefined ? null : readKeyPurposes(purposes),
    weaknesses: weaknessesOf(certificate),
  };
}

function weaknessesOf({ publicKey, raw }: X509Certificate): LeafSeen["weaknesses"] {
  if (!["rsa", "rsa-pss"].includes(publicKey.asymmetricKeyType ?? "")) return notApplicable("no RSA key");
  const modulus = rsaModulus(readCertificateFields(raw).publicKey);
  if (modulus >> BigInt(longest) > 0n) return untestable(`a modulus of more than ${longest} bits is not looked into`);
  const found: readonly (readonly [RsaWeakness, boolean])[] = [
    ["ROCA", hasRocaFingerprint(modulus)],
    ["close primes", hasClosePrimes(modulus, rounds)],
  ];
  return observed(found.flatMap(([weakness, isThere]) => (isThere ? [weakness] : [])));
}
