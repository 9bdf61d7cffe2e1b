import { constants, lstatSync, renameSync } from "node:fs";
import { lstat, open, type FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";
import { explained, hasCode, unlinkIfThere } from "./disk.ts";
import { distanceMs, namesIn } from "./garbage.ts";
import { prefixPaths } from "./paths.ts";

/** A log in the folder. */
interface Log {
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** How much of logs a prefix keeps. */
export interface LogBound {
  readonly files: number;
  readonly bytes: number;
  /** Logs of one recipe, over all its keys and tries. */
  readonly perRecipe?: number;
}

const standardBound: LogBound = { files: 100, bytes: 256 * 1024 * 1024, perRecipe: 12 };

/** How many logs of earlier tries of one build stay beside the last: `KEY.1.log` is the one before. */
const earlierTries = 3;

/** The last line of a log whose build has ended, however it did. */
export const logEnd = "tlsforge: end of the log";

/** `KEY.log`, `KEY.check.log` of its package's own tests, and those of earlier tries: whatever else lies among the logs is not ours. */
const ownName = /^([0-9a-f]{64})(\.check)?(?:\.(\d+))?\.log$/u;

/** Moves the log of an earlier try of the same build out of the way, and the oldest beyond the bound away; does nothing to a file of another name. Throws what the system says. */
export function rotateLog(path: string): void {
  if (!ownName.test(basename(path))) return;
  // What is no file has no earlier tries, and is not moved for anything.
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
  const earlier = (nth: number): string => (nth === 0 ? path : `${path.slice(0, -".log".length)}.${nth}.log`);
  for (let nth = earlierTries; nth > 0; nth -= 1) {
    try {
      renameSync(earlier(nth - 1), earlier(nth));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
}

/** A log for reading; null for what is no file of its own: a folder, a link, a pipe, which would have us wait for somebody who writes into it. Throws what the system says. */
export async function openLogFile(path: string): Promise<FileHandle | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      if (hasCode(error, "ELOOP", "EMLINK", "ENXIO")) return null;
      throw error;
    },
  );
  if (handle === null || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return null;
}

/** The last `most` bytes of a log, as text; empty for what is no file. Throws what the system says. */
export async function endOfLog(path: string, most: number): Promise<string> {
  const handle = await openLogFile(path);
  if (handle === null) return "";
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, most);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The build that a log's first line names (`tlsforge: NAME VERSION, key KEY`), or null; null for what is no file. Throws what the system says. */
export async function buildOfLog(path: string): Promise<{ readonly recipe: string; readonly version: string } | null> {
  const handle = await openLogFile(path);
  try {
    const start = await handle?.read(Buffer.alloc(256), 0, 256, 0);
    const text = start?.buffer.toString("utf8", 0, start.bytesRead) ?? "";
    const [, recipe, version] = /^tlsforge: (\S+) (\S+), key /.exec(text) ?? [];
    return recipe === undefined || version === undefined ? null : { recipe, version };
  } finally {
    await handle?.close();
  }
}

/** A log and what it is of. `recipe` and `version` are null where its first line does not tell. */
export interface LogFile extends Log {
  readonly key: string;
  readonly recipe: string | null;
  readonly version: string | null;
  /** Of the package's own tests, not of its build. */
  readonly ownTests: boolean;
  /** How many tries have come after this one. */
  readonly triesAgo: number;
}

/** All build logs of a prefix, newest first: regular files of our naming. Throws `prefix-unusable`. */
export async function listLogs(prefix: string): Promise<readonly LogFile[]> {
  const folder = prefixPaths(prefix).log;
  try {
    const files = await Promise.all(
      (await logsIn(folder)).map(async (log): Promise<LogFile | null> => {
        const build = await unlessGone(buildOfLog(log.path).then((value) => ({ value })));
        const [, key = "", check, nth] = ownName.exec(basename(log.path)) ?? [];
        if (build === null) return null;
        const { recipe = null, version = null } = build.value ?? {};
        return { ...log, key, recipe, version, ownTests: check !== undefined, triesAgo: Number(nth ?? 0) };
      }),
    );
    return newestFirst(files.filter((file) => file !== null));
  } catch (error) {
    throw explained(error, folder);
  }
}

/**
 * Removes the oldest build logs beyond the bound; the newest stays however large it is. `kept`: first 16 digits of the keys whose logs stay in any case.
 * Gives the paths of those removed. Throws what the system said of the first that cannot be, after it has removed the others.
 */
export async function boundLogs(prefix: string, kept: ReadonlySet<string>, bound = standardBound): Promise<string[]> {
  const doomed = await logsBeyondBound(prefixPaths(prefix).log, kept, bound);
  const ends = await Promise.allSettled(doomed.map((path) => unlinkIfThere(path)));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return doomed;
}

/** Paths of the logs that `boundLogs` would remove, oldest last. */
export async function logsBeyondBound(
  folder: string,
  kept: ReadonlySet<string>,
  bound = standardBound,
): Promise<string[]> {
  const logs = newestFirst(await logsIn(folder));
  let bytes = 0;
  const beyond: string[] = [];
  const ofRecipe = new Map<string, number>();
  for (const [index, log] of logs.entries()) {
    bytes += log.bytes;
    const name = log.path.slice(folder.length + 1);
    const recipe = bound.perRecipe === undefined ? null : ((await unlessGone(buildOfLog(log.path)))?.recipe ?? null);
    const nth = (ofRecipe.get(recipe ?? "") ?? 0) + 1;
    ofRecipe.set(recipe ?? "", nth);
    const tooMany = recipe !== null && nth > (bound.perRecipe ?? nth);
    const beyondBound = index >= bound.files || (index > 0 && bytes > bound.bytes) || tooMany;
    const ofKept = kept.has(name.slice(0, 16)) && /^[^.]+\.log$/.test(name);
    if (beyondBound && !ofKept) beyond.push(log.path);
  }
  return beyond;
}

function newestFirst<T extends Log>(logs: readonly T[]): readonly T[] {
  const now = Date.now();
  return logs.toSorted((a, b) => distanceMs(a.mtimeMs, now) - distanceMs(b.mtimeMs, now));
}

/** Names of the build logs in a folder, sorted. */
export async function logNames(folder: string): Promise<readonly string[]> {
  return (await logsIn(folder)).map(({ path }) => basename(path));
}

/** Regular files of our naming. */
async function logsIn(folder: string): Promise<readonly Log[]> {
  const logs: Log[] = [];
  for (const name of await namesIn(folder)) {
    if (!ownName.test(name)) continue;
    const path = join(folder, name);
    const facts = await unlessGone(lstat(path));
    if (facts?.isFile() === true) logs.push({ path, bytes: facts.size, mtimeMs: facts.mtimeMs });
  }
  return logs;
}

/** null for what another run has moved or removed since the folder was read. */
async function unlessGone<T>(look: Promise<T>): Promise<T | null> {
  try {
    return await look;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}
