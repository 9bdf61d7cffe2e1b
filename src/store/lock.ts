import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { explained, hasCode, unlinkIfThere } from "./disk.ts";
import { hasEnded, ownIdentity, type ProcessIdentity } from "./identity.ts";
import { prefixPaths } from "./paths.ts";

/** How to take a lock. */
export interface LockOptions {
  /** Who takes it, as others are told: `provision`. */
  readonly what: string;
  /** false: do not wait for another holder but throw `prefix-busy`. */
  readonly wait: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Gives the lock back. */
export type Release = () => Promise<void>;

/** Shortest pause between two looks, in milliseconds; up to twice that, at random, so that two who collide part. */
const pause = 50;

/**
 * Takes the lock of that path for this process; two callers in one process exclude each other too. While another holds it, waits
 * and reports `lock-wait` with the holder once. After it is yours, look again whether the work still needs doing.
 * Throws `prefix-busy` (without `wait`), `interrupted`, `disk-full`, `prefix-unusable`.
 *
 * The lock is a folder. Whoever wants it puts in a file whose name says which process it is, then looks: alone, it holds the lock;
 * else it takes its file back and tries again. A file of a process that has ended is swept away by anybody: its name is used only
 * once, so nobody can sweep away a successor's by mistake, which taking over one common file cannot rule out.
 */
export async function lock(path: string, { what, wait, emit, signal }: LockOptions): Promise<Release> {
  const own = await ownIdentity();
  let told: string | undefined;
  for (;;) {
    refuseInterrupted(signal, path);
    const { release, holder } = await attempt(path, own, what);
    if (release !== undefined) return release;
    const who = await describe(path, holder);
    if (!wait) throw busy(path, who);
    if (holder !== told) emit({ type: "lock-wait", path, holder: who });
    told = holder;
    await sleep(pause * (1 + Math.random()), undefined, { signal }).catch(() => refuseInterrupted(signal, path));
  }
}

/** The lock of a whole run on a prefix: one at a time. */
export async function lockPrefix(prefix: string, options: LockOptions): Promise<Release> {
  return lock(join(prefixPaths(prefix).locks, "prefix"), options);
}

/** The lock when it is free, else null; does not wait. */
export async function tryLock(path: string, what: string): Promise<Release | null> {
  return (await attempt(path, await ownIdentity(), what)).release ?? null;
}

/** Whether a living process holds the lock; changes nothing. */
export async function isHeld(path: string): Promise<boolean> {
  const own = await ownIdentity();
  for (const name of await claims(path)) {
    const other = parseClaim(name);
    if (other !== null && !(await hasEnded(other, own))) return true;
  }
  return false;
}

type Attempt =
  | { readonly release: Release; readonly holder?: never }
  | { readonly release?: never; readonly holder: string };

async function attempt(path: string, own: ProcessIdentity, what: string): Promise<Attempt> {
  const before = await firstLiving(path, own, undefined);
  if (before !== undefined) return { holder: before };
  const claim = claimName(own);
  await putClaim(path, claim, what);
  let rival: string | undefined;
  try {
    rival = await firstLiving(path, own, claim);
  } catch (error) {
    await giveBack(path, claim);
    throw error;
  }
  if (rival === undefined) return { release: () => giveBack(path, claim) };
  await giveBack(path, claim);
  return { holder: rival };
}

/** The first other claim of a process that has not ended; claims of those that have are swept away. */
async function firstLiving(
  path: string,
  own: ProcessIdentity,
  except: string | undefined,
): Promise<string | undefined> {
  for (const name of await claims(path)) {
    if (name === except) continue;
    const other = parseClaim(name);
    if (other === null) continue;
    if (!(await hasEnded(other, own))) return name;
    await unlinkIfThere(join(path, name));
  }
  return undefined;
}

async function claims(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, path);
  }
}

/** The name alone identifies the process, so a claim is complete the moment it exists; its content is only for people. */
async function putClaim(path: string, claim: string, what: string): Promise<void> {
  try {
    const file = await createIn(path, claim);
    try {
      await file.writeFile(`${JSON.stringify({ what, since: new Date().toISOString() })}\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    await unlinkIfThere(join(path, claim));
    throw explained(error, path);
  }
}

/** The folder may be removed by a holder who leaves, while we make it (Node then says `ENOENT` too) and until we use it. */
async function createIn(path: string, claim: string) {
  for (let tries = 1; ; tries += 1) {
    try {
      await mkdir(path, { recursive: true });
      return await open(join(path, claim), "wx", 0o644);
    } catch (error) {
      if (!hasCode(error, "ENOENT") || tries === mostTries) throw error;
    }
  }
}

const mostTries = 1000;

async function giveBack(path: string, claim: string): Promise<void> {
  await unlinkIfThere(join(path, claim));
  try {
    await rmdir(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
  }
}

function claimName({ pid, start, boot, space, host }: ProcessIdentity): string {
  return [pid, start, boot, space, host, randomBytes(6).toString("hex")].join("_");
}

function parseClaim(name: string): ProcessIdentity | null {
  const [pid, start, boot, space, host, token] = name.split("_");
  if (!start || !boot || !space || !host || !token || !/^\d+$/u.test(pid ?? "")) return null;
  return { pid: Number(pid), start, boot, space, host };
}

/** `provision, pid 123, since 2026-11-23T10:00:00.000Z`, as far as the holder has said it. */
async function describe(path: string, claim: string): Promise<string> {
  const pid = `pid ${parseClaim(claim)?.pid ?? "unknown"}`;
  try {
    const told = JSON.parse(await readFile(join(path, claim), "utf8")) as {
      readonly what?: unknown;
      readonly since?: unknown;
    };
    return `${String(told.what)}, ${pid}, since ${String(told.since)}`;
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, "ENOENT")) return pid;
    throw explained(error, path);
  }
}

function busy(path: string, holder: string): ForgeError {
  return new ForgeError("prefix-busy", `Another run holds ${path}: ${holder}`, {
    hint: "Wait for it to end, or run without --no-wait; if that process is in a container or on a host that is gone, remove the lock folder",
  });
}

function refuseInterrupted(signal: AbortSignal, path: string): void {
  if (signal.aborted) throw new ForgeError("interrupted", `Interrupted while taking the lock ${path}`);
}
