import type { FetchLimits } from "./types.ts";

const defaults: FetchLimits = {
  connectSeconds: 5,
  stallSeconds: 20,
  checkSeconds: 10,
  attempts: 4,
  backoffSeconds: 0.5,
  // The largest source in use is OpenSSL with 53 MB.
  maxBytes: 512 * 1024 * 1024,
  parallel: 6,
};

/** The limits of a call: the defaults with what the caller changed. */
export function withDefaults(limits: Partial<FetchLimits> | undefined): FetchLimits {
  return { ...defaults, ...limits };
}
