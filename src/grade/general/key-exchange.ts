/** Groups, ephemeral keys and Diffie-Hellman parameters. */
import type { DhSeen, Observations } from "../../probe/index.ts";
import { olderSuiteProtocols, someSuite } from "../facts.ts";
import { safeCurves } from "../rulebooks/safecurves.ts";
import { isFiniteFieldEphemeral } from "../suites.ts";
import type { Finding } from "../types.ts";
import { information, remark } from "./remark.ts";
import type { Remark } from "./remark.ts";

export function keyExchangeFindings(observations: Observations): readonly Finding[] {
  return [
    postQuantum(observations),
    ...curve(observations),
    keyReuse(observations),
    dhParameters(observations),
    ...suiteOrder(observations),
  ];
}

function postQuantum({ groups }: Observations): Finding {
  const topic = { id: "post-quantum", title: "Post-quantum key exchange", reference: "draft-ietf-tls-ecdhe-mlkem" };
  return remark(topic, groups, ({ groups: all, negotiated }) => {
    const names = all.filter((group) => group.postQuantum).map(({ name }) => name);
    if (negotiated !== null && names.includes(negotiated)) {
      return { message: `Post-quantum hybrid negotiated: ${negotiated}`, evidence: `offered: ${names.join(", ")}` };
    }
    const fix = "Put X25519MLKEM768 first among the groups";
    if (names.length === 0) return { message: "No post-quantum group is offered", severity: "low", fix };
    return {
      message: `Post-quantum groups are offered but ${negotiated ?? "none"} was negotiated`,
      evidence: names.join(", "),
      severity: "low",
      fix,
    };
  });
}

/** What curve is in use, and what SafeCurves says of it. Says nothing where groups were not seen: post-quantum says so already. */
function curve({ groups, cipherSuites }: Observations): readonly Finding[] {
  if (groups.state !== "observed") return [];
  const { negotiated } = groups.value;
  const topic = { id: "curve", reference: `${safeCurves.reference}, ${safeCurves.date}` };
  if (negotiated === null) return [information(topic, { message: "No curve is in use" })];
  const older = cipherSuites["TLSv1.2"];
  const classic = older?.state === "observed" ? older.value.suites.map(({ group }) => group) : [];
  const others = [...new Set(classic.filter((group) => group !== null && group !== negotiated))];
  const evidence =
    others.length === 0 ? "" : `with TLSv1.2: ${others.map((name) => `${name}, ${verdictOn(`${name}`)}`).join("; ")}`;
  return [information(topic, { message: `Curve in use: ${negotiated} (${verdictOn(negotiated)})`, evidence })];
}

/** Of a hybrid, its classical part. */
function verdictOn(group: string): string {
  const name = classicalParts[group] ?? group;
  const verdict = Object.entries<boolean>(safeCurves.verdicts).find(([known]) => known === name)?.[1];
  const subject = name === group ? "" : `${name} is `;
  if (verdict === undefined) return `SafeCurves: ${subject}not assessed`;
  return `SafeCurves: ${subject}${verdict ? "safe" : "not safe"}`;
}

const classicalParts: Readonly<Record<string, string>> = {
  X25519MLKEM768: "X25519",
  X25519Kyber768Draft00: "X25519",
  SecP256r1MLKEM768: "P-256",
  SecP384r1MLKEM1024: "P-384",
};

function keyReuse({ keyShares }: Observations): Finding {
  const topic = { id: "key-reuse", title: "Fresh key shares", reference: "RFC 8446, section 2; RFC 9325, section 7.4" };
  return remark(topic, keyShares, ({ samples }) => {
    const evidence = samples
      .map(({ kind, group, seen, distinct }) => `${kind} ${group}: ${distinct} different of ${seen}`)
      .join("; ");
    if (samples.length === 0) return { message: "No ephemeral key was seen" };
    if (samples.some(({ seen, distinct }) => distinct < seen)) {
      return {
        message: "Ephemeral keys are used more than once",
        evidence,
        severity: "medium",
        fix: "Make a new ephemeral key for each handshake",
      };
    }
    if (samples.every(({ seen }) => seen < 2))
      return { message: "Too few ephemeral keys were seen to tell whether they are reused", evidence };
    return { message: "No ephemeral key was seen twice", evidence };
  });
}

/** Where the suites show that there is none, nobody has to look at parameters. */
function dhParameters(observations: Observations): Finding {
  const { dhParameters: outcome } = observations;
  const topic = {
    id: "dh-parameters",
    title: "Diffie-Hellman parameters",
    reference: "RFC 7919; RFC 9325, section 4.1",
  };
  const offered = someSuite(observations, isFiniteFieldEphemeral, olderSuiteProtocols);
  if (offered.truth === false)
    return information(topic, {
      message: "No finite-field Diffie-Hellman is offered",
      evidence: offered.because,
      fine: true,
    });
  return remark(topic, outcome, (all) => {
    if (all.length === 0) return { message: "No Diffie-Hellman parameters were seen although DHE is offered" };
    const [worst = { message: "" }] = all.map(dhRemark).toSorted((a, b) => weight(b) - weight(a));
    return { ...worst, evidence: all.map(describeDh).join("; ") };
  });
}

const weights = { info: 0, low: 1, medium: 2, high: 3, critical: 4 } as const;
const weight = ({ severity = "info" }: Remark): number => weights[severity];

function dhRemark({ bits, known, safePrime }: DhSeen): Remark {
  const fix = "Turn DHE off, or use ffdhe2048 or larger (RFC 7919)";
  if (bits < 1024) return { message: `Diffie-Hellman parameters of ${bits} bits can be broken`, severity: "high", fix };
  if (!safePrime) return { message: "A Diffie-Hellman prime is not a safe prime", severity: "medium", fix };
  if (bits < 2048 && known !== null)
    return {
      message: `Diffie-Hellman parameters of ${bits} bits that many servers share (${known})`,
      severity: "high",
      fix,
    };
  if (bits < 2048) return { message: `Diffie-Hellman parameters of ${bits} bits are short`, severity: "medium", fix };
  return { message: `Diffie-Hellman parameters: ${known ?? `of its own, ${bits} bits`}` };
}

function describeDh({ bits, known, safePrime, generator }: DhSeen): string {
  return `${bits} bits, ${known ?? "no published group"}, generator ${generator}, ${safePrime ? "safe prime" : "not a safe prime"}`;
}

function suiteOrder({ cipherSuites }: Observations): readonly Finding[] {
  const decided = Object.entries(cipherSuites).flatMap(([protocol, outcome]) =>
    outcome.state === "observed" ? [`${protocol} ${outcome.value.preference}`] : [],
  );
  if (decided.length === 0) return [];
  const topic = { id: "suite-order", reference: "RFC 8446, section 4.1.1" };
  return [information(topic, { message: `Who chooses the suite: ${decided.join(", ")}` })];
}
