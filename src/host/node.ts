import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import { isAbsolute, join } from "node:path";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Platform } from "../recipe/types.ts";
import { nodeTree } from "./node-tree.ts";
import { packageFamilyOf } from "./platform.ts";
import { elevate, findPrivilege, sudoArgv, type Privilege } from "./privilege.ts";
import { openSession, withEnvironment, type Session, type SessionOptions } from "./session.ts";
import type { ExecOptions, ExecResult, Host, PathFacts } from "./types.ts";

/** What the machine's Host is made from; `main.ts` reads it from the process. */
export interface NodeHostOptions {
  readonly platform: Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly emit: Emit;
  /** Whether there is a terminal that sudo could ask for a password on. */
  readonly interactive: boolean;
  readonly allowSudo: boolean;
  /** Ends every running command when it fires. */
  readonly signal?: AbortSignal;
  /** What starts `root-helper.ts`: a Node and the file. Without it sudo is called for each command. */
  readonly helper?: readonly string[];
}

/** The machine itself: node:fs and execa. Privilege is looked for when it is first asked for. */
export function nodeHost(options: NodeHostOptions): Host {
  const environment = closedEnvironment(options.environment);
  const find = (program: string): string | null => findProgram(program, environment["PATH"] ?? "");
  const exec: Host["exec"] = ([program = "", ...args], execOptions = {}) =>
    run([find(program) ?? program, ...args], {
      ...execOptions,
      environment: { ...environment, ...execOptions.environment },
      signal: options.signal,
    });
  let found: Privilege | undefined;
  const privilege = (): Privilege =>
    (found ??= findPrivilege({
      uid: options.uid,
      sudo: find("sudo"),
      allowSudo: options.allowSudo,
      interactive: options.interactive,
      environment,
    }));
  const host: Host = {
    platform: options.platform,
    packageFamily: packageFamilyOf(options.platform.os, options.platform.os === "linux" ? readOsRelease() : ""),
    uid: options.uid,
    get privilege() {
      return privilege().privilege;
    },
    get noPrivilege() {
      return privilege().problem;
    },
    exec,
    which: (program) => Promise.resolve(find(program)),
    readFile: (path) => absentAsNull(readFile(path, "utf8")),
    facts: async (path) => {
      const found = await absentAsNull(lstat(path));
      return found === null ? null : toFacts(found);
    },
    list: async (folder) => ((await absentAsNull(readdir(folder))) ?? []).toSorted(),
    tree: nodeTree,
    elevated: (argv, why, execOptions) =>
      elevate({
        ...privilege(),
        emit: options.emit,
        exec,
        session: () => sessionOf({ ...options, sudo: find("sudo") ?? "sudo", environment, exec }),
      })(argv, why, execOptions),
  };
  return host;
}

/** One for the whole process, whichever Host asks: nobody types a password twice. */
let open: Session | undefined;

function sessionOf(
  options: Pick<NodeHostOptions, "interactive" | "helper" | "signal"> & {
    readonly sudo: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly exec: Host["exec"];
  },
): Session {
  const { sudo, interactive, helper, environment, signal, exec } = options;
  const alone: SessionOptions["alone"] = (argv, { environment: added = {}, ...rest }) =>
    exec(sudoArgv(sudo, interactive, withEnvironment(argv, added)), rest);
  if (helper === undefined) return { run: alone, ended: false };
  if (open === undefined || open.ended)
    open = openSession({ argv: sudoArgv(sudo, interactive, helper), environment, signal, alone });
  return open;
}

/** Names that change what compilers, perl, python, make or the loader find: the build's environment has none of them either. */
const closedNames =
  /^(?:LD_|DYLD_|PYTHON|PERL|MAKE|GCC_|CMAKE_|PKG_CONFIG|LC_)|^(?:CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|CFLAGS|CPPFLAGS|CXXFLAGS|LDFLAGS|LIBS|CC|CXX|LANG|LANGUAGE|RUSTFLAGS|RUSTC|RUSTC_WRAPPER|RUSTUP_TOOLCHAIN|BASH_ENV|ENV)$/;

function closedEnvironment(given: NodeHostOptions["environment"]): Record<string, string> {
  const kept = Object.entries(given).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !closedNames.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

const standardPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function findProgram(program: string, path: string): string | null {
  if (program.includes("/")) return isProgram(program) ? program : null;
  const folders = [...path.split(":").filter(isAbsolute), ...standardPath];
  return folders.map((folder) => join(folder, program)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (isAbsence(error) || codeOf(error) === "EACCES") return false;
    throw error;
  }
}

interface RunOptions extends ExecOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** execa costs 40 ms to load, so the answer "nothing to do", which runs no program, never loads it. */
async function run(argv: readonly string[], options: RunOptions): Promise<ExecResult> {
  const { execa } = await import("execa");
  const [file = "", ...args] = argv;
  const result = await execa(file, args, {
    reject: false,
    extendEnv: false,
    env: options.environment,
    cwd: "/",
    stripFinalNewline: false,
    input: options.input ?? "",
    ...(options.timeoutSeconds === undefined ? {} : { timeout: options.timeoutSeconds * 1000 }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (options.signal?.aborted === true)
    throw new ForgeError("interrupted", `interrupted while running "${argv.join(" ")}"`);
  return {
    exitCode: exitCodeOf(result),
    stdout: result.stdout,
    stderr: result.stderr === "" && result.failed ? (result.shortMessage ?? "") : result.stderr,
  };
}

function exitCodeOf(result: { exitCode?: number; timedOut: boolean; signal?: NodeJS.Signals }): number {
  if (result.timedOut) return 124;
  if (result.exitCode !== undefined) return result.exitCode;
  return result.signal === undefined ? 127 : 128 + osConstants.signals[result.signal];
}

function readOsRelease(): string {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
  return "";
}

async function absentAsNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (isAbsence(error)) return null;
    if (codeOf(error) === "EACCES" || codeOf(error) === "EPERM" || codeOf(error) === "EISDIR") {
      throw new ForgeError("host-failed", `cannot read from the machine: ${String(error)}`, { cause: error });
    }
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function toFacts(found: Awaited<ReturnType<typeof lstat>>): PathFacts {
  const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
  return {
    kind,
    mode: Number(found.mode) & 0o7777,
    uid: Number(found.uid),
    gid: Number(found.gid),
    size: Number(found.size),
  };
}
