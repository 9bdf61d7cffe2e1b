/** What differs in what is offered, in short lists. */
import type { ChainSeen, Outcome, SuitesSeen } from "../../probe/index.ts";
import { protocolNames, suiteProtocols } from "../facts.ts";
import type { Report } from "../types.ts";
import { inapplicable } from "../verdict.ts";
import type { FactChange, ListChange, OfferChanges } from "./types.ts";

type Seen = Report["observations"];

export function offerChanges(a: Seen, b: Seen): OfferChanges {
  return {
    protocols: protocolNames.flatMap((name) =>
      factChange(name, support(a.protocols[name]), support(b.protocols[name])),
    ),
    suites: suiteProtocols.flatMap((name) => suiteChanges(name, a, b)),
    groups: groupChanges(a, b),
    certificates: certificateChanges(a, b),
  };
}

function factChange(what: string, a: string, b: string): readonly FactChange[] {
  return a === b ? [] : [{ what, a, b }];
}

function support(outcome: Seen["protocols"]["TLSv1.2"]): string {
  return said(outcome, ({ offered }) => (offered ? "offered" : "refused"));
}

/** The same words for whatever is not known: reasons are no difference. */
function said<T>(outcome: Outcome<T>, say: (value: T) => string): string {
  if (outcome.state === "observed") return say(outcome.value);
  return inapplicable(outcome) === null ? "not known" : "does not apply";
}

function listChange(a: readonly string[], b: readonly string[]): ListChange {
  const lacking = (from: readonly string[], other: readonly string[]): readonly string[] => [
    ...new Set(from.filter((name) => !other.includes(name))),
  ];
  return { added: lacking(b, a), removed: lacking(a, b) };
}

const isEmpty = ({ added, removed, facts }: OfferChanges["groups"]): boolean =>
  added.length + removed.length + facts.length === 0;

function suiteChanges(protocol: (typeof suiteProtocols)[number], a: Seen, b: Seen): OfferChanges["suites"] {
  if ([a, b].some(({ protocols }) => support(protocols[protocol]) !== "offered")) return [];
  const [inA, inB] = [a.cipherSuites[protocol], b.cipherSuites[protocol]];
  const state = (outcome: typeof inA): string => (outcome?.state === "observed" ? "known" : "not known");
  if (inA?.state !== "observed" || inB?.state !== "observed") {
    const facts = factChange("suites", state(inA), state(inB));
    return facts.length === 0 ? [] : [{ protocol, added: [], removed: [], facts }];
  }
  const names = (of: SuitesSeen): readonly string[] => of.suites.map(({ name }) => name);
  const change = {
    ...listChange(names(inA.value), names(inB.value)),
    facts: [...factChange("order", orderOf(inA.value), orderOf(inB.value)), ...bitChanges(inA.value, inB.value)],
  };
  return isEmpty(change) ? [] : [{ protocol, ...change }];
}

function orderOf({ preference, chachaException }: SuitesSeen): string {
  const order = { server: "the server chooses", client: "the client chooses", single: "a single suite" }[preference];
  return chachaException === true ? `${order}, ChaCha20 first where the client puts it first` : order;
}

/** Of suites that both take. */
function bitChanges(a: SuitesSeen, b: SuitesSeen): readonly FactChange[] {
  const bits = (of: SuitesSeen): ReadonlyMap<string, string> =>
    new Map(of.suites.flatMap(({ name, dhBits }) => (dhBits === null ? [] : [[name, `${dhBits} bits`]])));
  const [inA, inB] = [bits(a), bits(b)];
  return [...inA].flatMap(([name, size]) => factChange(`DH of ${name}`, size, inB.get(name) ?? size));
}

function groupChanges(a: Seen, b: Seen): OfferChanges["groups"] {
  const names = ({ groups }: Seen): readonly string[] =>
    groups.state === "observed" ? groups.value.groups.map(({ name }) => name) : [];
  const known = [a, b].every(({ groups }) => groups.state === "observed" || inapplicable(groups) !== null);
  const negotiated = ({ groups }: Seen): string => said(groups, ({ negotiated: name }) => name ?? "none seen");
  return {
    ...(known ? listChange(names(a), names(b)) : { added: [], removed: [] }),
    facts: factChange("negotiated", negotiated(a), negotiated(b)),
  };
}

function certificateChanges(a: Seen, b: Seen): OfferChanges["certificates"] {
  const { certificates: inA } = a;
  const { certificates: inB } = b;
  if (inA.state !== "observed" || inB.state !== "observed") {
    const count = (chains: readonly ChainSeen[]): string => `${chains.length} seen`;
    return { added: [], removed: [], facts: factChange("certificates", said(inA, count), said(inB, count)) };
  }
  return {
    ...listChange(inA.value.map(describe), inB.value.map(describe)),
    facts: [...new Set(inA.value.map(describe))].flatMap((leaf) => {
      const [before, after] = [inA.value, inB.value].map((all) => all.filter((chain) => describe(chain) === leaf));
      return chainChanges(before ?? [], after ?? []);
    }),
  };
}

/** Names a leaf so that another one is called something else. */
function describe({ certificates: [leaf], keyType }: ChainSeen): string {
  if (leaf === undefined) return `${keyType}, without a certificate`;
  const { subject, key, signature, notAfter, sha256 } = leaf;
  const until = notAfter.slice(0, 10);
  return `${subject === "" ? "(no subject)" : subject}, ${key.type} ${key.curve ?? key.bits}, ${signature}, until ${until}, SHA-256 ${sha256.slice(0, 16)}`;
}

/** A leaf may be sent in several ways, by protocol or kind of key. */
function chainChanges(a: readonly ChainSeen[], b: readonly ChainSeen[]): readonly FactChange[] {
  if (b.length === 0) return [];
  const words = (of: readonly ChainSeen[], say: (chain: ChainSeen) => string): string =>
    [...new Set(of.map(say))].toSorted().join(" or ");
  return Object.entries(chainWords).flatMap(([what, say]) => factChange(what, words(a, say), words(b, say)));
}

const chainWords: Readonly<Record<string, (chain: ChainSeen) => string>> = {
  trust: ({ trust }) =>
    said(trust, ({ trusted, anchor }) => (trusted ? `trusted, ${anchor ?? "a root"}` : "not trusted")),
  name: ({ nameMatches }) => said(nameMatches, (matches) => (matches ? "matches" : "another name")),
  valid: ({ validNow }) => (validNow ? "yes" : "not at the time of the look"),
  "chain as sent": ({ certificates: [, ...others] }) =>
    others.map(({ subject }) => subject).join(" < ") || "the leaf alone",
  "stapled status": ({ stapled }) => said(stapled, (sent) => (sent ? "sent" : "none")),
};
