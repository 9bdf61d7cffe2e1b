import { access, constants, copyFile, link, lstat, mkdir, rename, rm, stat } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { fileDigest } from "./digest.ts";
import { noteFirstOrigin, originOf } from "./origin.ts";
import { errnoOf, isLack } from "./problems.ts";

/** What is looked for, and where. */
export interface Lookup {
  readonly name: string;
  readonly sha256: string;
  readonly caches: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Path and size of a source in the caches, read and compared with its digest, or null. What has another digest, or is a folder, is removed from the
 * first cache; what cannot be read stays until what is fetched takes its place, since it may be good. In the others, which are never written, both are
 * passed over. Either way it is told. A file of another cache is linked or copied into the first one. Errors that say nothing about a file (too many open
 * ones, no memory) are thrown, and `interrupted`.
 */
export async function findCached(lookup: Lookup): Promise<{ path: string; bytes: number } | null> {
  for (const [index, folder] of lookup.caches.entries()) {
    const path = join(folder, lookup.sha256);
    const found = await digestIfThere(path, lookup.signal);
    if (found === null) continue;
    if ("sha256" in found && found.sha256 === lookup.sha256)
      return { path: index === 0 ? path : await adopt(path, lookup), bytes: found.bytes };
    const wrong = "sha256" in found ? "is damaged" : `cannot be read (${found.code})`;
    const isWrong = "sha256" in found || (await isFolder(path));
    const done = index > 0 ? "not used" : isWrong ? await clearAway(path) : "fetching it again";
    lookup.emit({ type: "warning", message: `The cached file of ${lookup.name} ${wrong} (${path}): ${done}` });
  }
  return null;
}

async function digestIfThere(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly sha256: string; readonly bytes: number } | { readonly code: string } | null> {
  try {
    return await fileDigest(path, signal);
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    const code = errnoOf(error);
    if (code === null || isLack(code)) throw error;
    return code === "ENOENT" || code === "ENOTDIR" ? null : { code };
  }
}

/** Nothing can take the place of a folder. */
async function isFolder(path: string): Promise<boolean> {
  const facts = await lstat(path).catch(() => null);
  return facts?.isDirectory() === true;
}

/** A file that cannot be removed is replaced by the one that is fetched, where the folder allows it. */
async function clearAway(path: string): Promise<string> {
  try {
    await rm(path, { recursive: true, force: true });
    return "removed, fetching it again";
  } catch (error) {
    return `fetching it again; it cannot be removed (${errnoOf(error) ?? String(error)})`;
  }
}

/** Brings a verified file into the first cache. When that is not possible, its old place is as good. */
async function adopt(path: string, { sha256, caches }: Lookup): Promise<string> {
  const first = caches[0];
  if (first === undefined) return path;
  const temporary = join(first, `.${sha256}.${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(first, { recursive: true });
    await link(path, temporary).catch(() => copyFile(path, temporary, constants.COPYFILE_FICLONE));
    const intact = (await fileDigest(temporary)).sha256 === sha256;
    if (!intact) throw Object.assign(new Error("the file changed while it was copied"), { code: "EIO" });
    await rename(temporary, join(first, sha256));
    const origin = await originOf([dirname(path)], sha256);
    if (origin !== null) await noteFirstOrigin(join(first, sha256), origin);
    return join(first, sha256);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    await rm(temporary, { force: true }).catch(() => undefined);
    return path;
  }
}

/** The caches, the first one that this user may write to before the others: when that is not the first that was given, it is told. */
export async function usableCaches(caches: readonly string[], emit: Emit): Promise<readonly string[]> {
  const troubles = await Promise.all(caches.map((cache) => writeTrouble(cache)));
  const usable = caches[troubles.indexOf(null)];
  if (usable === undefined || usable === caches[0]) return caches;
  const message = `The cache ${caches[0]} cannot be written to (${troubles[0]}): ${usable} is used instead`;
  emit({ type: "warning", message, hint: "Make it writable for this user, or remove it" });
  return [usable, ...caches.filter((cache) => cache !== usable)];
}

/** Why nothing can be put into a folder, which need not be there yet; null when it can, as far as its rights tell. */
async function writeTrouble(folder: string): Promise<string | null> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return (await stat(folder)).isDirectory() ? null : "ENOTDIR";
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" && dirname(folder) !== folder) return writeTrouble(dirname(folder));
    if (code === null) throw error;
    return code;
  }
}
