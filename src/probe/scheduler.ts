/** What a result says: fine, to be asked again alone, or that besides the peer may be strained (a reset, a time-out). */
export type Verdict = "fine" | "repeat" | "strained";

/** Runs jobs side by side; more at once while all goes well, fewer after trouble, and what failed runs again with nothing beside it. */
export interface Scheduler {
  /** Runs `job`; unless its result is fine, runs it once more alone. The second result stands. */
  run<T>(job: () => Promise<T>, verdictOf: (result: T) => Verdict): Promise<T>;
  /** Runs a job that asks another service: it is one of those at once, but no company for what runs alone, and nothing follows from its result. */
  runBeside<T>(job: () => Promise<T>): Promise<T>;
  /** Jobs that may run at once now. */
  readonly limit: number;
}

type Kind = "first" | "alone" | "beside";

/**
 * A scheduler that starts with `start` jobs at once, doubled up to `most` after each clean round, halved when the peer seems strained. A round is over when as
 * many as may run at once have ended well, or when nothing runs any more.
 */
export function createScheduler(start: number, most: number = start): Scheduler {
  let limit = start;
  let active = 0;
  /** Of the active ones, those that ask another service. */
  let beside = 0;
  let clean = 0;
  /** Counts the troubles: what began before one does not make a round clean. */
  let era = 0;
  let aloneActive = false;
  const waiting: { readonly kind: Kind; readonly start: () => void }[] = [];

  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (aloneActive || (next.kind === "alone" ? active > beside : active >= limit)) return;
      waiting.shift();
      active++;
      if (next.kind === "beside") beside++;
      aloneActive = next.kind === "alone";
      next.start();
    }
  };
  const slot = async <T>(
    job: () => Promise<T>,
    of: { kind: Kind; ended: (result: T, begun: number) => void },
  ): Promise<T> => {
    await new Promise<void>((begin) => {
      const entry = { kind: of.kind, start: begin };
      // Repetitions go first: what they decide is needed by those that wait.
      if (of.kind === "alone") waiting.unshift(entry);
      else waiting.push(entry);
      admit();
    });
    const begun = era;
    try {
      const result = await job();
      of.ended(result, begun);
      return result;
    } finally {
      active--;
      if (of.kind === "beside") beside--;
      if (of.kind === "alone") aloneActive = false;
      admit();
    }
  };
  const grow = (): void => {
    clean++;
    if (clean < limit && active - beside > 1) return;
    clean = 0;
    limit = Math.min(most, limit * 2);
  };
  const shrink = (): void => {
    era++;
    clean = 0;
    limit = Math.max(1, Math.floor(limit / 2));
  };

  return {
    async run(job, verdictOf) {
      let before = limit;
      const first = await slot(job, {
        kind: "first",
        ended(result, begun) {
          before = limit;
          const verdict = verdictOf(result);
          if (verdict === "fine" && begun === era) grow();
          else if (verdict === "strained") shrink();
        },
      });
      if (verdictOf(first) === "fine") return first;
      return slot(job, {
        kind: "alone",
        ended(result) {
          // The same with nothing beside it: that is how the peer answers, not strain.
          if (verdictOf(result) === "strained") limit = Math.max(limit, before);
        },
      });
    },
    runBeside: (job) => slot(job, { kind: "beside", ended() {} }),
    get limit() {
      return limit;
    },
  };
}
