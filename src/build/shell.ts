import { accessSync, constants as fileConstants } from "node:fs";
import { constants } from "node:os";
import { execa } from "execa";
import type { CommandSink } from "./run.ts";

/** Where a shell runs: a build's environment and folder, exactly. */
export interface ShellPlace {
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** What its prompt shows. */
  readonly label: string;
  /** It has the network, though it is sealed. */
  readonly network: boolean;
  readonly wrap: CommandSink["wrap"];
}

/**
 * Runs a command in a build's environment on our own input and output, or with null an interactive shell, in which only the prompt and the
 * terminal's kind are added. Gives the exit code; 128 and the signal's number where a signal ended it, as shells tell it.
 */
export async function runShell(
  place: ShellPlace,
  argv: readonly string[] | null,
  { signal, terminal }: { readonly signal: AbortSignal; readonly terminal: string | undefined },
): Promise<number> {
  const inner = argv ?? interactive();
  const prompt =
    argv === null ? { PS1: `[${place.label}] \\W\\$ `, ...(terminal === undefined ? {} : { TERM: terminal }) } : {};
  const { directory, network } = place;
  const wrapped = place.wrap({ argv: inner, directory, environment: { ...place.environment, ...prompt }, network });
  // The umask is part of what a build makes.
  const child = execa("/bin/sh", ["-c", 'umask 022; exec "$@"', "sh", ...wrapped.argv], {
    cwd: directory,
    env: { ...wrapped.environment },
    extendEnv: false,
    stdio: "inherit",
    reject: false,
  });
  // An interactive shell lets SIGTERM pass by.
  const end = (): void => void child.kill(argv === null ? "SIGHUP" : "SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  try {
    const { exitCode, signal: ended } = await child;
    return exitCode ?? (ended === undefined ? 1 : 128 + constants.signals[ended]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** bash edits lines; every machine has the other. Neither reads what the user has set up for shells, as builds do not. */
function interactive(): readonly string[] {
  for (const bash of ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"]) {
    try {
      accessSync(bash, fileConstants.X_OK);
      return [bash, "--noprofile", "--norc", "-i"];
    } catch {
      // The next one, or none.
    }
  }
  return ["/bin/sh", "-i"];
}
