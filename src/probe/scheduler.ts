/** Runs jobs side by side; fewer at once after trouble, and what failed runs again with nothing beside it. */
export interface Scheduler {
  /** Runs `job`; when its result is trouble, runs it once more alone. The second result stands. */
  run<T>(job: () => Promise<T>, isTrouble: (result: T) => boolean): Promise<T>;
  /** Jobs that may run at once now. */
  readonly limit: number;
}

/** A scheduler that starts with `width` jobs at once. */
export function createScheduler(width: number): Scheduler {
  let limit = width;
  let active = 0;
  let aloneActive = false;
  const waiting: { readonly alone: boolean; readonly start: () => void }[] = [];

  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (aloneActive || (next.alone ? active > 0 : active >= limit)) return;
      waiting.shift();
      active++;
      aloneActive = next.alone;
      next.start();
    }
  };
  const slot = async <T>(job: () => Promise<T>, alone: boolean): Promise<T> => {
    await new Promise<void>((start) => {
      const entry = { alone, start };
      // Repetitions go first: what they decide is needed by those that wait.
      if (alone) waiting.unshift(entry);
      else waiting.push(entry);
      admit();
    });
    try {
      return await job();
    } finally {
      active--;
      if (alone) aloneActive = false;
      admit();
    }
  };

  return {
    async run(job, isTrouble) {
      const first = await slot(job, false);
      if (!isTrouble(first)) return first;
      limit = Math.max(1, Math.floor(limit / 2));
      return slot(job, true);
    },
    get limit() {
      return limit;
    },
  };
}
