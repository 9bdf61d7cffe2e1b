import { constants } from "node:os";
import { kill } from "node:process";
import { execa } from "execa";
import { ForgeError } from "../errors.ts";
import { activityOf } from "./activity.ts";
import { leftBehindIn } from "./left-behind.ts";
import { lineSplitter } from "./lines.ts";
import type { BuildLog } from "./log.ts";

/** One program to run inside a build. */
export interface Command {
  readonly argv: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** It may use the network, as its recipe has declared. */
  readonly network?: boolean;
  /** Keep standard output apart from standard error, for a comparison. Otherwise both go one way, in the order in which they were written. */
  readonly separate?: boolean;
}

/** How a program ended. */
export interface CommandResult {
  /** Null when the shell around it was ended by a signal. A program that a signal ended gives 128 and the signal's number, as shells tell it. */
  readonly exitCode: number | null;
  /** Its last lines of output, oldest first. */
  readonly tail: readonly string[];
  /** The beginning of standard output, with `separate`; empty without. */
  readonly stdout: string;
  /** User and system time of the program and of all its descendants that were waited for. */
  readonly cpuSeconds: number;
}

/** Where output goes while a program runs. */
export interface CommandSink {
  readonly log: BuildLog;
  readonly activity: (text: string) => void;
  readonly signal: AbortSignal;
  /** What to run so that a command runs sealed. */
  readonly wrap: (command: Command) => Pick<Command, "argv" | "environment">;
  /** Ends what the build started in sessions of its own, which a signal to the process group does not reach. */
  readonly endLeftovers: () => Promise<void>;
  /** Told of every program before it starts. */
  readonly started?: (command: Command) => void;
  /** Told of what a program left running and its seal has ended, in words. */
  readonly leftBehind?: (programs: string) => void;
}

const tailLines = 1000;
const stdoutCharacters = 64 * 1024;
const killAfterMs = 3_000;
const pipesAfterMs = 3_000;

/**
 * Runs "$@" and tells on descriptor 3, which the program does not get, what the shell counted for its children (POSIX `times`). The text is
 * fixed; argv is only ever "$@".
 */
const timed = '"$@" 3>&-; status=$?; times >&3; exit $status';
/** Becomes "$@", so that a seal is our own child and learns of our end. The umask is part of what a build makes, so it is not the caller's. */
const begun = 'umask 022; exec "$@"';
const begunAsOne = `exec 2>&1; ${begun}`;

/**
 * Runs one program in a process group of its own, with exactly the given environment, and waits for it. When it has ended, so has everything
 * that it started. On abort the whole group is asked to end, and killed after three seconds. Output goes to the log as it comes.
 * Throws ForgeError `interrupted`, `build-failed` (it could not be started), `disk-full` and `prefix-unusable` (the log).
 */
export async function runCommand(command: Command, sink: CommandSink): Promise<CommandResult> {
  if (sink.signal.aborted) throw interrupted();
  sink.started?.(command);
  sink.log.write(`\n$ ${command.argv.join(" ")}\n  (in ${command.directory})\n`);
  const { argv, environment } = sink.wrap({ ...command, argv: ["/bin/sh", "-c", timed, "sh", ...command.argv] });
  const child = execa("/bin/sh", ["-c", command.separate === true ? begun : begunAsOne, "sh", ...argv], {
    cwd: command.directory,
    env: { ...environment },
    extendEnv: false,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    buffer: { stdout: false, stderr: false, fd3: true },
    reject: false,
  });
  const output = readOutput(child, sink, () => endGroup(child.pid, "SIGKILL"));
  let killer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    endGroup(child.pid, "SIGTERM");
    killer = setTimeout(() => endGroup(child.pid, "SIGKILL"), killAfterMs);
  };
  // What a program leaves behind would go on writing into a finished output, and may hold the pipes open that we read from.
  let cleared: Promise<void> = Promise.resolve();
  let pipes: NodeJS.Timeout | undefined;
  child.nodeChildProcess.once("exit", () => {
    endGroup(child.pid, "SIGKILL");
    cleared = sink.endLeftovers();
    cleared.catch(() => undefined);
    pipes = setTimeout(() => {
      sink.log.write("\n[something that could not be ended still holds the output of this program]\n");
      child.stdout.destroy();
      child.stderr.destroy();
    }, pipesAfterMs);
  });
  sink.signal.addEventListener("abort", abort, { once: true });
  try {
    const result = await child;
    await cleared;
    if (output.failure() !== null) throw output.failure();
    if (sink.signal.aborted) throw interrupted();
    if (child.pid === undefined) throw notStarted(command, result.code);
    const leftBehind = output.leftBehind();
    if (leftBehind !== null) sink.leftBehind?.(leftBehind);
    const cpuSeconds = parseTimes(String(result.stdio[3] ?? ""));
    const exitCode = result.exitCode ?? null;
    sink.log.write(`\n[${describeExit(exitCode)}, ${cpuSeconds.toFixed(1)} CPU s]\n`);
    return { exitCode, tail: output.tail(), stdout: output.stdout(), cpuSeconds };
  } finally {
    clearTimeout(killer);
    clearTimeout(pipes);
    sink.signal.removeEventListener("abort", abort);
  }
}

/** Sends a signal to everything in the process group of a program that was started detached; `pid` undefined: it could not be started. */
export function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** How a program ended, in words. */
export function describeExit(exitCode: number | null): string {
  if (exitCode === null) return "ended by a signal";
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128);
  return signal === undefined ? `exit ${exitCode}` : `exit ${exitCode}, as after ${signal[0]}`;
}

/** Seconds of user and system time of children from the second line of `times`: `1m2.34s 0m5.67s`. */
export function parseTimes(text: string): number {
  const children = text.trim().split("\n").at(-1) ?? "";
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}

/** Sends output to the log, its lines to the display and into the tail. A log that fails ends the program. */
function readOutput(
  child: { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream },
  sink: CommandSink,
  end: () => void,
) {
  const tail: string[] = [];
  let stdout = "";
  let failure: unknown = null;
  let leftBehind: string | null = null;
  const take = (line: string): void => {
    tail.push(line);
    // Taking the first off each time would move all the others.
    if (tail.length > 2 * tailLines) tail.splice(0, tailLines);
    leftBehind = leftBehindIn(line) ?? leftBehind;
    const activity = activityOf(line);
    if (activity !== null) sink.activity(activity);
  };
  const read = (stream: NodeJS.ReadableStream, each: (line: string) => void): void => {
    const lines = lineSplitter(each);
    stream.on("data", (chunk: Buffer) => {
      if (failure !== null) return;
      try {
        sink.log.write(chunk);
        lines.add(chunk);
      } catch (error) {
        failure = error;
        end();
      }
    });
    stream.on("end", () => lines.end());
  };
  read(child.stdout, (line) => {
    if (stdout.length < stdoutCharacters) stdout += `${line}\n`;
    take(line);
  });
  read(child.stderr, take);
  return {
    tail: () => tail.slice(-tailLines),
    stdout: () => stdout,
    failure: () => failure,
    leftBehind: () => leftBehind,
  };
}

/** What an aborted build ends with. */
export function interrupted(): ForgeError {
  return new ForgeError("interrupted", "interrupted during a build");
}

function notStarted(command: Command, code: string | undefined): ForgeError {
  return new ForgeError(
    "build-failed",
    `${command.argv[0] ?? "a program"} could not be started in ${command.directory}: ${code ?? "unknown error"}`,
    { hint: "see that the folder is there and that its path and the arguments are not too long" },
  );
}
