import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ForgeError } from "../errors.ts";
import type { SignatureVerdict, Source } from "../recipe/index.ts";
import { findCached } from "./cache.ts";
import { findCrate } from "./crates.ts";
import { chunksOf } from "./digest.ts";
import { isFailure, lasting } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { withDefaults } from "./limits.ts";
import { noteOrigin, originOf } from "./origin.ts";
import { candidates } from "./locations.ts";
import type { Candidate } from "./locations.ts";
import { append, closePart, digestOf, finish, openPart, restart } from "./part.ts";
import type { Part } from "./part.ts";
import { errnoOf, throwIfInterrupted, writeProblem } from "./problems.ts";
import { findInIndex } from "./pypi.ts";
import { remedyFor } from "./remedy.ts";
import { withRetries } from "./retry.ts";
import type { OnRetry } from "./retry.ts";
import { verifySignature } from "./signatures/check.ts";
import { transfer } from "./transfer.ts";
import type { Wanted } from "./transfer.ts";
import type { FetchedSource, FetchOptions } from "./types.ts";
import { userSource } from "./user.ts";

/** A digested source: all but a user's own. */
type Digested = Source & { readonly sha256: string };

/** Brings one source into the first cache, from the caches or the first location that delivers it. */
export async function fetchOne(
  source: Source,
  options: FetchOptions & { readonly override?: string },
): Promise<FetchedSource> {
  if (options.override !== undefined)
    return { ...(await userSource(source, options.override, options.signal)), signature: ownFile };
  const { sha256 } = source;
  if (sha256 === null) throw new Error(`the source ${source.name} has no digest and is not the user's own`);
  const cache = options.caches[0];
  if (cache === undefined) throw new Error("no cache folder is given");
  throwIfInterrupted(options.signal, `fetching ${source.name}`);
  try {
    const brought = await bring({ ...source, sha256 }, cache, options);
    const checked = { source: { ...source, sha256 }, path: brought.path, cached: brought.location === "cache" };
    return { ...brought, signature: await verifySignature(checked, options) };
  } catch (error) {
    throwIfInterrupted(options.signal, `fetching ${source.name}`);
    throw writeProblem(error, cache);
  }
}

const ownFile: SignatureVerdict = { outcome: "untestable", why: "it is your own file" };

/** A source without a look at its signature. */
type Brought = Omit<FetchedSource, "signature">;

async function bring(source: Digested, cache: string, options: FetchOptions): Promise<Brought> {
  const cached = await fromCache(source, options);
  if (cached !== null) return cached;
  await mkdir(cache, { recursive: true });
  const final = join(cache, source.sha256);
  const part = await openPart(final, {
    signal: options.signal,
    onWait: () => options.emit({ type: "notice", message: `Another run is fetching ${source.name}: waiting for it` }),
  });
  if (part === null) return (await fromCache(source, options)) ?? bring(source, cache, options);
  try {
    return await tryAll({ source, part, final }, options);
  } finally {
    await closePart(part);
  }
}

async function fromCache(source: Digested, options: FetchOptions): Promise<Brought | null> {
  const cached = await findCached({ ...options, name: source.name, sha256: source.sha256 });
  if (cached === null) return null;
  options.emit({ type: "fetch-done", source: source.name, location: "cache", bytes: cached.bytes });
  const origin = await originOf(options.caches, source.sha256);
  const known = origin === null ? {} : { origin };
  return { source, ...cached, location: "cache", ...known, sha256: source.sha256, verified: true };
}

interface Job {
  readonly source: Digested;
  readonly part: Part;
  readonly final: string;
}

async function tryAll({ source, part, final }: Job, options: FetchOptions): Promise<Brought> {
  const answers: { readonly candidate: Candidate; readonly failure: Failure }[] = [];
  for (const candidate of candidates(source, options)) {
    throwIfInterrupted(options.signal, `fetching ${source.name}`);
    const failure = await tryOne({ source, part, candidate }, options);
    if (failure === null) {
      // Before its name: a kill in between leaves a record that the next run replaces.
      await noteOrigin(final, candidate.text);
      const finished = await finish(part, { final, sha256: source.sha256 });
      const others = finished === "gone" ? await fromCache(source, options) : null;
      if (others !== null) return others;
      if (finished !== "done") throw changedOnDisk(source, part, finished);
      options.emit({ type: "fetch-done", source: source.name, location: candidate.text, bytes: part.bytes });
      return {
        source,
        path: final,
        location: candidate.text,
        sha256: source.sha256,
        verified: true,
        bytes: part.bytes,
      };
    }
    throwIfInterrupted(options.signal, `fetching ${source.name}`);
    answers.push({ candidate, failure });
    options.emit({ type: "location-failed", source: source.name, location: candidate.text, reason: failure.reason });
  }
  throw refusal(source, answers, options);
}

