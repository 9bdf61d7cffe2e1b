import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  type FileHandle,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { ForgeError } from "../errors.ts";

/**
 * Replaces a file as a whole: temporary file in the same folder, written, synced, closed, renamed, folder synced. After a crash
 * at any moment the file holds the old or the new content. `mode` is for the new file, whatever the umask.
 * Throws `disk-full` and `prefix-unusable`.
 */
export async function atomicWrite(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await discard(temporary);
    throw explained(error, path);
  }
}

/** Makes or replaces a symbolic link so that a reader always finds the old or the new one. */
export async function atomicLink(target: string, path: string): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await discard(temporary);
    throw explained(error, path);
  }
}

/** A fresh name in the same folder: hidden, and known to `collectGarbage` as temporary. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `${temporaryPrefix}${randomBytes(8).toString("hex")}`);
}

/** How the names of temporary files and folders begin. */
export const temporaryPrefix = ".tmp-";

/**
 * Makes a whole tree durable. On Linux by one `syncfs` of its file system (0.1 s for 10,000 fresh files where a sync per file
 * takes 4.4 s); where `sync` has no such option, by a sync per file.
 */
export async function syncTree(path: string): Promise<void> {
  const { execa } = await import("execa");
  const whole = await execa("sync", ["-f", path], { reject: false, stdin: "ignore" });
  if (whole.failed) await syncEach(path);
}

async function syncEach(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await syncEach(child);
    else if (entry.isFile()) await syncFolder(child);
  }
  await syncFolder(path);
}

/** Syncs a folder's entries (or a file's content). */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Removes a file, link or folder tree inside a prefix; what is not there is removed already. The tree is renamed away first,
 * so that a kill never leaves half of it under its name. A link is removed, never what it points to. Refuses, as a bug of the
 * caller, anything that is not inside the prefix, also by way of a link.
 */
export async function removeTree(path: string, prefix: string): Promise<void> {
  await refuseOutside(path, prefix);
  const doomed = temporaryBeside(path);
  try {
    await rename(path, doomed);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw explained(error, path);
  }
  await removeWhole(doomed);
}

async function refuseOutside(path: string, prefix: string): Promise<void> {
  const inside = relative(prefix, path);
  const refused = new Error(`refused to remove ${path}: it is not inside the prefix ${prefix}`);
  if (prefix === "/" || inside === "" || inside.startsWith("..") || inside.startsWith("/")) throw refused;
  try {
    if ((await realpath(dirname(path))) !== join(await realpath(prefix), dirname(inside))) throw refused;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** Installed folders may be read-only, which stops everybody but root from emptying them. */
async function removeWhole(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!hasCode(error, "EACCES", "EPERM")) throw explained(error, path);
    await makeFoldersWritable(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function makeFoldersWritable(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeFoldersWritable(join(path, entry.name));
  }
}

/**
 * The text of a file that we wrote; null where nothing is. Empty, as damaged as can be for whoever reads it, for what is no file (a folder; a
 * pipe, which would have us wait for somebody who writes into it; without `links` a link) or larger than any of ours. Throws what the system says.
 */
export async function readOwn(
  path: string,
  { most = largestOwn, links = true }: { readonly most?: number; readonly links?: boolean } = {},
): Promise<string | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | (links ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    // A socket.
    if (hasCode(error, "ENXIO") || (!links && hasCode(error, "ELOOP"))) return "";
    throw error;
  }
  try {
    const facts = await handle.stat();
    return facts.isFile() && facts.size <= most ? await handle.readFile("utf8") : "";
  } finally {
    await handle.close();
  }
}

const largestOwn = 64 * 1024 * 1024;

/** Removes a file; one that is not there is removed already. */
export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
  }
}

/** Removes what a failed writing may have left: that this cannot be done either (a file system that is read-only) is no news beside the failure. */
export async function discard(path: string): Promise<void> {
  await unlinkIfThere(path).catch(() => undefined);
}

/** A folder with those above it. Node's own `recursive` never ends where the system says `ENOENT` below a folder that is there (`/proc`). */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (hasCode(error, "EEXIST") && (await stat(path)).isDirectory()) return;
    if (!hasCode(error, "ENOENT") || (await isThere(dirname(path)))) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path, mode);
  }
}

/** Whether something has this name, a link that leads nowhere too. Errors of the system but `ENOENT` are thrown as they are. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** Whether it is a system error with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** The system errors that a user can do something about, as ForgeErrors; anything else as it is. */
export function explained(error: unknown, path: string): unknown {
  if (hasCode(error, "ENOSPC", "EDQUOT")) {
    return new ForgeError("disk-full", `No space is left for ${path}`, {
      hint: "Free some space (`tlsforge gc` removes what nothing uses), then run the same command again",
      cause: error,
    });
  }
  const misplaced = hasCode(error, "ENOTDIR", "EISDIR", "EEXIST");
  if (misplaced || hasCode(error, "EACCES", "EPERM", "EROFS", "ELOOP", "EIO", "EBUSY")) {
    const remedy = misplaced
      ? "Move away what is in its place"
      : hasCode(error, "EROFS")
        ? "Its file system is mounted read-only: mount it writable (mount -o remount,rw)"
        : "Make it accessible for this user";
    return new ForgeError("prefix-unusable", `Cannot use ${path}: ${(error as Error).message}`, {
      hint: `${remedy}, or choose another folder with --prefix`,
      cause: error,
    });
  }
  return error;
}
