import { setImmediate as turn } from "node:timers/promises";
import { ForgeError } from "../errors.ts";

const bytesPerTurn = 4_000_000;

/**
 * For work that reads files without waiting, since a call to the thread pool for each piece would cost more than the work: gives everybody else
 * their turn after so many bytes of it. Throws ForgeError `interrupted` once the signal has aborted.
 */
export function takingTurns(signal?: AbortSignal): (bytes: number) => Promise<void> {
  let since = 0;
  return async (bytes) => {
    since += bytes;
    if (since < bytesPerTurn) return;
    since = 0;
    await turn();
    if (signal?.aborted === true) throw new ForgeError("interrupted", "interrupted while an output was looked through");
  };
}
