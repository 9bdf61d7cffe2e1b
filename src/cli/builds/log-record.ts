/** What `log --json` tells of a log: the text itself stays in its file. */
import { buildLock, endOfLog, isHeld, listReceipts, logEnd, readCheck, type LogFile } from "../../store/index.ts";

/** A log as a record holds it. */
export interface LogRecord {
  /** Where the text is. */
  readonly file: string;
  readonly recipe: string | null;
  readonly version: string | null;
  readonly key: string;
  readonly ownTests: boolean;
  readonly triesAgo: number;
  readonly bytes: number;
  /** When something was last written to it, ISO 8601, UTC. */
  readonly modified: string;
  /** `running`: somebody may still write to it. `cut`: it has no end, and nobody writes to it any more. */
  readonly state: "running" | "ended" | "cut";
  /** `done`: its output stands, or its tests passed. `unknown`: it has ended, and nothing says how. */
  readonly outcome: "done" | "failed" | "unknown";
  /** The exit code of its last program; null where none has ended or a signal ended it. */
  readonly lastExit: number | null;
}

/** As much of a log's end as says how it ended. */
const tailBytes = 256 * 1024;

/** Everything that is known of a log. */
export async function logRecord(prefix: string, log: LogFile): Promise<LogRecord> {
  const { path: file, recipe, version, key, ownTests, triesAgo, bytes, mtimeMs } = log;
  const text = await endOfLog(file, tailBytes);
  const ended = text.endsWith(`\n${logEnd}\n`);
  const running = !ended && triesAgo === 0 && (await isHeld(buildLock(prefix, key)));
  const state = ended ? "ended" : running ? "running" : "cut";
  const last = [...text.matchAll(endings)].at(-1);
  const outcome = running ? "unknown" : ((await recorded(prefix, log)) ?? toldBy(last));
  const lastExit = [...text.matchAll(exits)].at(-1)?.[1] ?? null;
  return {
    file,
    recipe,
    version,
    key,
    ownTests,
    triesAgo,
    bytes,
    modified: new Date(mtimeMs).toISOString(),
    state,
    outcome,
    lastExit: lastExit === null ? null : Number(lastExit),
  };
}

/** How a program ended, as a build writes it into its log. */
const exits = /^\[(?:exit (\d+)|ended by a signal)[^\n]*CPU s\]$/gm;
/** The same, and a gate that did not hold. */
const endings = /^\[(?:exit (\d+)|ended by a signal|gate ")[^\n]*\]$/gm;

/** A build that failed ends with what failed; one that went well, or was interrupted, with a program that did not. */
function toldBy(last: RegExpExecArray | undefined): LogRecord["outcome"] {
  return last === undefined || last[1] === "0" ? "unknown" : "failed";
}

/** What the prefix has on record of the try that wrote this log; null when that is nothing, or of another try. */
async function recorded(prefix: string, log: LogFile): Promise<"done" | "failed" | null> {
  const { key, ownTests, triesAgo, mtimeMs } = log;
  if (triesAgo > 0) return null;
  if (ownTests) {
    const check = await readCheck(prefix, key);
    return check === null || Date.parse(check.finished) < mtimeMs ? null : check.outcome === "pass" ? "done" : "failed";
  }
  const receipt = (await listReceipts(prefix)).find((entry) => entry.key === key);
  // A log is closed before the receipt is written: one that is newer tells of another try.
  return receipt === undefined || Date.parse(receipt.finished) < mtimeMs ? null : "done";
}
