/** Runs a program and tells what it took: wall seconds, and CPU seconds of it and everything it waited for. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";

export interface Command {
  readonly argv: readonly string[];
  readonly directory?: string;
  /** The whole environment of the program; the caller's when left out. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface MeasureOptions {
  /** Asks the program to stop, as Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** Receives every line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
  /** Appends standard output and standard error to this file; `stdout` of the result is then empty. */
  readonly log?: string;
  /** Told the process id of the shell whose only child is the program. */
  readonly onStart?: (shell: number) => void;
}

export interface Measured {
  readonly exitCode: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly stdout: string;
}

/** bash tells a process's time to the millisecond, other shells to the clock tick (10 ms). */
const shell = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"].find((file) => existsSync(file)) ?? "/bin/sh";

/** The smallest difference of CPU time that can be seen here, in milliseconds. */
export const cpuResolutionMs = shell === "/bin/sh" ? 10 : 1;

/** Runs "$@" and tells on descriptor 3 what the shell counted for its children. Being interrupted ends the program, not the shell that has to tell. */
const timed = `trap : INT TERM; "$@" 3>&-; status=$?; times >&3; exit $status`;

/** Runs one program to its end. The wall time holds the start of a shell, about 2 ms, which is the same for everything measured here. */
export async function measure(command: Command, options: MeasureOptions = {}): Promise<Measured> {
  const { signal, onLine, log, onStart } = options;
  signal?.throwIfAborted();
  const began = process.hrtime.bigint();
  const child = spawn(shell, ["-c", timed, "sh", ...command.argv], {
    cwd: command.directory,
    env: command.environment ?? process.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid !== undefined) onStart?.(pid);
  const stop = (): void => {
    if (pid !== undefined) interrupt(pid);
  };
  signal?.addEventListener("abort", stop, { once: true });
  const file = log === undefined ? null : createWriteStream(log, { flags: "a" });
  let stdout = "";
  let times = "";
  child.stdout?.on("data", (chunk: Buffer) => (file === null ? (stdout += chunk.toString()) : file.write(chunk)));
  const lines = splitLines(onLine ?? (() => undefined));
  child.stderr?.on("data", (chunk: Buffer) => {
    file?.write(chunk);
    lines(chunk.toString());
  });
  child.stdio[3]?.on("data", (chunk: Buffer) => (times += chunk.toString()));
  try {
    const [code, died] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    const wallSeconds = Number(process.hrtime.bigint() - began) / 1e9;
    if (code === null) throw new Error(`the shell of ${command.argv[0]} was ended by ${died}`);
    return { exitCode: code, wallSeconds, cpuSeconds: childSeconds(times), stdout };
  } finally {
    signal?.removeEventListener("abort", stop);
    file?.end();
  }
}

/** User and system seconds of children: the second line of `times`, such as `1m2.345s 0m5.678s`. */
function childSeconds(times: string): number {
  const found = [...(times.trim().split("\n")[1] ?? "").matchAll(/(\d+)m([\d.]+)s/g)];
  if (found.length !== 2) throw new Error(`the shell told no times: ${JSON.stringify(times)}`);
  return found.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

function interrupt(group: number): void {
  try {
    process.kill(-group, "SIGINT");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function splitLines(take: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  };
}
