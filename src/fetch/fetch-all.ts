import { ForgeError, type ErrorCode } from "../errors.ts";
import type { Source } from "../recipe/types.ts";
import { fetchOne } from "./fetch.ts";
import { withDefaults } from "./limits.ts";
import { sameRun } from "./run.ts";
import type { FetchedSource, FetchOptions } from "./types.ts";

/**
 * Obtains all sources, several at a time, in the order of `requests`. A source that appears twice (by digest) is fetched once.
 *
 * `overrides`: the user's own files or folders by the source's name, absolute paths; their result is unverified unless the digest is the recipe's.
 * When some cannot be had the others are still fetched (they stay in the cache), then one ForgeError names every missing one:
 * `source-unavailable`, `source-mismatch`, `signature-wrong` or `signature-missing` with each location's answer in `details`. `disk-full`, `prefix-unusable` and `interrupted` end all at once.
 */
export async function fetchAll(
  requests: readonly Source[],
  options: FetchOptions & { readonly overrides?: Readonly<Record<string, string>> },
): Promise<FetchedSource[]> {
  const stop = new AbortController();
  const inner = { ...options, signal: sameRun(options, AbortSignal.any([options.signal, stop.signal])) };
  const started = new Map<string, Promise<FetchedSource | ForgeError>>();
  const latest = new Map<string | null, Promise<unknown>>();
  const slot = limiter(withDefaults(options.limits).parallel);
  const settled = await Promise.allSettled(
    requests.map(async (source) => {
      const override = options.overrides?.[source.name];
      const identity =
        override === undefined
          ? `sha256 ${source.sha256} ${JSON.stringify(source.signature)}`
          : `user ${override} ${source.sha256}`;
      const known = started.get(identity);
      if (known !== undefined) return { source, outcome: await known };
      // The same bytes with another signature come after, out of the cache: two cannot write one file.
      const before = latest.get(source.sha256);
      const running = slot(async () => {
        await before?.catch(() => undefined);
        return fetchOne(source, override === undefined ? inner : { ...inner, override });
      }).catch((error: unknown) => {
        if (isAboutOneSource(error)) return error;
        stop.abort(error);
        throw error;
      });
      started.set(identity, running);
      latest.set(source.sha256, running);
      return { source, outcome: await running };
    }),
  );
  // The first error of this kind ended the others, so theirs say nothing.
  if (stop.signal.aborted) throw stop.signal.reason;
  const results = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = results.flatMap(({ source, outcome }) =>
    outcome instanceof ForgeError ? [{ source, error: outcome }] : [],
  );
  if (failed.length > 0) throw summary(failed, requests.length);
  return results.flatMap(({ source, outcome }) => (outcome instanceof ForgeError ? [] : [{ ...outcome, source }]));
}

function isAboutOneSource(error: unknown): error is ForgeError {
  return error instanceof ForgeError && worstFirst.includes(error.code);
}

/** What is about one source, the code that says most first. */
const worstFirst: readonly ErrorCode[] = [
  "source-mismatch",
  "signature-wrong",
  "signature-missing",
  "source-unavailable",
];

function summary(
  failed: readonly { readonly source: Source; readonly error: ForgeError }[],
  count: number,
): ForgeError {
  const errors = [...new Set(failed.map(({ error }) => error))];
  const [first] = errors;
  if (first !== undefined && errors.length === 1) return first;
  const names = [...new Set(failed.map(({ source }) => source.name))].join(", ");
  const worst = worstFirst.flatMap((code) => errors.filter((error) => error.code === code))[0] ?? first;
  return new ForgeError(
    worst?.code ?? "source-unavailable",
    `${failed.length} of ${count} sources cannot be had: ${names}`,
    {
      ...(worst?.hint === undefined ? {} : { hint: worst.hint }),
      details: errors.flatMap((error) => [error.message, ...error.details.map((line) => `  ${line}`)]),
    },
  );
}

/** Runs at most `count` jobs at a time, in the order they were given. */
function limiter(count: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (job) => {
    // Whoever ends hands its place to the first that waits.
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
