/** The one file that elevates. Everything that is run with privilege is reported first, as an event. */
import { spawnSync } from "node:child_process";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
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

/** How privilege can be had. Without a terminal, sudo counts only when it asks for no password. */
export function findPrivilege(options: PrivilegeOptions): Host["privilege"] {
  if (options.uid === 0) return "root";
  if (!options.allowSudo || options.sudo === null) return "none";
  if (options.interactive) return "sudo";
  // `Host.privilege` is a plain property, so this one question is asked synchronously.
  const answer = spawnSync(options.sudo, ["-n", "true"], { env: options.environment, stdio: "ignore", timeout: 5000 });
  return answer.status === 0 ? "sudo" : "none";
}

/** What `elevate` needs besides the command. */
export interface ElevateOptions {
  readonly privilege: Host["privilege"];
  readonly sudo: string | null;
  readonly interactive: boolean;
  readonly emit: Emit;
  readonly exec: Host["exec"];
}

/** Makes `Host.elevated`: reports argv, then runs it as root already, or through sudo. sudo asks on the terminal itself, so standard input stays free. */
export function elevate(options: ElevateOptions): Host["elevated"] {
  return async (argv: readonly string[], why: string, execOptions: ExecOptions = {}): Promise<ExecResult> => {
    if (options.privilege === "none" || (options.privilege === "sudo" && options.sudo === null)) {
      throw new ForgeError("host-refused", `no privilege to run "${argv.join(" ")}" (${why})`, {
        hint: "run tlsforge as root, or as a user whose sudo asks for no password or on a terminal",
      });
    }
    options.emit({ type: "host-command", argv, elevated: true, why });
    if (options.privilege === "root") return options.exec(argv, execOptions);
    const { environment = {}, ...rest } = execOptions;
    const added = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const inner = added.length > 0 ? ["env", ...added, ...argv] : argv;
    const flags = options.interactive ? ["-p", "tlsforge needs sudo. Password for %p: "] : ["-n"];
    return options.exec([options.sudo ?? "sudo", ...flags, "--", ...inner], rest);
  };
}
