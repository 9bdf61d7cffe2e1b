import { failureOf, lasting } from "./failures.ts";
import type { Failure } from "./failures.ts";
import type { Answer, NetworkOptions } from "./http.ts";
import { runOf } from "./run.ts";
import { watch } from "./watch.ts";

/** The whole body of an answer. `what` names it in messages; one longer than `longest` bytes is a failure, and so is one that stalls. */
export async function bodyOf(
  answer: Answer,
  { longest, what }: { readonly longest: number; readonly what: string },
  options: NetworkOptions,
): Promise<Buffer | Failure> {
  const chunks: Buffer[] = [];
  let length = 0;
  const watched = watch(answer, options);
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      watched.passed(chunk.length);
      length += chunk.length;
      if (length > longest) return lasting(`${what} is endless`);
      chunks.push(chunk);
    }
  } catch (error) {
    const failure = watched.stalled() ?? failureOf(error, answer.url.host, runOf(options));
    return { ...failure, reason: `${what} broke off: ${failure.reason}`, retry: true };
  } finally {
    watched.end();
  }
  return Buffer.concat(chunks);
}
