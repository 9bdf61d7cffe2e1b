import { setTimeout as sleep } from "node:timers/promises";

/** Waits until the next connection may be begun; ends at once when `signal` fires. */
export type Pace = (signal: AbortSignal | undefined) => Promise<void>;

/** At most `rate` connections per second, evenly spaced, over all targets that share it. `now` in milliseconds. */
export function createPace(rate: number, now: () => number = () => performance.now()): Pace {
  const gap = 1000 / rate;
  let next = 0;
  return (signal) => {
    const at = Math.max(next, now());
    next = at + gap;
    return pause(at - now(), signal);
  };
}

/** Waits so many milliseconds, or until `signal` fires. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0 || signal?.aborted === true) return;
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== "AbortError") throw error;
  });
}
