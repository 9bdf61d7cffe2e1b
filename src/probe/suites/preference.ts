import type { Answer } from "../client/answer.ts";
import { describeAnswer } from "../client/answer.ts";
import { failed } from "../outcome.ts";
import { suiteOf } from "../../wire/index.ts";
import type { SuitesSeen } from "../types.ts";
import type { Unknown } from "../outcome.ts";

export type Preference = Pick<SuitesSeen, "preference" | "chachaException">;

/**
 * Who decides among suites, by one hello in the opposite order and one with ChaCha20 first.
 * `found` is in the order in which the server picked them. ChaCha20 never stands first in the reversed hello: its exception must not pass for the client's choice.
 */
export async function findPreference(
  found: readonly number[],
  ask: (suites: readonly number[]) => Promise<Answer>,
): Promise<Preference | Unknown> {
  const [top] = found;
  if (top === undefined || found.length === 1) return { preference: "single", chachaException: null };
  const reversed = awayFromChaCha(found.toReversed());
  const chacha = found.find(isChaCha);
  const mayExcept = chacha !== undefined && !isChaCha(top);
  const lead = reversed[0];
  if (lead === top) return { preference: "server", chachaException: null };
  const [plain, chachaFirst] = await Promise.all([
    ask(reversed),
    mayExcept ? ask([...found.filter(isChaCha), ...found.filter((id) => !isChaCha(id))]) : Promise.resolve(undefined),
  ]);
  if (plain.kind !== "hello") return failed(`preference: ${describeAnswer(plain)}`);
  if (plain.flight.serverHello.cipherSuite === lead) return { preference: "client", chachaException: null };
  if (chachaFirst === undefined) return { preference: "server", chachaException: null };
  if (chachaFirst.kind !== "hello") return failed(`ChaCha20 first: ${describeAnswer(chachaFirst)}`);
  return { preference: "server", chachaException: isChaCha(chachaFirst.flight.serverHello.cipherSuite) };
}

function isChaCha(id: number): boolean {
  return suiteOf(id).encryption.startsWith("CHACHA20");
}

/** The list, with ChaCha20 suites at its front moved to its end. */
export function awayFromChaCha(list: readonly number[]): readonly number[] {
  const first = list.findIndex((id) => !isChaCha(id));
  return first <= 0 ? list : [...list.slice(first), ...list.slice(0, first)];
}
