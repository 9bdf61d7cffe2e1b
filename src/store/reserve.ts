/** Room that is kept for locks, so that what frees space (gc, uninstall) and what goes back (rollback) can be done on a full disk. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { discard, explained, hasCode } from "./disk.ts";
import { prefixPaths } from "./paths.ts";

/** gc holds four locks at a time, each a folder with a claim: as many files, each of the block and the inode that one of those takes. */
const names = Array.from({ length: 8 }, (_, nth) => String(nth));

/** The usual size of a block. */
const bytes = 4096;

/** Makes what is missing of a prefix's reserve, as far as there is room for it; nothing where the prefix is gone. Throws `prefix-unusable`. */
export async function makeReserve(prefix: string): Promise<void> {
  const { reserve } = prefixPaths(prefix);
  try {
    await mkdir(reserve, { mode: 0o700 }).catch(orThere);
    const there = new Set(await readdir(reserve));
    for (const name of names) if (!there.has(name)) await fill(join(reserve, name)).catch(orThere);
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT", "ENOENT")) throw explained(error, reserve);
  }
}

function orThere(error: unknown): void {
  if (!hasCode(error, "EEXIST")) throw error;
}

/** With random bytes: some file systems store nothing for zeros. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(randomBytes(bytes));
  } catch (error) {
    await discard(path);
    throw error;
  } finally {
    await file.close();
  }
}

/** Gives up the reserve of the prefix that a lock is of; gives whether there was one. */
export async function giveUpReserve(lock: string): Promise<boolean> {
  const prefix = dirname(dirname(dirname(lock)));
  const { locks, reserve } = prefixPaths(prefix);
  if (join(locks, basename(lock)) !== lock) return false;
  for (const name of names) await discard(join(reserve, name));
  return rmdir(reserve).then(
    () => true,
    () => false,
  );
}
