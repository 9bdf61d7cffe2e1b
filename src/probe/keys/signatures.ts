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
 * of its keys to the harvest. Schemes seen are removed until the server refuses. Connections: one more than schemes that no flight had shown.
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
 * Connections: one more than schemes that no flight had shown; none where nothing is signed.
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
    (schemes) => look.ask({ protocol: "TLSv1.2", suites, schemes }),
  );
}

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
  for (;;) {
    const known = new Set(seen());
    const left = allSchemes.filter((scheme) => !known.has(scheme));
    const answer = await ask(left);
    if (answer.kind !== "hello" && answer.kind !== "done") {
      if (isRefusal(answer)) return observed(names(known));
      return unfinished(answer);
    }
    const before = known.size;
    if (new Set(seen()).size === before)
      return known.size === 0 ? untestable("nothing was signed") : observed(names(known));
  }
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
