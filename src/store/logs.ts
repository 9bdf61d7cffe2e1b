import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { explained, hasCode, unlinkIfThere } from "./disk.ts";
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
}

const standardBound: LogBound = { files: 100, bytes: 256 * 1024 * 1024 };

/**
 * Removes the oldest build logs beyond the bound; the newest stays however large it is. `kept`: first 16 digits of the keys whose logs stay in any case.
 * Gives the paths of those removed.
 */
export async function boundLogs(prefix: string, kept: ReadonlySet<string>, bound = standardBound): Promise<string[]> {
  const doomed = await logsBeyondBound(prefixPaths(prefix).log, kept, bound);
  for (const path of doomed) await unlinkIfThere(path);
  return doomed;
}

/** Paths of the logs that `boundLogs` would remove, oldest last. */
export async function logsBeyondBound(
  folder: string,
  kept: ReadonlySet<string>,
  bound = standardBound,
): Promise<string[]> {
  const logs = (await logsIn(folder)).toSorted((a, b) => b.mtimeMs - a.mtimeMs);
  let bytes = 0;
  const beyond: string[] = [];
  for (const [index, log] of logs.entries()) {
    bytes += log.bytes;
    const name = log.path.slice(folder.length + 1);
    const beyondBound = index >= bound.files || (index > 0 && bytes > bound.bytes);
    if (beyondBound && !kept.has(name.slice(0, 16))) beyond.push(log.path);
  }
  return beyond;
}

async function logsIn(folder: string): Promise<Log[]> {
  const logs: Log[] = [];
  try {
    for (const name of await readdir(folder)) {
      if (!name.endsWith(".log")) continue;
      const path = join(folder, name);
      const { size, mtimeMs } = await lstat(path);
      logs.push({ path, bytes: size, mtimeMs });
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return logs;
    throw explained(error, folder);
  }
  return logs;
}
