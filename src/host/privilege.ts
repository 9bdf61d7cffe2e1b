/** The one file that elevates. Everything that is run with privilege is reported first, as an event. */
import { spawnSync } from "node:child_process";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Session } from "./session.ts";
import type { ExecOptions, ExecResult, Host } from "./types.ts";

/** What privilege can be had from. `sudo`: its absolute path, or null. */
export interface PrivilegeOptions {
  readonly uid: number;
  readonly sudo: string | null;
  readonly allowSudo: boolean;
  /** Whether there is a terminal that a password could be typed on. */
  readonly interactive: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/** How privilege can be had, and with `none` why not, in words that go on after "needs root, ". */
export interface Privilege {
  readonly privilege: Host["privilege"];
  readonly problem: string;
}

/** How privilege can be had. Without a terminal, sudo counts only when it asks for no password. */
export function findPrivilege(options: PrivilegeOptions): Privilege {
  if (options.uid === 0) return { privilege: "root", problem: "" };
  if (options.sudo === null) return { privilege: "none", problem: "and there is no sudo on this machine" };
  if (!options.allowSudo)
    return {
      privilege: "none",
      problem: "and sudo is only used with --yes, or when the site file says host.packages: install",
    };
  if (options.interactive) return { privilege: "sudo", problem: "" };
  // `Host.privilege` is a plain property, so this one question is asked synchronously.
  const answer = spawnSync(options.sudo, ["-n", "true"], { env: options.environment, encoding: "utf8", timeout: 5000 });
  if (answer.status === 0) return { privilege: "sudo", problem: "" };
  const words = answer.stderr?.trim().split("\n").at(-1) ?? "";
  return {
    privilege: "none",
    problem: /password|terminal/i.test(words)
      ? "and sudo asks for a password, which there is no terminal for"
      : `and sudo refuses${words === "" ? "" : `: ${words.replaceAll(/\p{Cc}+/gu, " ")}`}`,
  };
}

/** What `elevate` needs besides the command. */
export interface ElevateOptions {
  readonly privilege: Host["privilege"];
  readonly problem: string;
  readonly emit: Emit;
  /** As root already. */
  readonly exec: Host["exec"];
  /** The one process that sudo has started for all of this run; opened by the first command that needs it. */
  readonly session: () => Session;
}

/** Makes `Host.elevated`: reports argv, then runs it as root already, or through the one session that sudo has opened. */
export function elevate(options: ElevateOptions): Host["elevated"] {
  return async (argv: readonly string[], why: string, execOptions: ExecOptions = {}): Promise<ExecResult> => {
    if (options.privilege === "none") {
      throw new ForgeError("host-refused", `"${argv.join(" ")}" (${why}) needs root, ${options.problem}`, {
        hint: "run tlsforge as root, or as a user whose sudo asks for no password or on a terminal",
      });
    }
    options.emit({ type: "host-command", argv, elevated: true, why });
    return options.privilege === "root" ? options.exec(argv, execOptions) : options.session().run(argv, execOptions);
  };
}

/** How sudo is called for a program. It asks on the terminal itself, never on standard input, and without a terminal not at all. */
export function sudoArgv(sudo: string, interactive: boolean, argv: readonly string[]): readonly string[] {
  const flags = interactive ? ["-p", "tlsforge needs sudo. Password for %p: "] : ["-n"];
  return [sudo, ...flags, "--", ...argv];
}
