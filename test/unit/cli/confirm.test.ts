import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirmOn, type Asking } from "../../../src/cli/confirm.ts";

/** Types these keys at the question; gives the answer, or the name of what was thrown. */
async function typed(keys: string): Promise<{ answer: unknown; aborted: boolean; shown: string }> {
  const input = new PassThrough();
  const output = new PassThrough();
  const asking: Asking = { input, output, abort: new AbortController() };
  const answer = confirmOn(asking, "Go on?").catch((error: unknown) => (error as Error).name);
  input.write(keys);
  return { answer: await answer, aborted: asking.abort.signal.aborted, shown: String(output.read()) };
}

test.each([
  ["y\r", true],
  ["YES\r", true],
  [" yes \r", true],
  ["\r", false],
  ["n\r", false],
  ["yesterday\r", false],
  ["\u0004", false],
])("%j is answered %s", async (keys, answer) => {
  expect(await typed(keys)).toMatchObject({
    answer,
    aborted: false,
    shown: expect.stringContaining("Go on? [y/N] ") as string,
  });
});

test.each(["\u0003", "y\u0003"])("Ctrl-C aborts (%j)", async (keys) => {
  expect(await typed(keys)).toMatchObject({ answer: "AbortError", aborted: true });
});

test("a signal that comes while the question stands ends it", async () => {
  const asking: Asking = { input: new PassThrough(), output: new PassThrough(), abort: new AbortController() };
  const answer = confirmOn(asking, "Go on?");
  asking.abort.abort();
  await expect(answer).rejects.toMatchObject({ name: "AbortError" });
});
