import type { Answer, Flight } from "../client/answer.ts";
import { isRefusal } from "../support.ts";
import type { SuiteProtocol } from "../types.ts";

/** What an enumeration by removal has shown. */
export interface Removal {
  /** In the order in which the server picked. */
  readonly picked: readonly number[];
  readonly flights: readonly Flight[];
  /** The answer that ended it. */
  readonly last: Answer;
  /** The last answer was a refusal, so nothing more is accepted. */
  readonly complete: boolean;
}

/**
 * Asks again and again, each time without what the server has picked, until it refuses: one connection more than it accepts.
 * `pick` reads the choice from a flight; undefined ends it (the server chose outside of what is enumerated).
 */
export async function enumerateByRemoval(of: {
  readonly protocol: SuiteProtocol;
  readonly candidates: readonly number[];
  readonly ask: (left: readonly number[]) => Promise<Answer>;
  readonly pick: (flight: Flight) => number | undefined;
  /** The answer to all candidates, when it is already there. */
  readonly first?: Answer;
}): Promise<Removal> {
  const picked: number[] = [];
  const flights: Flight[] = [];
  let left = of.candidates;
  let answer = of.first ?? (await of.ask(left));
  while (answer.kind === "hello") {
    const choice = answer.flight.protocol === of.protocol ? of.pick(answer.flight) : undefined;
    if (choice === undefined || !left.includes(choice))
      return { picked, flights, last: answer, complete: answer.flight.protocol !== of.protocol };
    picked.push(choice);
    flights.push(answer.flight);
    left = left.filter((id) => id !== choice);
    if (left.length === 0) return { picked, flights, last: answer, complete: true };
    answer = await of.ask(left);
  }
  return {
    picked,
    flights,
    last: answer,
    complete: isRefusal(answer),
  };
}
