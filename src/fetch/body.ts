import { lasting, passing } from "./failures.ts";
import type { Failure } from "./failures.ts";
import type { Answer } from "./http.ts";

/** The whole body of an answer. `what` names it in messages; one longer than `longest` bytes is a failure. */
export async function bodyOf(
  answer: Answer,
  { longest, what }: { readonly longest: number; readonly what: string },
): Promise<Buffer | Failure> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > longest) return lasting(`${what} is endless`);
      chunks.push(chunk);
    }
  } catch (error) {
    return passing(`${what} broke off: ${error instanceof Error ? error.message : String(error)}`);
  }
  return Buffer.concat(chunks);
}