async function tryOne(
  { source, part, candidate }: Omit<Job, "final"> & { candidate: Candidate },
  options: FetchOptions,
): Promise<Failure | null> {
  if (candidate.kind === "none") return lasting(candidate.reason);
  if (candidate.kind === "file") return copyInto({ path: candidate.path, part, sha256: source.sha256 }, options);
  const common = { source: source.name, location: candidate.text };
  const onRetry: OnRetry = (reason, waitSeconds) =>
    options.emit({ type: "fetch-retry", ...common, reason, waitSeconds });
  const { sha256 } = source;
  const url =
    candidate.kind === "http"
      ? candidate.url
      : await withRetries(
          () =>
            candidate.kind === "crate"
              ? findCrate({ ...candidate, sha256 }, options)
              : findInIndex({ ...candidate, sha256 }, options),
          onRetry,
          options,
        );
  if (isFailure(url)) return url;
  let shownAt = 0;
  const onStart: Wanted["onStart"] = (total) =>
    options.emit({ type: "fetch-start", ...common, ...(total === undefined ? {} : { total }) });
  const onProgress: Wanted["onProgress"] = (received, total) => {
    // Ten times a second is as much as anyone can see.
    if (received !== total && performance.now() - shownAt < 100) return;
    shownAt = performance.now();
    options.emit({ type: "fetch-progress", source: source.name, received, ...(total === undefined ? {} : { total }) });
  };
  return transfer({ url, sha256, onStart, onProgress, onRetry }, part, options);
}

async function copyInto(
  { path, part, sha256 }: { path: string; part: Part; sha256: string },
  options: FetchOptions,
): Promise<Failure | null> {
  if ((await stat(path).catch(() => null))?.isFile() !== true) return lasting("no such file");
  await restart(part);
  const { maxBytes } = withDefaults(options.limits);
  const chunks = chunksOf(path);
  try {
    for (;;) {
      throwIfInterrupted(options.signal, "copying a source");
      const next = await chunks.next().catch((error: unknown) => lasting(errnoOf(error) ?? String(error)));
      if (isFailure(next)) return next;
      if (next.done === true) break;
      if (part.bytes + next.value.length > maxBytes) return lasting("is too long");
      await append(part, next.value);
    }
  } finally {
    await chunks.return();
  }
  const got = digestOf(part);
  if (got === sha256) return null;
  await restart(part);
  return { ...lasting(`holds other bytes: expected SHA-256 ${sha256}, got ${got}`), mismatch: got };
}

function changedOnDisk(source: Digested, part: Part, found: "changed" | "gone"): ForgeError {
  const what = found === "gone" ? "is gone" : "reads back differently";
  return new ForgeError(
    "source-mismatch",
    `${source.file} (${source.name}) arrived whole, but ${what} from the disk (${part.path})`,
    {
      hint: "Run again; if it stays the same, check the disk, or whether another program writes there",
    },
  );
}

/** The error for a source that no location delivered. Wrong bytes weigh more than missing ones: they are a mistake in the recipe or an attack. */
function refusal(
  source: Digested,
  answers: readonly { readonly candidate: Candidate; readonly failure: Failure }[],
  options: FetchOptions,
): ForgeError {
  const details = answers.map(({ candidate, failure }) => `${candidate.text}: ${failure.reason}`);
  const wrong = answers.find(({ failure }) => failure.mismatch !== undefined);
  if (wrong !== undefined) {
    return new ForgeError(
      "source-mismatch",
      `${source.file} (${source.name}) is not what the recipe names: expected SHA-256 ${source.sha256}, got ${wrong.failure.mismatch}`,
      {
        hint: "Nothing of it was kept. If upstream replaced the file, check its signature and correct the recipe's digest; else distrust that location",
        details,
      },
    );
  }
  const tried =
    answers.length === 0
      ? "it has no location"
      : `${answers.length === 1 ? "its only location has" : `none of its ${answers.length} locations has`} delivered it`;
  return new ForgeError("source-unavailable", `${source.file} (${source.name}) cannot be had: ${tried}`, {
    hint: remedyFor(source.name, source.locations, options),
    details,
  });
}
