import type { ForgeEvent } from "../events.ts";

/** Remembers when phases, builds and downloads began. */
export interface Stopwatch {
  /** Notes what an event begins; gives the seconds since the beginning of what it ends, else 0. */
  note(event: ForgeEvent): number;
}

export function stopwatch(now: () => number): Stopwatch {
  const begun = new Map<string, number>();
  const since = (name: string): number => (now() - (begun.get(name) ?? now())) / 1000;
  return {
    note(event) {
      switch (event.type) {
        case "phase":
          if (event.state === "start") begun.set(`phase ${event.phase}`, now());
          return since(`phase ${event.phase}`);
        case "fetch-start":
          if (!begun.has(`fetch ${event.source}`)) begun.set(`fetch ${event.source}`, now());
          return 0;
        case "fetch-done":
          return since(`fetch ${event.source}`);
        default:
          return 0;
      }
    },
  };
}
