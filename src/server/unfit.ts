/** What a server in service does not take of the certificates that were found: the server refuses the same, and only when it starts. */
import type { X509Certificate } from "node:crypto";
import type { FoundPairs } from "./pairs.ts";
import type { Policy } from "./types.ts";

/** RFC 9325, section 4.5. */
const leastRsaBits = 2048;

/** What a key can sign with in TLS 1.3, by Node's names for sorts and curves; an RSA key signs with any of RSASSA-PSS. */
const signatures: Readonly<Record<string, string>> = {
  prime256v1: "ecdsa_secp256r1_sha256",
  secp384r1: "ecdsa_secp384r1_sha384",
  secp521r1: "ecdsa_secp521r1_sha512",
  ed25519: "ed25519",
};
const keyNames: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/** Why one of them cannot be served, and what to do: a key that is too short or that the policy cannot sign with, no name; null: all can. */
export function unfit(
  leaves: FoundPairs["leaves"],
  policy: Signing,
): { readonly problem: string; readonly hint: string } | null {
  for (const { chain, certificate } of leaves) {
    const problem = keyProblem(certificate, policy) ?? nameProblem(certificate);
    if (problem === null) continue;
    const other = `ask for one with ${keysFor(policy)} and a subject alternative name`;
    return { problem: `${chain} ${problem}`, hint: `${other}, or move ${chain} elsewhere` };
  }
  return null;
}

type Signing = Pick<Policy, "profile" | "signatureAlgorithms">;

function keyProblem(leaf: X509Certificate, { profile, signatureAlgorithms }: Signing): string | null {
  const { asymmetricKeyType: sort = "unknown", asymmetricKeyDetails: { namedCurve, modulusLength } = {} } =
    leaf.publicKey;
  if (modulusLength !== undefined && sort.startsWith("rsa"))
    return modulusLength < leastRsaBits
      ? `has an RSA key of ${modulusLength} bits: ${leastRsaBits} is the least`
      : null;
  const signature = signatures[namedCurve ?? sort];
  if (signature !== undefined && signatureAlgorithms.includes(signature)) return null;
  const what = namedCurve === undefined ? `a key of the sort ${sort}` : `a key on the curve ${namedCurve}`;
  return `has ${what}, for which profile ${profile} has no signature algorithm`;
}

function nameProblem({ subjectAltName }: X509Certificate): string | null {
  return subjectAltName === undefined ? "names no host: it has no subject alternative name" : null;
}

function keysFor({ signatureAlgorithms }: Signing): string {
  const curves = Object.entries(keyNames).filter(([curve]) => signatureAlgorithms.includes(signatures[curve] ?? ""));
  return `an RSA key of ${leastRsaBits} bits or more, or one on ${curves.map(([, name]) => name).join(" or ")}`;
}
