import { createInterface } from "node:readline/promises";

/** Where a question is asked: the two ends of a terminal, and what Ctrl-C aborts. */
export interface Asking {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly abort: AbortController;
}

/** Asks on a terminal; anything but yes is no, the end of input (Ctrl-D) too. Ctrl-C aborts: throws an AbortError. */
export async function confirmOn({ input, output, abort }: Asking, question: string): Promise<boolean> {
  const terminal = createInterface({ input, output, terminal: true });
  // The terminal is in raw mode while it is read, so that Ctrl-C is no signal to the process.
  terminal.on("SIGINT", () => abort.abort());
  const ended = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `, { signal: abort.signal }), ended]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
