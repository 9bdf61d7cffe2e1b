import { constants, copyFile, link, mkdir, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Emit } from "../events.ts";
import { fileDigest } from "./digest.ts";
import { errnoOf } from "./problems.ts";

/** What is looked for, and where. */
export interface Lookup {
  readonly name: string;
  readonly sha256: string;
  readonly caches: readonly string[];
  readonly emit: Emit;
}

/**
 * Path and size of a source in the caches, read and compared with its digest, or null. A damaged file is removed from the first cache and
 * passed over in the others, which are never written. A file of another cache is linked or copied into the first one.
 */
export async function findCached(lookup: Lookup): Promise<{ path: string; bytes: number } | null> {
  for (const [index, folder] of lookup.caches.entries()) {
    const path = join(folder, lookup.sha256);
    const found = await digestIfThere(path);
    if (found === null) continue;
    if (found.sha256 === lookup.sha256)
      return { path: index === 0 ? path : await adopt(path, lookup), bytes: found.bytes };
    if (index === 0) await rm(path, { force: true });
    lookup.emit({
      type: "warning",
      message: `The cached file of ${lookup.name} is damaged (${path}): ${index === 0 ? "removed, fetching it again" : "not used"}`,
    });
  }
  return null;
}

async function digestIfThere(path: string): Promise<{ sha256: string; bytes: number } | null> {
  try {
    return await fileDigest(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR" || errnoOf(error) === "EACCES") return null;
    throw error;
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
    return join(first, sha256);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    await rm(temporary, { force: true }).catch(() => undefined);
    return path;
  }
}
