import type { Answer, NetworkOptions } from "./http.ts";
import { passing } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { withDefaults } from "./limits.ts";

/** A look at a body while it is read. */
export interface Watch {
  /** Tells of bytes that have come. */
  passed(bytes: number): void;
  /** Null while enough comes; once it does not, the body ends with an error, and this says why. */
  stalled(): Failure | null;
  end(): void;
}

/** Ends the body of an answer once less than 1 KiB comes in `stallSeconds`: a server that sends a byte now and then is as stuck as one that sends none. */
export function watch({ body }: Answer, options: NetworkOptions): Watch {
  const { stallSeconds } = withDefaults(options.limits);
  let recent = 0;
  let all = 0;
  let failure: Failure | null = null;
  const timer = setInterval(() => {
    if (recent < 1024) {
      failure = { ...passing(`sent next to nothing for ${stallSeconds} s, after ${all} bytes`), slow: true };
      body.destroy(new Error("stalled"));
    }
    recent = 0;
  }, stallSeconds * 1000);
  return {
    passed(bytes) {
      recent += bytes;
      all += bytes;
    },
    stalled: () => failure,
    end: () => clearInterval(timer),
  };
}
