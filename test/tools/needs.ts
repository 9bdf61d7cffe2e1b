/** What a test needs of the machine, and what it is told when the machine does not have it. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";
import { binaryPath, isBinary, type BinaryName } from "./fleet/binaries.ts";
import type fleetPrograms from "./fleet/programs.json";
import type programs from "./programs.json";

/** `npm run test:all` installs the first; the others are for `npm run test:fleet`, where they are installed. */
type Program = keyof typeof programs | keyof typeof fleetPrograms;

/**
 * - a program's name: it is on PATH or where system programs lie
 * - a program out of a package (`node-0.10.28`): it has been fetched, or this run may fetch it
 * - `root`: we are root
 * - `linux`: the kernel
 * - `prefix`: TLSFORGE_TEST_PREFIX names a provisioned prefix
 * - `opt`: that prefix is /opt/tlsforge
 * - `namespaces`: this user may make user and mount namespaces, and mount there
 * - `cleanroot`, `bootroot`: the clean roots of this folder can be made
 * - `all`: this is `npm run test:all`, so minutes of building are in order
 */
export type Need =
  | Program
  | BinaryName
  | "root"
  | "linux"
  | "prefix"
  | "opt"
  | "namespaces"
  | "cleanroot"
  | "bootroot"
  | "all";

/** Null when everything is there, else what is missing, in words for the list of skipped tests. */
export function needs(...wanted: readonly Need[]): string | null {
  const missing = wanted.flatMap((need) => lacking(need) ?? []);
  return missing.length === 0 ? null : `needs ${[...new Set(missing)].join(", ")}`;
}

/** A `describe` that is skipped, with the reason in its name, when the machine lacks something. Its body must do nothing outside of hooks and tests. */
export function describeWith(wanted: readonly Need[], name: string, body: () => void): void {
  const reason = needs(...wanted);
  describe.skipIf(reason !== null)(reason === null ? name : `${name} (${reason})`, body);
}

/** Where TLSFORGE_TEST_PREFIX points; only to be asked where `prefix` is needed. */
export function testPrefix(): string {
  const prefix = process.env["TLSFORGE_TEST_PREFIX"];
  if (prefix === undefined || prefix === "") throw new Error("TLSFORGE_TEST_PREFIX is not set");
  return prefix;
}

/** The folder of a program, or null. */
export function which(program: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find(isProgram) ?? null;
}

function lacking(need: Need): string | null {
  switch (need) {
    case "root":
      return isRoot() ? null : "root";
    case "linux":
      return process.platform === "linux" ? null : "Linux";
    case "prefix":
      return process.env["TLSFORGE_TEST_PREFIX"] !== undefined && existsSync(join(testPrefix(), "current"))
        ? null
        : "a provisioned prefix in TLSFORGE_TEST_PREFIX";
    case "opt":
      return lacking("prefix") ?? (testPrefix() === "/opt/tlsforge" ? null : "TLSFORGE_TEST_PREFIX=/opt/tlsforge");
    case "namespaces":
      return succeeds(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", "/mnt"])
        ? null
        : "user and mount namespaces (unshare -Urm)";
    case "cleanroot":
      return needs("linux", "root", "debootstrap", "unshare") === null && mayMount()
        ? null
        : "clean roots (root on Linux, debootstrap, mount namespaces)";
    case "bootroot":
      return lacking("cleanroot") ?? lacking("systemd-nspawn");
    case "all":
      return process.env["TLSFORGE_TEST_ALL"] === "1" ? null : "npm run test:all";
    default:
      if (isBinary(need)) return lackingBinary(need);
      return which(need) === null ? `the program ${need}` : null;
  }
}

/** Programs out of packages are fetched only where that was asked for: they are large. */
function lackingBinary(name: BinaryName): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "Linux on x64";
  const mayFetch = process.env["TLSFORGE_TEST_ALL"] === "1" || process.env["TLSFORGE_TEST_FLEET"] === "1";
  return existsSync(binaryPath(name)) || mayFetch ? null : `${name} (npm run test:fleet fetches it)`;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

let mountable: boolean | undefined;

/** Containers often have root without the right to mount. */
function mayMount(): boolean {
  mountable ??= succeeds(["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"]);
  return mountable;
}

function succeeds([program = "", ...argv]: readonly string[]): boolean {
  try {
    execFileSync(program, argv, { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
