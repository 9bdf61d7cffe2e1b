import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { readOnlyRemedy } from "./mounts.ts";
import type { ResourceKind } from "./resources/index.ts";
import type { ExecResult, Host, HostCommand } from "./types.ts";

/** A command that failed, as the error that tells it. `mayPass`: another process was in the way, which it may not be the next time. */
export interface Failure {
  readonly command: HostCommand;
  readonly error: ForgeError;
  readonly mayPass: boolean;
}

interface Context {
  readonly kind: ResourceKind;
  readonly why: string;
  readonly emit: Emit;
}

/** Runs commands in order up to the first that fails, and gives that failure: `host-failed` with the command, its last words and the remedy. */
export async function execute(host: Host, commands: readonly HostCommand[], context: Context): Promise<Failure | null> {
  for (const command of commands) {
    const result = await runPatiently(host, command, context);
    if (result.exitCode !== 0) return failure(host, command, { result, context });
  }
  return null;
}

/** Runs one command, reported first. */
export async function runCommand(
  host: Host,
  command: HostCommand,
  context: Omit<Context, "kind">,
): Promise<ExecResult> {
  const options = command.input === undefined ? {} : { input: command.input };
  if (command.elevated) return host.elevated(command.argv, context.why, options);
  context.emit({ type: "host-command", argv: command.argv, elevated: false, why: context.why });
  return host.exec(command.argv, options);
}

/** Seconds between two tries of a command that found a lock held. */
const pause = 3;

/** A program that does not wait for its lock is run again while another process holds it, for as long as the command says. */
async function runPatiently(host: Host, command: HostCommand, context: Context): Promise<ExecResult> {
  let result = await runCommand(host, command, context);
  const tries = Math.floor((command.lockWaitSeconds ?? 0) / pause);
  for (let again = 0; again < tries && result.exitCode !== 0 && locked.test(wordsOf(result)); again += 1) {
    const [program = ""] = command.argv.filter((word) => word !== "env" && !word.includes("="));
    if (again === 0) context.emit({ type: "lock-wait", path: `the lock of ${program}`, holder: "another process" });
    await host.exec(["sleep", String(pause)]);
    result = await runCommand(host, command, context);
  }
  return result;
}

async function failure(
  host: Host,
  command: HostCommand,
  { result, context }: { readonly result: ExecResult; readonly context: Context },
): Promise<Failure> {
  const words = wordsOf(result);
  const error = new ForgeError(
    "host-failed",
    `"${command.argv.join(" ")}" failed with exit code ${result.exitCode} (${context.why})`,
    {
      hint: (await readOnlyRemedy(host, words, command.argv)) ?? context.kind.remedy(command.argv),
      details: lastLines(result.stderr === "" ? result.stdout : result.stderr),
    },
  );
  return { command, error, mayPass: locked.test(words) || passing.test(words) };
}

/**
 * How the programs that change a machine say that another process holds their lock: apt and dpkg, rpm, zypper, apk, pacman, pkg, brew, and
 * shadow's useradd.
 */
const locked =
  /could not get lock|unable to (?:acquire|lock)|can(?:'|no)t (?:lock|create transaction lock|get an? (?:exclusive )?lock)|is locked by|another active homebrew process|already locked|try again later/i;

/** What else passes by itself. */
const passing = /resource temporarily unavailable|text file busy|device or resource busy|temporary failure/i;

function wordsOf({ stdout, stderr }: ExecResult): string {
  return `${stderr}\n${stdout}`;
}

/** The last lines without control characters, which a program's words must not bring onto a terminal. */
function lastLines(text: string): readonly string[] {
  return text
    .trim()
    .split("\n")
    .slice(-10)
    .map((line) => line.replaceAll(/\p{Cc}+/gu, " ").trimEnd())
    .filter((line) => line !== "");
}
