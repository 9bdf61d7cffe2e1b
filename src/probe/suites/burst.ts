import type { Answer, Flight } from "../client/answer.ts";
import { isRefusal } from "../support.ts";
import type { SuiteProtocol } from "../types.ts";

/** What a server takes, found by many hellos at once: in a few round trips, and with more connections than one after the other. */
export interface Burst {
  readonly found: readonly number[];
  readonly flights: readonly Flight[];
  /** The answer that was no answer, when there was one. */
  readonly broken: Answer | null;
}

export interface Asking {
  readonly protocol: SuiteProtocol;
  readonly ask: (offered: readonly number[]) => Promise<Answer>;
  /** Reads the choice from a flight. */
  readonly pick: (flight: Flight) => number | undefined;
  /** Moves what must not stand first when an order is tried out. */
  readonly arrange?: (offered: readonly number[]) => readonly number[];
}

/** A part in which something was found falls into at most so many. */
const pieces = 16;

/** Asks for all parts side by side; a part in which the server found something is asked for again in pieces, until everything is taken or refused. */
export async function findByBurst(parts: readonly (readonly number[])[], of: Asking): Promise<Burst> {
  const found: number[] = [];
  const flights: Flight[] = [];
  for (let open = parts.filter(({ length }) => length > 0); open.length > 0;) {
    const answers = await Promise.all(open.map(async (part) => ({ part, answer: await of.ask(part) })));
    open = [];
    for (const { part, answer } of answers) {
      const choice = choiceOf(answer, of);
      if (choice === "none") continue;
      if (choice === "unclear" || !part.includes(choice) || answer.kind !== "hello")
        return { found, flights, broken: answer };
      found.push(choice);
      flights.push(answer.flight);
      open = [...open, ...inPieces(part.filter((id) => id !== choice))];
    }
  }
  return { found, flights, broken: null };
}

/** The server's order among what it takes. */
export interface Order {
  readonly order: readonly number[];
  /** `client`: the first of a hello that offers them the other way round was taken. */
  readonly decides: "server" | "client" | "single";
  readonly broken: Answer | null;
}

/**
 * Finds the order by a guess and proves it with one round of hellos: each rest of the guessed order, the likely last one first. Where the guess was wrong
 * the answers make the next one better. `guess` begins with what the server takes of all.
 */
export async function orderByBurst(guess: readonly number[], of: Asking): Promise<Order> {
  const [top] = guess;
  if (top === undefined || guess.length === 1) return { order: guess, decides: "single", broken: null };
  const { arrange = (offered: readonly number[]) => offered } = of;
  const [lead] = arrange(guess.toReversed());
  const known: Best[] = [];
  const order: number[] = [];
  let width = 8;
  for (let left = guess; left.length > 0;) {
    const rests = left.slice(0, Math.min(width, left.length - 1)).map((_, index) => left.slice(index));
    const open = rests.filter((rest) => bestOf(rest, known) === undefined);
    const answers = await Promise.all(
      open.map(async (rest) => ({ rest, answer: await of.ask(arrange(rest.toReversed())) })),
    );
    for (const { rest, answer } of answers) {
      const choice = choiceOf(answer, of);
      if (typeof choice !== "number" || !rest.includes(choice))
        return { order: guess, decides: "server", broken: answer };
      if (rest.length === guess.length && choice === lead && lead !== top)
        return { order: guess, decides: "client", broken: null };
      known.push({ among: new Set(rest), best: choice });
    }
    const before = left.length;
    for (let best = bestOf(left, known); best !== undefined; best = bestOf(left, known)) {
      const taken = best;
      order.push(taken);
      left = left.filter((id) => id !== taken);
    }
    // A guess that was right may be tried further ahead.
    width = Math.max(2, Math.min(16, 2 * (before - left.length)));
    left = byVictories(left, known);
  }
  return { order, decides: "server", broken: null };
}

/** What the server takes of these. */
interface Best {
  readonly among: ReadonlySet<number>;
  readonly best: number;
}

/** Taken of more, and among these: taken of these as well. */
function bestOf(left: readonly number[], known: readonly Best[]): number | undefined {
  if (left.length === 1) return left[0];
  return known.find(({ among, best }) => left.includes(best) && left.every((id) => among.has(id)))?.best;
}

/** Those that won against many stand in front. */
function byVictories(left: readonly number[], known: readonly Best[]): number[] {
  const beaten = (id: number): number =>
    Math.max(
      0,
      ...known.filter(({ best }) => best === id).map(({ among }) => left.filter((other) => among.has(other)).length),
    );
  return left.toSorted((one, other) => beaten(other) - beaten(one));
}

function choiceOf(answer: Answer, { protocol, pick }: Asking): number | "none" | "unclear" {
  if (answer.kind !== "hello") return isRefusal(answer) ? "none" : "unclear";
  if (answer.flight.protocol !== protocol) return "none";
  return pick(answer.flight) ?? "unclear";
}

function inPieces(ids: readonly number[]): number[][] {
  const count = Math.min(pieces, ids.length);
  return Array.from({ length: count }, (_, start) => ids.filter((_id, index) => index % count === start));
}
