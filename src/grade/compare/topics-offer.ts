/** Protocols with their suites as topics. A version that only one side offers is exchanged with its suites, which mean nothing without it. */
import type { FlawName, Observations, Outcome, ProtocolName, SuitesSeen } from "../../probe/index.ts";
import { protocolNames } from "../facts.ts";
import { inapplicable } from "../verdict.ts";
import { absent, differ, fact } from "./outcome.ts";
import type { Fact } from "./outcome.ts";
import type { Topic } from "./topics.ts";

/**
 * The topics in which the offers of two looks differ: all together, all versions, all suites, where these are of several parts, and each version for
 * itself.
 */
export function offerTopics(a: Observations, b: Observations): readonly Topic[] {
  const differing = protocolNames.filter((name) => differ(versionFacts(a, name), versionFacts(b, name)));
  const versions = differing.filter((name) => differ([supportFact(a, name)], [supportFact(b, name)]));
  const suites = differing.filter((name) => !versions.includes(name));
  const singles = differing.map((name) => ({
    ...offerTopic(`offer.${name}`, versions.includes(name) ? name : `cipher suites of ${name}`, [name]),
    parts: [],
  }));
  const [only] = singles;
  if (only === undefined) return [];
  const whole = wholly(offerTopic("offer", "protocols and cipher suites", differing));
  // A single difference is the whole one.
  if (singles.length === 1) return [{ ...whole, id: only.id, title: only.title, parts: [] }];
  const isMixed = versions.length > 0 && suites.length > 0;
  return [
    isMixed ? whole : { ...whole, title: versions.length > 0 ? "protocols" : "cipher suites" },
    ...(isMixed && versions.length > 1 ? [offerTopic("offer.protocols", "protocols", versions)] : []),
    ...(isMixed && suites.length > 1 ? [offerTopic("offer.suites", "cipher suites", suites)] : []),
    ...singles,
  ];
}

function offerTopic(id: string, title: string, names: readonly ProtocolName[]): Topic {
  return {
    id,
    title,
    parts: names.map((name) => `offer.${name}`),
    facts: (of) => names.flatMap((name) => versionFacts(of, name)),
    put: (into, from) => comingAlong(offered(into, from, names), from, (had, has) => !had && has),
  };
}

/** Offers what the other offers, so that what is without meaning for one of both is as the other has it. */
function wholly(topic: Topic): Topic {
  return {
    ...topic,
    put: (into, from) => comingAlong(offered(into, from, protocolNames), from, (had, has) => had !== has),
  };
}

function offered(into: Observations, from: Observations, names: readonly ProtocolName[]): Observations {
  const only = <T extends object>(of: T): Partial<T> =>
    Object.fromEntries(Object.entries(of).filter(([name]) => names.includes(name as ProtocolName))) as Partial<T>;
  const kept = Object.entries(into.cipherSuites).filter(([name]) => !names.includes(name as ProtocolName));
  return {
    ...into,
    protocols: { ...into.protocols, ...only(from.protocols) },
    cipherSuites: { ...Object.fromEntries(kept), ...only(from.cipherSuites) },
  };
}

function supportFact(of: Observations, name: ProtocolName): Fact {
  return fact(of.protocols[name], ({ offered: isOffered }) => isOffered);
}

function versionFacts(of: Observations, name: ProtocolName): readonly Fact[] {
  const support = supportFact(of, name);
  const isRefused = support.known && support.value !== true;
  return [support, name === "SSLv2" || isRefused ? absent : fact(of.cipherSuites[name], suitesFact)];
}

/** Groups and Diffie-Hellman parameters are topics of their own. */
function suitesFact({ suites, preference, chachaException }: SuitesSeen): unknown {
  return [suites.map(({ id }) => id), preference, chachaException];
}

/** What a server has or cannot have by its protocols and suites. */
const hanging = [
  "groups",
  "keyShares",
  "dhParameters",
  "compression",
  "secureRenegotiation",
  "clientRenegotiation",
  "extendedMasterSecret",
  "encryptThenMac",
  "downgradeSentinel",
  "fallbackScsv",
  "keyUpdate",
  "tickets",
] as const satisfies readonly (keyof Observations)[];

/** Whether a fact is taken over, by whether it means something here and there. */
type Rule = (here: boolean, there: boolean) => boolean;

function comingAlong(into: Observations, from: Observations, rule: Rule): Observations {
  const chosen = <T>(here: T, there: T): T => (rule(hasMeaning(here), hasMeaning(there)) ? there : here);
  const each = <T extends object>(here: T, there: T): T =>
    Object.fromEntries(
      Object.keys({ ...here, ...there }).map((name) => [name, chosen(here[name as keyof T], there[name as keyof T])]),
    ) as T;
  const outcomes = Object.fromEntries(hanging.map((name) => [name, chosen<unknown>(into[name], from[name])]));
  const takesChains = rule(hasMeaning(into.certificates), hasMeaning(from.certificates));
  return {
    ...into,
    ...outcomes,
    ...(takesChains ? { certificates: from.certificates, time: from.time } : {}),
    flaws: each<Record<FlawName, unknown>>(into.flaws, from.flaws) as Observations["flaws"],
    resumption: each(into.resumption, from.resumption),
    signatureSchemes: each(into.signatureSchemes, from.signatureSchemes),
  };
}

function hasMeaning(outcome: unknown): boolean {
  return outcome !== undefined && inapplicable(outcome as Outcome<unknown>) === null;
}
