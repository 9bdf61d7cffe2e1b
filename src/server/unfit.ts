/** What a server in service does not take of the certificates that were found: the server refuses the same, and only when it starts. */
import type { X509Certificate } from "node:crypto";
import type { Leaf } from "./pairs.ts";
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

/** What is wrong with a certificate, and what to do. */
interface Unfit {
  readonly problem: string;
  readonly hint: string;
}

/**
 * Why one of them cannot be served: a key that is too short or that the policy cannot sign with, no name, a chain that is none or is not valid
 * now; null: all can.
 */
export function unfit(leaves: readonly Leaf[], policy: Signing, now = new Date()): Unfit | null {
  for (const leaf of leaves) {
    const own = keyProblem(leaf.certificate, policy) ?? nameProblem(leaf.certificate);
    if (own !== null) {
      const hint = `ask for one with ${keysFor(policy)} and a subject alternative name, or move ${leaf.chain} elsewhere`;
      return { problem: `${leaf.chain} ${own}`, hint };
    }
    const wrong = chainProblem(leaf, now);
    if (wrong !== null) return wrong;
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

function chainProblem({ chain, certificate: leaf, certificates }: Leaf, now: Date): Unfit | null {
  const others = certificates.filter(({ fingerprint256 }) => fingerprint256 !== leaf.fingerprint256);
  const order = issuersOf(leaf, others);
  if (order.length === 0 && others.length > 0 && !isRoot(leaf))
    return {
      problem: `${chain}: none of the other certificates issued the leaf`,
      hint: "put the leaf first, then each certificate's issuer",
    };
  const ended = order.find(({ validToDate }) => validToDate < now);
  if (ended === undefined) return null;
  const name = ended.subject.replaceAll("\n", ", ");
  return {
    problem: `${chain}: ${name} of the chain expired at ${ended.validToDate.toISOString()}`,
    hint: "put the issuer's present certificate there: who issued the leaf has it",
  };
}

/** Whoever issued it, and then each one's issuer, among others in whatever order. */
function issuersOf(leaf: X509Certificate, others: readonly X509Certificate[]): readonly X509Certificate[] {
  const order: X509Certificate[] = [];
  for (let last = leaf; !isRoot(last);) {
    const candidates = others.filter((each) => !order.includes(each) && hasIssued(each, last));
    // Where an authority has several certificates, one that leads on is better than its root.
    const next = candidates.find((each) => !isRoot(each)) ?? candidates[0];
    if (next === undefined) break;
    order.push(next);
    last = next;
  }
  return order;
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
  } catch {
    // A sort of key that Node does not know.
    return false;
  }
}

function isRoot(certificate: X509Certificate): boolean {
  return hasIssued(certificate, certificate);
}
