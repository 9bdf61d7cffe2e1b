import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { hasCode } from "./disk.ts";

/**
 * Which process this is, so that a later one can tell whether it still lives: numbers are used again, so with the boot and the
 * start time (in ticks since boot); and seen from another container the number means another process. `-` where the system
 * does not tell.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
  /** The process namespace. */
  readonly space: string;
  /** Short digest of the host's name. */
  readonly host: string;
}

/** The identity of this process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const [pid, boot, space] = await Promise.all([ownPid(), bootId(), processSpace()]);
  const start = (await processStat(pid))?.start ?? "-";
  return { pid, start, boot, space, host: createHash("sha256").update(hostname()).digest("hex").slice(0, 8) };
}

/** Whether both are the same process: the number alone means another one in another container. */
export function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  const same = one.pid === other.pid && one.start === other.start && one.boot === other.boot;
  return same && one.space === other.space && one.host === other.host;
}

/** Whether the process has ended. What cannot be told, as for a process of another host or container, has not. */
export async function hasEnded(other: ProcessIdentity, own: ProcessIdentity): Promise<boolean> {
  if (other.host !== own.host && other.boot !== own.boot) return false;
  if (other.boot !== own.boot) return true;
  if (other.space !== own.space) return false;
  if (own.start === "-") return !(await isListed(other.pid));
  const stat = await processStat(other.pid);
  return stat === null || stat.start !== other.start || stat.zombie;
}

async function ownPid(): Promise<number> {
  const linux = await linkOrNull("/proc/self");
  if (linux !== null && /^\d+$/u.test(linux)) return Number(linux);
  const { execa } = await import("execa");
  const { stdout } = await execa("sh", ["-c", "echo $PPID"], { stdin: "ignore" });
  return Number(stdout);
}

async function bootId(): Promise<string> {
  return (await textOrNull("/proc/sys/kernel/random/boot_id"))?.trim() ?? "-";
}

async function processSpace(): Promise<string> {
  return /\d+/u.exec((await linkOrNull("/proc/self/ns/pid")) ?? "")?.[0] ?? "-";
}

/** From proc(5): the state is the first field after the name in parentheses, the start time is field 22. */
async function processStat(pid: number): Promise<{ readonly start: string; readonly zombie: boolean } | null> {
  const text = await textOrNull(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { start: fields[19] ?? "-", zombie: fields[0] === "Z" || fields[0] === "X" };
}

/** For systems without /proc; only a clear no counts as a no. */
async function isListed(pid: number): Promise<boolean> {
  const { execa } = await import("execa");
  const { exitCode, stdout, stderr } = await execa("ps", ["-p", String(pid), "-o", "pid="], {
    reject: false,
    stdin: "ignore",
  });
  return !(exitCode === 1 && stdout.trim() === "" && stderr === "");
}

async function textOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return null;
    throw error;
  }
}

async function linkOrNull(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "EINVAL")) return null;
    throw error;
  }
}
