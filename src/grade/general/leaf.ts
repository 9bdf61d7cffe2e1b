/** What the server's own certificate says of itself: how it was validated, for how long and for what it is, and whether its key was made badly. */
import type { CertificateSeen, ChainSeen } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { inapplicable } from "../verdict.ts";
import { information, open, remark } from "./remark.ts";
import type { Topic } from "./remark.ts";

/** `suffix` tells the findings of several chains apart. Nothing of a chain without a certificate. */
export function leafFindings(chain: ChainSeen, suffix: string): readonly Finding[] {
  const [leaf] = chain.certificates;
  if (leaf === undefined) return [];
  return [
    validation(chain, suffix),
    lifetime(chain, leaf, suffix),
    purpose(chain, leaf, suffix),
    weakKey(chain, suffix),
  ];
}

/** Identifiers of the CA/Browser Forum, the strictest first. */
const levels: readonly (readonly [string, string])[] = [
  ["2.23.140.1.1", "extended validation (EV)"],
  ["2.23.140.1.2.2", "an organization's validation (OV)"],
  ["2.23.140.1.2.3", "an individual's validation (IV)"],
  ["2.23.140.1.2.1", "a domain's validation (DV)"],
];

function validation({ leaf, keyType }: ChainSeen, suffix: string): Finding {
  const topic = {
    id: `validation${suffix}`,
    title: "Level of validation",
    reference: "CA/Browser Forum Baseline Requirements, section 7.1.6.1; EV Guidelines",
  };
  return remark(topic, leaf, ({ policies }) => {
    const level = levels.find(([oid]) => policies.includes(oid))?.[1];
    const evidence = policies.join(", ");
    return level === undefined
      ? { message: `The ${keyType} certificate names no level of validation`, evidence }
      : { message: `The ${keyType} certificate was issued after ${level}`, evidence };
  });
}

/** Days at most for certificates that begin on the date or later, the newest first; those of months, which came before, are not counted. */
const schedule: readonly (readonly [string, number])[] = [
  ["2029-03-15", 47],
  ["2027-03-15", 100],
  ["2026-03-15", 200],
  ["2020-09-01", 398],
  ["2018-03-01", 825],
];

/** The last second counts as well, and a day that is begun is a day. */
function daysOf({ notBefore, notAfter }: CertificateSeen): number {
  return Math.ceil(((Date.parse(notAfter) - Date.parse(notBefore)) / 1000 + 1) / 86_400);
}

function lifetime({ trust, keyType }: ChainSeen, leaf: CertificateSeen, suffix: string): Finding {
  const topic: Topic = {
    id: `lifetime${suffix}`,
    title: "Lifetime of the certificate",
    reference: "CA/Browser Forum Baseline Requirements, section 6.3.2",
  };
  const days = daysOf(leaf);
  const message = `The ${keyType} certificate is valid for ${days} days`;
  const from = leaf.notBefore.slice(0, 10);
  const limit = schedule.find(([date]) => from >= date)?.[1];
  const evidence = `${leaf.notBefore} to ${leaf.notAfter}`;
  if (limit === undefined)
    return information(topic, {
      message: `${message}, and was issued before 2018-03-01, from when on 825 days count`,
      evidence,
    });
  if (days <= limit) return information(topic, { message, evidence: `${evidence}; ${limit} at most`, fine: true });
  return remark(topic, trust, ({ trusted, local }) => {
    if (!trusted || local) return { message: `${message}; limits are for public authorities`, evidence };
    const fix = `Have the certificate issued for ${limit} days at most: authorities may not issue it for longer`;
    return { message: `${message}, and may be for ${limit}`, evidence, severity: "medium", fix };
  });
}

const serverAuth = "1.3.6.1.5.5.7.3.1";
const anyPurpose = "2.5.29.37.0";

function purpose({ leaf: outcome, keyType }: ChainSeen, { isCa }: CertificateSeen, suffix: string): Finding {
  const topic = {
    id: `purpose${suffix}`,
    title: "Purpose of the certificate",
    reference: "RFC 5280, sections 4.2.1.9 and 4.2.1.12; Baseline Requirements, section 7.1.2.7",
  };
  const fix = "Have a certificate issued for servers (serverAuth), CA:FALSE";
  if (isCa) {
    const message = `The ${keyType} certificate may issue others (CA:TRUE): who has the server's key has an authority`;
    return information(topic, { message, severity: "low", fix });
  }
  return remark(topic, outcome, ({ purposes }) => {
    if (purposes === null) return { message: `The ${keyType} certificate does not say what it is for`, fix };
    const evidence = purposes.join(", ");
    if (purposes.includes(serverAuth))
      return { message: `The ${keyType} certificate is for servers`, evidence, fine: true };
    if (purposes.includes(anyPurpose))
      return { message: `The ${keyType} certificate is for any purpose`, evidence, severity: "low", fix };
    return { message: `The ${keyType} certificate is not for servers`, evidence, severity: "high", fix };
  });
}

/** ROCA keys from this size on are weak, but nobody has shown how to factor one; close primes are found at any size. */
const bitsBeyondRoca = 3072;

/** A key that was made badly fails; no rulebook has a rule for it. */
function weakKey({ leaf, keyType, certificates }: ChainSeen, suffix: string): Finding {
  const topic: Topic = {
    id: `weak-key${suffix}`,
    title: "Weak RSA key",
    reference: "CVE-2017-15361 (ROCA); CVE-2022-26320 (close primes)",
  };
  const outcome = leaf.state === "observed" ? leaf.value.weaknesses : leaf;
  if (outcome.state !== "observed") {
    const why = inapplicable(outcome);
    if (why === null) return open(topic, outcome.why);
    return information(topic, {
      message: `Weak RSA key: the ${keyType} certificate has none`,
      evidence: why,
      fine: true,
    });
  }
  if (outcome.value.length === 0) {
    const message = "The RSA key is not one of ROCA, and its primes are not close to each other";
    return information(topic, { message, fine: true });
  }
  const bits = certificates[0]?.key.bits ?? 0;
  const kind = outcome.value.includes("close primes")
    ? "can be factored"
    : bits < bitsBeyondRoca
      ? "is of a kind that can be factored"
      : `of ${bits} bits is of a weak kind`;
  const message = `The RSA key ${kind}: ${outcome.value.join(", ")}`;
  const fix = "Make a new key with another library, and have the certificate revoked and issued anew";
  return { ...information(topic, { message, severity: "high", fix }), outcome: "fail" };
}
