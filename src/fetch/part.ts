import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { chmod, open, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileDigest, hashInto } from "./digest.ts";
import { errnoOf } from "./problems.ts";

/** A download under way: `<cache>/<sha256>.part`. What has arrived survives a failure or a kill, and the next try continues it. */
export interface Part {
  readonly path: string;
  readonly handle: FileHandle;
  /** Hash of the bytes so far. */
  hash: Hash;
  bytes: number;
  /** What the bytes are from: the address's digest, since an address may hold credentials, and a validator (an entity tag or a date). */
  origin: { readonly address: string; readonly validator: string | null } | null;
  readonly beat: NodeJS.Timeout;
}

const beatSeconds = 1;

/**
 * Opens the part, waiting while another live process works on it (its time stamp moves every second). The other's end, good or bad,
 * ends the wait; `null` says that the finished file appeared meanwhile under `final`.
 */
export async function openPart(
  final: string,
  { signal, onWait }: { signal: AbortSignal; onWait: () => void },
): Promise<Part | null> {
  const path = `${final}.part`;
  let waited = false;
  for (let seen = await stamp(path); isRecent(seen);) {
    await sleep((beatSeconds * 1000 * 3) / 2, undefined, { signal });
    const now = await stamp(path);
    if (now === seen) break;
    if (!waited) onWait();
    waited = true;
    seen = now;
  }
  if (waited && (await stamp(final)) !== null) return null;
  const handle = await open(path, "a+").then(async (made) => {
    await made.close();
    return open(path, "r+");
  });
  const hash = createHash("sha256");
  const bytes = await hashInto(hash, path);
  await touch(path);
  const beat = setInterval(() => void touch(path), beatSeconds * 1000);
  beat.unref();
  return { path, handle, hash, bytes, beat, origin: await readOrigin(path) };
}

/** Adds bytes at the end. */
export async function append(part: Part, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    written += (await part.handle.write(chunk, written, chunk.length - written, part.bytes + written)).bytesWritten;
  }
  part.hash.update(chunk);
  part.bytes += chunk.length;
}

/** Forgets what has arrived. */
export async function restart(part: Part): Promise<void> {
  await part.handle.truncate(0);
  part.hash = createHash("sha256");
  part.bytes = 0;
  part.origin = null;
  await rm(originPath(part.path), { force: true });
}

/** Notes what the coming bytes are from, so that a later run can ask for the rest of the same file. */
export async function setOrigin(part: Part, from: { url: URL; validator: string | null }): Promise<void> {
  part.origin = { address: addressDigest(from.url), validator: from.validator };
  const path = originPath(part.path);
  await writeFile(path, JSON.stringify(part.origin), { mode: 0o600 });
  // One that was there already keeps its mode.
  await chmod(path, 0o600);
}

/** The validator of the bytes so far when they are from this address, else null. */
export function validatorFor({ origin }: Pick<Part, "origin">, url: URL): string | null {
  return origin?.address === addressDigest(url) ? origin.validator : null;
}

/** Digest of the bytes so far. */
export function digestOf(part: Part): string {
  return part.hash.copy().digest("hex");
}

/** Gives the part its final name, after reading it back from the disk. False when what is there does not have the digest. */
export async function finish(part: Part, { final, sha256 }: { final: string; sha256: string }): Promise<boolean> {
  await part.handle.sync();
  if ((await fileDigest(part.path)).sha256 !== sha256) return false;
  await rename(part.path, final);
  const folder = await open(dirname(final), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  await rm(originPath(part.path), { force: true });
  return true;
}

/** Ends the work on a part. Bytes stay for the next try; an empty one is removed. */
export async function closePart(part: Part): Promise<void> {
  clearInterval(part.beat);
  await part.handle.close();
  if ((await stamp(part.path)) === null) return;
  // An old time stamp tells the next process that nobody is at work here.
  if (part.bytes === 0) await Promise.all([rm(part.path, { force: true }), rm(originPath(part.path), { force: true })]);
  else await utimes(part.path, 0, 0);
}

function addressDigest(url: URL): string {
  return createHash("sha256").update(url.href).digest("hex");
}

function originPath(path: string): string {
  return `${path}.origin`;
}

async function readOrigin(path: string): Promise<Part["origin"]> {
  try {
    const read: unknown = JSON.parse(await readFile(originPath(path), "utf8"));
    if (
      typeof read !== "object" ||
      read === null ||
      !("address" in read) ||
      typeof read.address !== "string" ||
      !("validator" in read)
    )
      return null;
    return { address: read.address, validator: typeof read.validator === "string" ? read.validator : null };
  } catch (error) {
    // A note cut short by a kill is as good as none.
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch((error: unknown) => {
    // A missed beat can at worst make another process fetch the same file: no reason to fail here.
    if (errnoOf(error) === null) throw error;
  });
}

async function stamp(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

function isRecent(stampMs: number | null): boolean {
  return stampMs !== null && Math.abs(Date.now() - stampMs) < beatSeconds * 5000;
}
