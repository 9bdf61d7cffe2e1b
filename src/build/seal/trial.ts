import { constants } from "node:os";
import { execa } from "execa";
import { ForgeError } from "../../errors.ts";
import { endGroup, interrupted } from "../run.ts";

/** Around these folders `true` is not there, or none that runs (ENOENT, EACCES, ENOEXEC). */
const noProgram = /^sh: 1: true: (?:not found|permission denied|exec format error)$/iu;
const sentence = "tlsforge: the seal could not be made: ";

const pipesAfterMs = 1_000;

/** What is tried. `patience`: milliseconds. */
export interface Trial {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly patience: number;
  readonly signal: AbortSignal | undefined;
}

/** What a trial of the seal has shown: it can be made, and what it said; or it cannot be, in its own words. */
export type Answer =
  | { readonly fits: true; readonly stdout: string }
  | { readonly fits: false; readonly refused: string };

/**
 * Makes a seal around `true`. A trial that was ended by a signal, took too long or found no memory says nothing about the machine: it is made once
 * more. Throws ForgeError `build-failed` when that does not say anything either, and `interrupted`.
 */
export async function trySeal(trial: Trial): Promise<Answer> {
  const first = await once(trial);
  const last = typeof first === "string" ? await once(trial) : first;
  if (typeof last !== "string") return last;
  throw new ForgeError("build-failed", `whether builds can be sealed here could not be found out: ${last}`, {
    hint: "see in the system's log (dmesg) whether memory ran out, or what else ends programs here (a time limit, a service manager, a person); then run the command again, with fewer jobs (--jobs 1) if it was memory",
  });
}

/** The answer; a text where there is none, with what happened instead. */
async function once({ argv, environment, patience, signal }: Trial): Promise<Answer | string> {
  requireGoing(signal);
  const [program = "", ...words] = argv;
  const child = execa(program, words, {
    env: environment,
    extendEnv: false,
    detached: true,
    reject: false,
    stdin: "ignore",
    timeout: patience,
    // The seal itself lets others pass by.
    killSignal: "SIGKILL",
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  // What it has started may live on where nothing ties it to the seal, and hold the pipes that we read from.
  let pipes: NodeJS.Timeout | undefined;
  child.nodeChildProcess.once("exit", () => {
    endGroup(child.pid, "SIGKILL");
    pipes = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, pipesAfterMs);
  });
  const result = await child;
  clearTimeout(pipes);
  requireGoing(signal);
  const { exitCode, stdout, stderr } = result;
  if (result.timedOut) return `the trial of the seal did not end within ${patience / 1000} s`;
  if (exitCode === 0) return { fits: true, stdout };
  const ended = result.signal ?? signalOf(exitCode);
  // Only a filter of system calls sends it: seccomp(2).
  if (ended === "SIGSYS") return { fits: false, refused: "a filter of system calls ended it (SIGSYS)" };
  if (ended !== undefined) return `the trial of the seal was ended by a signal (${ended})`;
  const reason = reasonOf(stderr);
  if (exitCode === undefined) return `the trial of the seal could not be started: ${result.code ?? "unknown error"}`;
  if (answers(exitCode, stderr)) return { fits: false, refused: reason };
  return `the trial of the seal ended with exit ${exitCode}: ${reason}`;
}

function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw interrupted();
}

/** seal.pl tells by its exit code and a sentence what cannot be had; 124 is its word for what may be had the next time. */
function answers(exitCode: number, stderr: string): boolean {
  const line = lastLine(stderr);
  if (exitCode === 125) return line.startsWith(sentence);
  return [126, 127].includes(exitCode) && noProgram.test(line);
}

/** As shells tell it of what they have waited for. */
function signalOf(exitCode: number | undefined): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => exitCode === 128 + number)?.[0];
}

/** The last word of seal.pl, without its beginning. */
function reasonOf(stderr: string): string {
  const line = lastLine(stderr);
  return (line.startsWith(sentence) ? line.slice(sentence.length) : line) || "it said nothing";
}

function lastLine(stderr: string): string {
  return stderr.trim().split("\n").at(-1) ?? "";
}
