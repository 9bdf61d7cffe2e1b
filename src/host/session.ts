/**
 * One long-lived process with privilege, so that one password is enough for a whole run. It gets argv arrays and standard input as JSON lines
 * and answers each with what the program left (`root-helper.ts`). It ends with the end of its standard input, so also when we are killed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { ForgeError } from "../errors.ts";
import type { ExecOptions, ExecResult } from "./types.ts";

/** What the helper is asked. Programs get the helper's environment, and what is added stands in argv. */
export interface HelperRequest {
  readonly id: number;
  readonly argv: readonly string[];
  readonly input: string;
  readonly timeoutSeconds?: number;
}

/** What it answers; `ready` once, when it has started. */
export type HelperAnswer = { readonly ready: true } | ({ readonly id: number } & ExecResult);

/** Runs programs with privilege. */
export interface Session {
  /** Runs as `Host.exec` does. Throws `host-refused` when the process with privilege could not be started, `interrupted` after an abort. */
  run(argv: readonly string[], options: ExecOptions): Promise<ExecResult>;
  readonly ended: boolean;
}

/** How a session is opened. */
export interface SessionOptions {
  /** The whole command line that starts the helper with privilege. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Where programs are run one by one when the helper may not be started: a sudo that allows certain programs only. */
  readonly alone: (argv: readonly string[], options: ExecOptions) => Promise<ExecResult>;
}

/** Opens a session. It keeps nobody waiting: a run that is over may end while it is open. */
export function openSession(options: SessionOptions): Session {
  const [file = "", ...args] = options.argv;
  const child = spawn(file, args, { env: options.environment, stdio: ["pipe", "pipe", "pipe"], cwd: "/" });
  const waiting = new Map<number, (answer: ExecResult | null) => void>();
  let count = 0;
  let words = "";
  let ended = false;

  const ready = new Promise<boolean>((resolve) => {
    const close = (): void => {
      ended = true;
      resolve(false);
      for (const settle of waiting.values()) settle(null);
    };
    child.on("error", (error) => ((words += error.message), close()));
    child.on("close", close);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const answer = parse(line);
      if (answer === null) return;
      if ("ready" in answer) resolve(true);
      else waiting.get(answer.id)?.(answer);
    });
  });
  child.stderr.on("data", (data: Buffer) => (words = (words + data.toString()).slice(-2000)));
  // A helper that has gone is told by `close`.
  child.stdin.on("error", () => undefined);
  options.signal?.addEventListener("abort", () => child.stdin.end(), { once: true });
  hold(child, false);

  return {
    get ended() {
      return ended;
    },
    async run(argv, { environment = {}, input = "", timeoutSeconds } = {}) {
      hold(child, true);
      try {
        refuseAborted(options.signal, argv);
        if (!(await ready)) {
          refuseAborted(options.signal, argv);
          if (mayGoAlone.test(words))
            return await options.alone(argv, {
              environment,
              input,
              ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
            });
          throw refused(words);
        }
        const id = (count += 1);
        const request: HelperRequest = {
          id,
          argv: withEnvironment(argv, environment),
          input,
          ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
        };
        const answer = await new Promise<ExecResult | null>((resolve) => {
          waiting.set(id, resolve);
          if (ended) resolve(null);
          else child.stdin.write(`${JSON.stringify(request)}\n`);
        });
        waiting.delete(id);
        refuseAborted(options.signal, argv);
        if (answer === null) throw refused(words);
        return { exitCode: answer.exitCode, stdout: answer.stdout, stderr: answer.stderr };
      } finally {
        if (waiting.size === 0) hold(child, false);
      }
    },
  };
}

/** argv with an environment in front, so that nothing else decides it. */
export function withEnvironment(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const added = Object.entries({ LC_ALL: "C", ...environment }).map(([name, value]) => `${name}=${value}`);
  return ["env", ...added, ...argv];
}

/** What sudo says when it allows other programs than our helper, and what it and Node say when root may not read them (a home on a network). */
const mayGoAlone =
  /not allowed to (?:execute|run)|unable to execute|command not found|cannot find module|permission denied/i;

function refuseAborted(signal: AbortSignal | undefined, argv: readonly string[]): void {
  if (signal?.aborted === true) throw new ForgeError("interrupted", `interrupted while running "${argv.join(" ")}"`);
}

function refused(words: string): ForgeError {
  const lines = words
    .trim()
    .split("\n")
    .map((line) => line.replaceAll(/\p{Cc}+/gu, " ").trim())
    .filter((line) => line !== "");
  return new ForgeError(
    "host-refused",
    `sudo gave no privilege${lines.length === 0 ? "" : `: ${lines.at(-1) ?? ""}`}`,
    {
      hint: "run tlsforge as root, or as a user whose sudo asks for no password or on a terminal",
      details: lines.slice(-5),
    },
  );
}

function parse(line: string): HelperAnswer | null {
  try {
    return JSON.parse(line) as HelperAnswer;
  } catch {
    // What a login prints on standard output is no answer.
    return null;
  }
}

/** Whether the end of our own run waits for the helper. */
function hold(child: ChildProcess, held: boolean): void {
  const parts = [child, child.stdin, child.stdout, child.stderr] as (ChildProcess | Socket | null)[];
  for (const part of parts)
    if (held) part?.ref();
    else part?.unref();
}
