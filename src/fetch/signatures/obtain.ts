import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Location, Source } from "../../recipe/index.ts";
import { bodyOf } from "../body.ts";
import { isFailure, lasting, statusFailure, type Failure } from "../failures.ts";
import { send } from "../http.ts";
import { candidates, type Candidate } from "../locations.ts";
import { errnoOf, isLack, throwIfInterrupted } from "../problems.ts";
import { findProvenance } from "../pypi.ts";
import { withRetries } from "../retry.ts";
import type { FetchOptions } from "../types.ts";

/** What a signature's file ends with, in caches and on mirrors: `<sha256>.asc`. */
export const signatureExtensions = ["asc", "sigstore", "provenance"] as const;
export type Extension = (typeof signatureExtensions)[number];

/** A source with a digest. */
export type Digested = Source & { readonly sha256: string };

/** One copy of a signature. `from`: the location as text, or `cache`; `path`: where in the caches it lies, null for one that was just had. */
export interface Copy {
  readonly bytes: Buffer;
  readonly from: string;
  readonly path: string | null;
}

/** One place that has none. */
export interface Miss {
  readonly from: string;
  readonly failure: Failure;
}

/** Larger than any signature, bundle or provenance object in use by a factor of ten. */
const longest = 1024 * 1024;

/** Every copy of a signature, those of the caches first, then by location, each fetched when it is asked for. */
export async function* copies(
  source: Digested,
  extension: Extension,
  options: FetchOptions & { readonly cachesOnly: boolean },
): AsyncGenerator<Copy | Miss, void> {
  for (const folder of options.caches) {
    const path = join(folder, `${source.sha256}.${extension}`);
    const bytes = await readSmall(path);
    if (!isFailure(bytes)) yield { bytes, from: "cache", path };
  }
  if (options.cachesOnly) return;
  for (const candidate of places(source, extension, options)) {
    throwIfInterrupted(options.signal, `fetching the signature of ${source.name}`);
    const from = candidate.text;
    const bytes = await deliver(candidate, options);
    throwIfInterrupted(options.signal, `fetching the signature of ${source.name}`);
    yield isFailure(bytes) ? { from, failure: bytes } : { bytes, from, path: null };
  }
}

/** Puts a copy into the first cache, whole or not at all. Errors of the disk are thrown. */
export async function keep({ bytes }: Copy, name: string, cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const temporary = join(cache, `.${name}.${randomBytes(4).toString("hex")}`);
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, join(cache, name));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Where a signature may be: on the mirror under the source's digest, then at its own locations or beside those of the source. */
function places(source: Digested, extension: Extension, options: FetchOptions): readonly Candidate[] {
  const own = source.signature?.locations ?? [];
  const locations = own.length > 0 ? own : source.locations.map((location) => beside(location, extension));
  // A mirror's files are named by digest: that is the only use that `candidates` has for it.
  return candidates({ ...source, sha256: `${source.sha256}.${extension}`, locations }, options);
}

function beside(location: Location, extension: Extension): Location {
  switch (location.kind) {
    case "url": {
      const [, address = "", rest = ""] = /^([^?#]*)(.*)$/.exec(location.url) ?? [];
      return { ...location, url: `${address}.${extension}${rest}` };
    }
    case "debian":
    case "file":
      return { ...location, path: `${location.path}.${extension}` };
    case "mirror":
    case "pypi":
    case "crate":
      return location;
  }
}

async function deliver(candidate: Candidate, options: FetchOptions): Promise<Buffer | Failure> {
  if (candidate.kind === "none") return lasting(candidate.reason);
  if (candidate.kind === "file") return readSmall(candidate.path);
  if (candidate.kind === "crate") return lasting("a registry of crates has no signatures");
  return withRetries(
    async () => {
      const url = candidate.kind === "http" ? candidate.url : await findProvenance(candidate, options);
      if (url === null) return lasting("the index offers no attestations of this file");
      return isFailure(url) ? url : download(url, options);
    },
    () => undefined,
    options,
  );
}

async function download(url: URL, options: FetchOptions): Promise<Buffer | Failure> {
  const answer = await send({ url }, options);
  if (isFailure(answer)) return answer;
  if (answer.status === 200) return bodyOf(answer, { longest, what: "the signature" }, options);
  answer.body.destroy();
  return statusFailure(answer.status, answer.header("retry-after"));
}

async function readSmall(path: string): Promise<Buffer | Failure> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) return lasting("no such file");
    return facts.size > longest ? lasting("is too long for a signature") : await readFile(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === null || isLack(code)) throw error;
    return lasting(code === "ENOENT" ? "no such file" : code);
  }
}
