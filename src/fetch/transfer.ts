import { failureOf, isFailure, lasting, passing, statusFailure } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { send } from "./http.ts";
import type { Answer, NetworkOptions } from "./http.ts";
import { withDefaults } from "./limits.ts";
import { withRetries } from "./retry.ts";
import type { OnRetry } from "./retry.ts";
import { append, digestOf, restart, setOrigin, validatorFor } from "./part.ts";
import type { Part } from "./part.ts";
import { runOf } from "./run.ts";
import type { FetchLimits } from "./types.ts";
import { watch } from "./watch.ts";

/** What is wanted from one address. */
export interface Wanted {
  readonly url: URL;
  readonly sha256: string;
  readonly onStart: (total: number | undefined) => void;
  readonly onProgress: (received: number, total: number | undefined) => void;
  readonly onRetry: OnRetry;
}

/**
 * Downloads into `part`, continuing what is there, until its digest is right. Retries what is worth it; returns the failure of
 * the last try. Errors of the local disk are thrown.
 */
export async function transfer(wanted: Wanted, part: Part, options: NetworkOptions): Promise<Failure | null> {
  const result = await withRetries(async () => (await tryOnce(wanted, part, options)) ?? part, wanted.onRetry, options);
  return isFailure(result) ? result : null;
}

async function tryOnce(wanted: Wanted, part: Part, options: NetworkOptions): Promise<Failure | null> {
  // A kill between the last byte and the rename leaves a part that is complete.
  if (part.bytes > 0 && digestOf(part) === wanted.sha256) return null;
  const from = part.bytes;
  const answer = await send({ url: wanted.url, headers: from > 0 ? rangeHeaders(part, wanted.url) : {} }, options);
  if (isFailure(answer)) return answer;
  const total = await accept(answer, part, withDefaults(options.limits));
  if (typeof total === "object") {
    answer.body.destroy();
    return total;
  }
  const resumed = part.bytes;
  await setOrigin(part, { url: wanted.url, validator: validatorOf(answer) });
  wanted.onStart(total);
  const failure = await receive({ answer, part, total, onProgress: wanted.onProgress }, options);
  if (failure !== null) return failure;
  const got = digestOf(part);
  if (got === wanted.sha256) return null;
  const length = part.bytes;
  await restart(part);
  // What was there before may have been wrong: the location gets one chance to deliver everything itself.
  if (resumed > 0) return tryOnce(wanted, part, options);
  return {
    ...lasting(`delivered other bytes (${length}): expected SHA-256 ${wanted.sha256}, got ${got}`),
    mismatch: got,
  };
}

/** Asks for the rest (RFC 9110, sections 13.1.5 and 14.2). Without a validator the digest alone decides whether the pieces fit. */
function rangeHeaders(part: Part, url: URL): Record<string, string> {
  const validator = validatorFor(part, url);
  return { range: `bytes=${part.bytes}-`, ...(validator === null ? {} : { "if-range": validator }) };
}

/** Strong validators only: a weak entity tag does not promise equal bytes. */
function validatorOf(answer: Answer): string | null {
  const tag = answer.header("etag");
  return tag !== null && !tag.startsWith("W/") ? tag : answer.header("last-modified");
}

/** Checks the head of an answer and puts the part where the body begins. The whole file's length when it was told. */
async function accept(answer: Answer, part: Part, limits: FetchLimits): Promise<number | undefined | Failure> {
  let total: number | undefined;
  if (answer.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.header("content-range") ?? "");
    if (range === null || Number(range[1]) !== part.bytes) {
      await restart(part);
      return passing("answered with another range than the one asked for");
    }
    total = range[2] === "*" ? undefined : Number(range[2]);
  } else if (answer.status === 200) {
    if (part.bytes > 0) await restart(part);
    const length = answer.header("content-length");
    total = length === null ? undefined : Number(length);
  } else if (answer.status === 416 && part.bytes > 0) {
    await restart(part);
    return passing("does not have the range asked for");
  } else return statusFailure(answer.status, answer.header("retry-after"));
  if (total !== undefined && total > limits.maxBytes) return lasting(tooLong(limits));
  return total;
}

interface Receiving {
  readonly answer: Answer;
  readonly part: Part;
  readonly total: number | undefined;
  readonly onProgress: Wanted["onProgress"];
}

async function receive(
  { answer, part, total, onProgress }: Receiving,
  options: NetworkOptions,
): Promise<Failure | null> {
  const limits = withDefaults(options.limits);
  const { body } = answer;
  const watched = watch(answer, options);
  const chunks = body.iterator({ destroyOnReturn: true }) as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await nextChunk(chunks);
      if (next instanceof Error) {
        const stalled = watched.stalled();
        if (stalled !== null) return stalled;
        const failure = failureOf(next, answer.url.host, runOf(options));
        return {
          ...failure,
          // What came right before the error may not have reached us.
          reason: `broke off, with ${part.bytes}${total === undefined ? "" : ` of ${total}`} bytes kept: ${failure.reason}`,
        };
      }
      if (next === null) break;
      watched.passed(next.length);
      if (part.bytes + next.length > (total ?? limits.maxBytes)) {
        await restart(part);
        return lasting(total === undefined ? tooLong(limits) : `sent more than the ${total} bytes it announced`);
      }
      await append(part, next);
      onProgress(part.bytes, total);
    }
  } finally {
    watched.end();
    body.destroy();
  }
  if (total !== undefined && part.bytes < total) return passing(`ended after ${part.bytes} of ${total} bytes`);
  return null;
}

/** Keeps errors of the connection apart from those of the disk, which are thrown. */
async function nextChunk(chunks: AsyncIterator<Buffer>): Promise<Buffer | null | Error> {
  try {
    const next = await chunks.next();
    return next.done === true ? null : next.value;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function tooLong(limits: FetchLimits): string {
  return `is longer than the ${Math.round(limits.maxBytes / 1024 / 1024)} MiB that are taken at most`;
}
