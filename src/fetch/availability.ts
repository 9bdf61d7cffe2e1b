import { stat } from "node:fs/promises";
import type { Source } from "../recipe/types.ts";
import { findCached } from "./cache.ts";
import { findCrate } from "./crates.ts";
import { isFailure, lasting, statusFailure } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { send } from "./http.ts";
import { withDefaults } from "./limits.ts";
import { candidates } from "./locations.ts";
import type { Candidate } from "./locations.ts";
import { throwIfInterrupted } from "./problems.ts";
import { findInIndex } from "./pypi.ts";
import type { Availability, FetchOptions } from "./types.ts";

/**
 * Whether a source could be had, without taking it: in a cache, else the first location that says yes. Nothing is retried; each location has
 * `checkSeconds`. `unavailable` with `down` means that nobody answered (no network), without it at least one location said no.
 */
export async function availability(source: Source, options: FetchOptions): Promise<Availability> {
  const { sha256 } = source;
  if (sha256 === null) throw new Error(`the source ${source.name} has no digest and is not the user's own`);
  const cached = await findCached({ ...options, name: source.name, sha256 });
  if (cached !== null) return { state: "cached", path: cached.path };
  const failures: Failure[] = [];
  const reasons: string[] = [];
  for (const candidate of candidates(source, options)) {
    throwIfInterrupted(options.signal, `asking for ${source.name}`);
    const failure = await check(candidate, { sha256, options });
    if (failure === null) return { state: "available", location: candidate.location };
    failures.push(failure);
    reasons.push(`${candidate.text}: ${failure.reason}`);
  }
  throwIfInterrupted(options.signal, `asking for ${source.name}`);
  const asked = failures.length > 0 && failures.every((failure) => failure.down);
  return { state: "unavailable", reasons, ...(asked ? { down: true } : {}) };
}

/** Null for yes. */
async function check(
  candidate: Candidate,
  { sha256, options }: { sha256: string; options: FetchOptions },
): Promise<Failure | null> {
  const pages = { ...options, pageSeconds: withDefaults(options.limits).checkSeconds };
  switch (candidate.kind) {
    case "none":
      return lasting(candidate.reason);
    case "file":
      return (await stat(candidate.path).catch(() => null))?.isFile() === true ? null : lasting("no such file");
    case "pypi": {
      const found = await findInIndex({ ...candidate, sha256 }, pages);
      return isFailure(found) ? found : null;
    }
    case "crate": {
      const found = await findCrate({ ...candidate, sha256 }, pages);
      return isFailure(found) ? found : checkUrl(found, options);
    }
    case "http":
      return checkUrl(candidate.url, options);
  }
}

async function checkUrl(url: URL, options: FetchOptions): Promise<Failure | null> {
  const limits = withDefaults(options.limits);
  const seconds = limits.checkSeconds;
  let answer = await send({ url, method: "HEAD", seconds }, options);
  // Some servers know no HEAD, and signed addresses are signed for GET alone.
  if (!isFailure(answer) && [400, 403, 405, 501].includes(answer.status)) {
    answer.body.destroy();
    answer = await send({ url, headers: { range: "bytes=0-0" }, seconds }, options);
  }
  if (isFailure(answer)) return answer;
  answer.body.destroy();
  if (answer.status !== 200 && answer.status !== 206) return statusFailure(answer.status, answer.header("retry-after"));
  const length = answer.status === 200 ? Number(answer.header("content-length") ?? 0) : 0;
  return length > limits.maxBytes ? lasting("is longer than what is taken at most") : null;
}
