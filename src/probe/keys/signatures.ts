import { aeadOf, canAgree, schemeName, suiteOf } from "../../wire/index.ts";
import { describeAnswer, type Answer, type Flight } from "../client/answer.ts";
import { converseModern } from "../features/exchange.ts";
import { allSchemes } from "../client/hello.ts";
import type { Look, Talked } from "../look.ts";
import { failed, notApplicable, observed, untestable, type Unknown } from "../outcome.ts";
import { isRefusal } from "../support.ts";
import type { Outcome, SuiteSeen } from "../types.ts";

/**
 * Probe `signatures` of TLS 1.3. Needs: suites and groups of TLS 1.3. Gives: the schemes that the server signs with, and flights with the chain of each
 * of its keys to the harvest. Schemes seen are removed until the server refuses.
 * Connections: one for each scheme that no flight had shown, two more, and one for each kind of key where there are several.
 */
export async function probeModernSignatures(
  look: Look,
  of: { suites: readonly number[]; groups: readonly number[] },
): Promise<Outcome<readonly string[]>> {
  const suites = of.suites.filter((id) => aeadOf(id) !== undefined);
  const group = [29, 23, 24, 25, 30].find((id) => of.groups.includes(id) && canAgree(id));
  if (group === undefined || suites.length === 0)
    return untestable("no suite and group of this server can be computed here");
  const seen = (): number[] =>
    look.flights.flatMap(({ protocol, scheme }) => (protocol === "TLSv1.3" && scheme !== null ? [scheme] : []));
  return enumerate(look, seen, async (schemes) =>
    answerTo(await converseModern(look, { suites, group, schemes, alpn: ["http/1.1"] }, async () => ({}))),
  );
}

/**
 * Probe `signatures` of TLS 1.2. Needs: its suites. Gives: the schemes that key exchanges are signed with; flights.
 * Connections: one for each scheme that no flight had shown, two more, and one for each kind of key where there are several; none where nothing is signed.
 */
export async function probeClassicSignatures(
  look: Look,
  found: readonly SuiteSeen[],
): Promise<Outcome<readonly string[]>> {
  const suites = found.filter(isSigned).map(({ id }) => id);
  if (suites.length === 0) return notApplicable("no suite of TLS 1.2 has a signed key exchange");
  return enumerate(
    look,
    () => classicSchemes(look.flights),
    (schemes) => look.ask({ protocol: "TLSv1.2", suites: suitesFor(schemes, suites), schemes }),
  );
}

/** Some servers take the suite first and then fail to sign: suites whose kind of key no scheme is for are left out, where others are left. */
function suitesFor(schemes: readonly number[], suites: readonly number[]): readonly number[] {
  const signers = new Set(schemes.map((scheme) => keyOfKind[kindOf(scheme)]));
  const able = suites.filter((id) => signers.has(suiteOf(id).authentication));
  return able.length === 0 ? suites : able;
}

/** EdDSA keys are used with suites of ECDSA (RFC 8422, 2.1 and 5.1.3). */
const keyOfKind: Readonly<Record<string, string>> = {
  rsa: "RSA",
  ecdsa: "ECDSA",
  ed25519: "ECDSA",
  ed448: "ECDSA",
  dsa: "DSS",
};

/** What key exchanges of TLS 1.2 are signed with: two bytes before the signature (RFC 5246, 7.4.3). */
function classicSchemes(flights: readonly Flight[]): number[] {
  return flights.flatMap(({ protocol, keyExchange, serverHello }) => {
    if (protocol !== "TLSv1.2" || keyExchange === null || keyExchange.kind === "other") return [];
    if (suiteOf(serverHello.cipherSuite).authentication === "anon") return [];
    const [first, second] = keyExchange.signed;
    return first === undefined || second === undefined ? [] : [first * 256 + second];
  });
}

/** Asks without the schemes that are known until the server refuses, or answers with one that was not offered. */
async function enumerate(
  look: Look,
  seen: () => readonly number[],
  ask: (schemes: readonly number[]) => Promise<Answer | { readonly kind: "done" }>,
): Promise<Outcome<readonly string[]>> {
  if (look.isFar()) return enumerateFar(seen, ask);
  let answered = false;
  const exhaust = async (among: readonly number[]): Promise<Unknown | null> => {
    for (;;) {
      const known = new Set(seen());
      const left = among.filter((scheme) => !known.has(scheme));
      if (left.length === 0) return null;
      const answer = await ask(left);
      if (answer.kind !== "hello" && answer.kind !== "done") return isRefusal(answer) ? null : unfinished(answer);
      answered = true;
      if (new Set(seen()).size === known.size) return null;
    }
  };
  const ofKinds = (kinds: ReadonlySet<string>): number[] => allSchemes.filter((scheme) => kinds.has(kindOf(scheme)));
  let stopped = await exhaust(allSchemes);
  // Java chooses a key by the kind of schemes that are left, and refuses when it can sign with none of them, though another key could.
  const before = new Set(seen().map(kindOf));
  const others = allSchemes.filter((scheme) => !before.has(kindOf(scheme)));
  if (stopped === null && seen().length > 0) stopped = await exhaust(others);
  const kinds = new Set(seen().map(kindOf));
  if (kinds.size > 1) for (const kind of kinds) stopped ??= await exhaust(ofKinds(new Set([kind])));
  if (stopped !== null) return stopped;
  return answered && seen().length === 0 ? untestable("nothing was signed") : observed(names(new Set(seen())));
}

/** On a server that is far away: schemes of the kinds of keys that it has one by one, the others together, all at once. */
async function enumerateFar(
  seen: () => readonly number[],
  ask: (schemes: readonly number[]) => Promise<Answer | { readonly kind: "done" }>,
): Promise<Outcome<readonly string[]>> {
  const asked = new Set(seen());
  for (;;) {
    const kinds = new Set(seen().map(kindOf));
    const left = allSchemes.filter((scheme) => !asked.has(scheme));
    const own = left.filter((scheme) => kinds.has(kindOf(scheme)));
    const others = left.filter((scheme) => !kinds.has(kindOf(scheme)));
    const parts = [...own.map((scheme) => [scheme]), ...(others.length === 0 ? [] : [others])];
    const answers = await Promise.all(parts.map(ask));
    for (const answer of answers)
      if (answer.kind !== "hello" && answer.kind !== "done" && !isRefusal(answer)) return unfinished(answer);
    for (const scheme of own) asked.add(scheme);
    const known = new Set(seen());
    // A kind that was taken of the others is one by one the next time.
    if (known.size === 0) return untestable("nothing was signed");
    if ([...known].every((scheme) => kinds.has(kindOf(scheme)))) return observed(names(known));
  }
}

function kindOf(scheme: number): string {
  return schemeName(scheme).replace(/[_-].*$/, "");
}

function unfinished(answer: Answer): Unknown {
  const why = `the list of signature schemes is not complete: ${describeAnswer(answer)}`;
  return answer.kind === "skipped" ? untestable(why) : failed(why);
}

function answerTo(talked: Talked<object>): Answer | { readonly kind: "done" } {
  return talked.kind === "done" ? { kind: "done" } : talked;
}

function isSigned({ keyExchange, authentication }: SuiteSeen): boolean {
  return (keyExchange === "ECDHE" || keyExchange === "DHE") && authentication !== "anon";
}

/** Registered names, in the order in which we list the schemes: strongest first. */
function names(schemes: ReadonlySet<number>): string[] {
  const others = [...schemes].filter((id) => !allSchemes.includes(id));
  return [...allSchemes.filter((id) => schemes.has(id)), ...others].map(schemeName);
}
