/** What can be compared: a server's facts in one form, whoever found them. */
import { suites } from "../../../src/wire/index.ts";
import type { Observations, Outcome } from "../../../src/probe/index.ts";

/** A fact's name and its value; what was not seen is left out. Lists are in the finder's order. */
export type Facts = Readonly<Record<string, Fact>>;
export type Fact = boolean | string | readonly string[];

/** Ours, from a look at the server. */
export function factsOf(seen: Observations): Facts {
  const facts: Record<string, Fact> = {};
  const add = <T>(name: string, outcome: Outcome<T> | undefined, read: (value: T) => Fact | null): void => {
    const fact = outcome?.state === "observed" ? read(outcome.value) : null;
    if (fact !== null) facts[name] = fact;
  };
  for (const [name, support] of Object.entries(seen.protocols)) add(name, support, ({ offered }) => offered);
  for (const [protocol, list] of Object.entries(seen.cipherSuites)) {
    add(`suites ${protocol}`, list, (value) => value.suites.map(({ id }) => suiteName(id)));
    add(`preference ${protocol}`, list, ({ preference }) => preference);
  }
  add("groups", seen.groups, ({ groups }) => groups.map(({ name }) => name));
  add("group order", seen.groups, ({ order }) => order);
  add("certificates", seen.certificates, (chains) =>
    chains.flatMap(({ certificates: [leaf] }) =>
      leaf === undefined ? [] : [`${leaf.key.type} ${leaf.key.bits} ${leaf.signature} ${leaf.names.join(",")}`],
    ),
  );
  add("DH bits", seen.cipherSuites["TLSv1.2"], ({ suites: found }) => {
    const bits = new Set(found.flatMap(({ dhBits }) => dhBits ?? []));
    return bits.size === 0 ? null : [...bits].map(String);
  });
  for (const name of plain) add(name, seen[name], (value) => value);
  add("tickets TLSv1.2", seen.tickets, ({ tls12 }) => tls12);
  add("early data", seen.tickets, ({ earlyData }) => earlyData);
  add("HSTS", seen.http, ({ hsts }) => hsts.present);
  add("application protocols", seen.applicationProtocols, (list) => list);
  for (const kind of ["sessionId", "ticket", "psk"] as const)
    add(`resumption ${kind}`, seen.resumption[kind], ({ resumes }) => resumes);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const)
    add(`signature schemes ${version}`, seen.signatureSchemes[version], (list) => list);
  for (const [flaw, outcome] of Object.entries(seen.flaws)) {
    add(`flaw ${flaw}`, outcome, ({ present }) => present);
    // What a flaw needs is provably absent, and so is the flaw.
    if (outcome.state === "untestable" && outcome.why.startsWith("not applicable")) facts[`flaw ${flaw}`] = false;
  }
  return facts;
}

/** Facts that are a plain yes or no. */
const plain = [
  "compression",
  "heartbeat",
  "secureRenegotiation",
  "clientRenegotiation",
  "extendedMasterSecret",
  "encryptThenMac",
  "fallbackScsv",
  "downgradeSentinel",
  "clientCertificateRequested",
] as const;

/** The registry's name of a suite, or its number. */
export function suiteName(id: number): string {
  return suites.find((suite) => suite.id === id)?.name ?? `0x${id.toString(16).padStart(4, "0")}`;
}
