import path from "node:path";
import { readOwnFile, type OwnFolders } from "./own-files.ts";

/** How much of a configure program's own log goes into the build's log. */
const shownLines = 400;

/** What the log of a configure program tells of its failure. */
export interface ConfigureFailure {
  /** Its last lines without the listing of variables that follows a failure. */
  readonly lines: readonly string[];
  /** The last check before it gave up: commands, compilers' messages. */
  readonly lastCheck: readonly string[];
}

/** So much of its end is read. */
const mostBytes = 16 * 1024 * 1024;

/** Reads `config.log` (autoconf) in a folder; null when there is none that is a file of the build's own: the log shows it to everybody. */
export async function configureFailure(folder: string, own: OwnFolders): Promise<ConfigureFailure | null> {
  const bytes = await readOwnFile(path.join(folder, "config.log"), { own, most: mostBytes });
  return bytes === null ? null : readConfigLog(bytes.toString("utf8"));
}

/** Earlier checks fail as a matter of course, so only the last one before the error says anything about it. */
export function readConfigLog(text: string): ConfigureFailure {
  const all = text.split("\n");
  const error = all.findLastIndex((line) => /^configure:\d+: error: /.test(line));
  const end = error < 0 ? all.length : error + 1;
  const check = all.slice(0, end).findLastIndex((line) => /^configure:\d+: checking /.test(line));
  return {
    lines: all.slice(Math.max(0, end - shownLines), end),
    lastCheck: error < 0 || check < 0 ? [] : all.slice(check, end).slice(-60),
  };
}
