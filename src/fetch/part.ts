import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { chmod, lstat, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { claim, drop } from "./claim.ts";
import type { Claim } from "./claim.ts";
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
  readonly held: Claim;
}

/**
 * Opens the part for this caller alone, waiting while another works on it; `onWait` is told once. `null` says that the finished file appeared under
 * `final` meanwhile.
 */
export async function openPart(
  final: string,
  { signal, onWait }: { signal: AbortSignal; onWait: () => void },
): Promise<Part | null> {
  const path = `${final}.part`;
  const before = await stamp(final);
  const held = await claim(final, { signal, onWait });
  try {
    const after = await stamp(final);
    if (after !== null && after !== before) {
      await drop(held);
      return null;
    }
    const handle = await open(path, "a+").then(async (made) => {
      await made.close();
      return open(path, "r+");
    });
    const hash = createHash("sha256");
    const bytes = await hashInto(hash, path, signal);
    // What is worked on is young to whoever collects what was left.
    await handle.utimes(new Date(), new Date());
    return { path, handle, hash, bytes, held, origin: await readOrigin(path) };
  } catch (error) {
    await drop(held);
    throw error;
  }
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

/**
 * Gives the part its final name, after reading it back from the disk. `changed` when what is there does not have the digest, `gone` when nothing is there:
 * then another may have finished it.
 */
export async function finish(
  part: Part,
  { final, sha256 }: { final: string; sha256: string },
): Promise<"done" | "changed" | "gone"> {
  await part.handle.sync();
  try {
    if ((await fileDigest(part.path)).sha256 !== sha256) return "changed";
    await rename(part.path, final);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    await rm(originPath(part.path), { force: true });
    return "gone";
  }
  const folder = await open(dirname(final), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  await rm(originPath(part.path), { force: true });
  return "done";
}

/** Ends the work on a part. Bytes stay for the next try; an empty one is removed. */
export async function closePart(part: Part): Promise<void> {
  try {
    await part.handle.close();
    if (part.bytes === 0)
      await Promise.all([rm(part.path, { force: true }), rm(originPath(part.path), { force: true })]);
  } finally {
    await drop(part.held);
  }
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

async function stamp(path: string): Promise<number | null> {
  try {
    return (await lstat(path)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}
