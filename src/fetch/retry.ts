import { setTimeout as sleep } from "node:timers/promises";
import { isFailure } from "./failures.ts";
import type { Failure } from "./failures.ts";
import type { NetworkOptions } from "./http.ts";
import { withDefaults } from "./limits.ts";

/** Longest wait that a server's Retry-After is granted, in seconds. */
const longestWait = 20;

/** Told before each wait. */
export type OnRetry = (reason: string, waitSeconds: number) => void;

/** Repeats what failed in a way that may pass, with growing waits; the last failure when the tries are used up. Something slow is tried twice at most. */
export async function withRetries<T extends object>(
  action: () => Promise<T | Failure>,
  onRetry: OnRetry,
  options: NetworkOptions,
): Promise<T | Failure> {
  const limits = withDefaults(options.limits);
  for (let attempt = 1; ; attempt++) {
    const result = await action();
    if (!isFailure(result) || !result.retry || options.signal.aborted) return result;
    if (attempt >= (result.slow === true ? Math.min(2, limits.attempts) : limits.attempts)) return result;
    const wait = Math.min(Math.max(limits.backoffSeconds * 2 ** (attempt - 1), result.retryAfter ?? 0), longestWait);
    onRetry(result.reason, wait);
    await sleep(wait * 1000, undefined, { signal: options.signal });
  }
}
