import { createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import { kill } from "node:process";
import { StringDecoder } from "node:string_decoder";
import { execa } from "execa";
import { ForgeError } from "../errors.ts";
import { activityOf } from "./activity.ts";

/** One program to run inside a build. */
export interface Command {
  readonly argv: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** How a program ended. `tail` holds its last lines of output, oldest first. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly tail: readonly string[];
  readonly cpuSeconds: number;
}

/** Where output goes while a program runs. */
export interface CommandSink {
  readonly log: WriteStream;
  readonly activity: (text: string) => void;
  readonly signal: AbortSignal;
}

const tailLines = 60;
const killAfterMs = 3_000;

/** Runs "$@" and tells on descriptor 3 what the shell counted for its children (POSIX `times`). The program text is fixed; argv is only ever "$@". */
const timed = '"$@"; status=$?; times >&3; exit $status';

/** Opens a log for appending; lines of every command and its output go there. */
export function openLog(file: string): WriteStream {
  return createWriteStream(file, { flags: "a", mode: 0o644 });
}

/** Ends a log when all has been written. */
export async function closeLog(log: WriteStream): Promise<void> {
  log.end();
  await once(log, "close");
}

/**
 * Runs one program in a process group of its own, with exactly the given environment, and waits for it. On abort the whole group is ended:
 * asked first, killed after three seconds. Output goes to the log as it comes; memory is bounded by the tail.
 */
export async function runCommand(command: Command, sink: CommandSink): Promise<CommandResult> {
  sink.signal.throwIfAborted();
  sink.log.write(`\n$ ${command.argv.join(" ")}\n  (in ${command.directory})\n`);
  const child = execa("/bin/sh", ["-c", timed, "sh", ...command.argv], {
    cwd: command.directory,
    env: { ...command.environment },
    extendEnv: false,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    buffer: { stdout: false, stderr: false, fd3: true },
    reject: false,
  });
  const tail: string[] = [];
  const take = (line: string): void => {
    tail.push(line);
    if (tail.length > tailLines) tail.shift();
    const activity = activityOf(line);
    if (activity !== null) sink.activity(activity);
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => sink.log.write(chunk));
    splitLines(stream, take);
  }
  const endGroup = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      kill(-child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  let killer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    endGroup("SIGTERM");
    killer = setTimeout(() => endGroup("SIGKILL"), killAfterMs);
  };
  sink.signal.addEventListener("abort", abort, { once: true });
  try {
    const result = await child;
    if (sink.signal.aborted) throw new ForgeError("interrupted", "interrupted during a build");
    // A step that leaves a process behind would go on writing into a finished output.
    endGroup("SIGKILL");
    const cpuSeconds = parseTimes(String(result.stdio[3] ?? ""));
    sink.log.write(`\n[exit ${result.exitCode ?? result.signal ?? "unknown"}, ${cpuSeconds.toFixed(1)} CPU s]\n`);
    return { exitCode: result.exitCode ?? null, tail, cpuSeconds };
  } finally {
    clearTimeout(killer);
    if (sink.signal.aborted) endGroup("SIGKILL");
    sink.signal.removeEventListener("abort", abort);
  }
}

/** Calls `take` for each whole line, and for what is left at the end. A line without end is cut at 8 KiB so that memory stays bounded. */
function splitLines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split(/\r?\n/);
    rest = (lines.pop() ?? "").slice(0, 8192);
    for (const line of lines) take(line);
  });
  stream.on("end", () => {
    if (rest !== "") take(rest);
  });
}

/** Seconds of user and system time of children from the second line of `times`: `1m2.34s 0m5.67s`. */
export function parseTimes(text: string): number {
  const children = text.trim().split("\n").at(-1) ?? "";
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}
