/**
 * The program that `privilege.ts` starts with privilege: runs what it is asked for on standard input (`HelperRequest`, a JSON line each) and
 * answers on standard output. No shell, nothing but argv. When its standard input ends, it ends what it runs and then itself.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createReadStream, writeSync } from "node:fs";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { HelperAnswer, HelperRequest } from "./session.ts";

const running = new Set<ChildProcess>();

answer({ ready: true });
createInterface({ input: createReadStream("", { fd: 0 }) })
  .on("line", (line) => start(JSON.parse(line) as HelperRequest))
  .on("close", endAll);

function start({ id, argv, input, timeoutSeconds }: HelperRequest): void {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { cwd: "/", stdio: ["pipe", "pipe", "pipe"] });
  let late = false;
  const timer =
    timeoutSeconds === undefined ? undefined : setTimeout(() => (late = child.kill()), timeoutSeconds * 1000);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  running.add(child);
  child.stdout.on("data", (data: Buffer) => out.push(data));
  child.stderr.on("data", (data: Buffer) => err.push(data));
  // A program that does not read its input is no failure.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  child.on("error", (error) => err.push(Buffer.from(error.message)));
  child.on("close", (code, signal) => {
    running.delete(child);
    clearTimeout(timer);
    const exitCode =
      signal === null ? (code === null || code < 0 ? 127 : code) : late ? 124 : 128 + constants.signals[signal];
    answer({ id, exitCode, stdout: text(out), stderr: text(err) });
  });
}

/** Whoever asked is gone. What does not end when it is told to is ended. */
function endAll(): void {
  for (const child of running) child.kill("SIGTERM");
  setTimeout(() => running.forEach((child) => child.kill("SIGKILL")), 5000).unref();
}

function answer(value: HelperAnswer): void {
  let rest = Buffer.from(`${JSON.stringify(value)}\n`);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
  } catch {
    // Nobody reads it any more; the end of standard input tells the same.
  }
}

function text(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString("utf8");
}
