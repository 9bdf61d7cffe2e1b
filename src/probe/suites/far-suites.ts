import { suiteOf } from "../../wire/index.ts";
import { describeAnswer, type Answer, type Flight } from "../client/answer.ts";
import { findByBurst, orderByBurst, type Asking } from "./burst.ts";
import { candidateChunks } from "./candidates.ts";
import { failed, observed, untestable, type Unknown } from "../outcome.ts";
import { awayFromChaCha } from "./preference.ts";
import { suiteSeen } from "./suite-seen.ts";
import type { Outcome, SuiteProtocol, SuiteSeen, SuitesSeen } from "../types.ts";

/** Which suites are taken, and a promise of their order: other probes need not wait for it. */
export interface FarSuites {
  /** In a likely order. */
  readonly suites: Outcome<SuitesSeen>;
  readonly found: readonly number[];
  readonly final: Promise<Outcome<SuitesSeen>>;
}

/**
 * The suites of a version on a server that is far away: one round of hellos finds what is usual, a second what is left where something was found, and one
 * more proves the order. `first` is the answer to the likely candidates in their own order.
 */
export async function farSuites(
  first: Answer,
  of: { readonly protocol: SuiteProtocol; readonly ask: (suites: readonly number[]) => Promise<Answer> },
): Promise<FarSuites> {
  const asking: Asking = { ...of, pick: (flight) => flight.serverHello.cipherSuite, arrange: awayFromChaCha };
  const chosen = first.kind === "hello" && first.flight.protocol === of.protocol ? first.flight : null;
  const top = chosen?.serverHello.cipherSuite;
  const { likely, rare } = partsOf(of.protocol);
  // Without a choice the likely ones have been refused already.
  const parts = [...(chosen === null ? [] : likely), ...rare].map((part) => part.filter((id) => id !== top));
  const burst = await findByBurst(parts, asking);
  const found = [...(top === undefined ? [] : [top]), ...burst.found];
  if (burst.broken !== null) {
    const broken = incomplete(burst.broken);
    return { suites: broken, found, final: Promise.resolve(broken) };
  }
  const flights = [...(chosen === null ? [] : [chosen]), ...burst.flights];
  const likelyOrder: Outcome<SuitesSeen> = observed({
    suites: guessedOrder(found, top).map((id) => seenIn(flights, id)),
    preference: "server",
    chachaException: null,
  });
  return { suites: likelyOrder, found, final: inOrder({ found, flights, top }, asking) };
}

/** Suites that were found, in the server's order. */
async function inOrder(
  of: { found: readonly number[]; flights: readonly Flight[]; top: number | undefined },
  asking: Asking,
): Promise<Outcome<SuitesSeen>> {
  const candidates = candidateChunks(asking.protocol).flat();
  const [likely = []] = candidateChunks(asking.protocol);
  const offered = candidates.filter((id) => of.found.includes(id));
  // What was taken of the likely ones need not come before the others.
  const isTop = of.top !== undefined && offered.every((id) => likely.includes(id));
  const forward = isTop || offered.length < 2 ? undefined : await asking.ask(offered);
  const top = isTop ? of.top : forward?.kind === "hello" ? asking.pick(forward.flight) : offered[0];
  const guess = guessedOrder(offered, top);
  const [{ order, decides, broken }, excepts] = await Promise.all([
    orderByBurst(guess, asking),
    exceptsChaCha(guess, asking),
  ]);
  if (broken !== null) return incomplete(broken);
  if (excepts !== null && typeof excepts === "object") return excepts;
  const picked = decides === "client" ? offered : order;
  return observed({
    suites: picked.map((id) => seenIn(of.flights, id)),
    preference: decides,
    chachaException: decides === "server" ? excepts : null,
  });
}

/** Whether ChaCha20 first in the hello is honoured; null where there is nothing to honour. */
export async function exceptsChaCha(
  guess: readonly number[],
  { ask, pick }: Asking,
): Promise<boolean | null | Unknown> {
  const [top] = guess;
  const ofChaCha = guess.filter(isChaCha);
  const others = guess.length - ofChaCha.length;
  // With one other suite an exception looks like the client's choice.
  if (top === undefined || ofChaCha.length === 0 || isChaCha(top) || others < 2) return null;
  const answer = await ask([...ofChaCha, ...guess.filter((id) => !isChaCha(id))]);
  if (answer.kind !== "hello") return failed(`ChaCha20 first: ${describeAnswer(answer)}`);
  return isChaCha(pick(answer.flight) ?? 0);
}

/** Likely ones on their own, the rest by kind: what a server takes of one kind it often takes of all. */
function partsOf(protocol: SuiteProtocol): { likely: number[][]; rare: number[][] } {
  const [likely = [], ...rare] = candidateChunks(protocol);
  const kinds = Map.groupBy(likely, (id) => {
    const { keyExchange, encryption, aead, since, export: isExport, bits } = suiteOf(id);
    const isUsual =
      since === "TLSv1.3" || (keyExchange === "ECDHE" && aead && /^(AES_\d+_GCM|CHACHA20)/.test(encryption));
    if (isUsual) return `${id}`;
    if (isExport || encryption === "NULL" || bits < 112 || keyExchange === "anon") return "weak";
    return ["ECDHE", "DHE", "RSA"].includes(keyExchange) ? `${keyExchange} ${aead}` : "other";
  });
  return { likely: [...kinds.values()], rare };
}

/** The order of OpenSSL's own list, or Mozilla's, by what comes first. */
export function guessedOrder(ids: readonly number[], top: number | undefined): number[] {
  const first = top === undefined ? "" : suiteOf(top).encryption;
  const ciphers = first.startsWith("CHACHA20")
    ? ["CHACHA20", "AES_256", "AES_128"]
    : first.startsWith("AES_256")
      ? ["AES_256", "CHACHA20", "AES_128"]
      : ["AES_128", "AES_256", "CHACHA20"];
  const rank = (id: number): readonly number[] => {
    const { aead, forwardSecrecy, encryption, keyExchange, authentication, since } = suiteOf(id);
    const at = ciphers.findIndex((name) => encryption.startsWith(name));
    const cipher = at < 0 ? ciphers.length : at;
    const exchange = keyExchange === "ECDHE" ? 0 : 1;
    const isMozillas = first.startsWith("AES_128");
    return [
      id === top ? 0 : 1,
      since === "TLSv1.3" ? 0 : 1,
      forwardSecrecy ? 0 : 1,
      aead ? 0 : 1,
      ...(isMozillas ? [exchange, cipher] : [cipher, exchange]),
      authentication === "ECDSA" ? 0 : 1,
    ];
  };
  return ids.toSorted((one, other) => compare(rank(one), rank(other)));
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at < 0 ? 0 : (one[at] ?? 0) - (other[at] ?? 0);
}

function seenIn(flights: readonly Flight[], id: number): SuiteSeen {
  return suiteSeen(
    id,
    flights.find(({ serverHello }) => serverHello.cipherSuite === id),
  );
}

function isChaCha(id: number): boolean {
  return suiteOf(id).encryption.startsWith("CHACHA20");
}

function incomplete(last: Answer): Unknown {
  const why = `the list of suites is not complete: ${describeAnswer(last)}`;
  return last.kind === "skipped" ? untestable(why) : failed(why);
}
