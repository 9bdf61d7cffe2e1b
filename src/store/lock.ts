import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { claimName, describeClaim, dropClaim, livingClaims, putClaim } from "./claims.ts";
import { isSame, ownIdentity, type ProcessIdentity } from "./identity.ts";

/** How to take a lock. */
export interface LockOptions {
  /** Who takes it, as others are told: `provision`. */
  readonly what: string;
  /** false: do not wait for another holder but throw `prefix-busy`. */
  readonly wait: boolean;
  /** Of the lock of a build: its name, for whoever waits and takes what the holder makes. */
  readonly takes?: string;
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
export async function lock(path: string, { what, wait, takes, emit, signal }: LockOptions): Promise<Release> {
  const own = await ownIdentity();
  let told: string | undefined;
  for (;;) {
    refuseInterrupted(signal, path);
    const { release, holder } = await attempt(path, own, what);
    if (release !== undefined) return release;
    const who = await describeClaim(path, holder);
    if (!wait) throw busy(takes === undefined ? `holds ${path}` : `builds ${takes}`, who, path);
    if (holder !== told) emit({ type: "lock-wait", path, holder: who, ...(takes === undefined ? {} : { takes }) });
    told = holder;
    await sleep(pause * (1 + Math.random()), undefined, { signal }).catch(() => refuseInterrupted(signal, path));
  }
}

/** The lock when it is free, else null; does not wait. */
export async function tryLock(path: string, what: string): Promise<Release | null> {
  return (await attempt(path, await ownIdentity(), what)).release ?? null;
}

/** Whether a living process holds the lock; changes nothing. */
export async function isHeld(path: string): Promise<boolean> {
  return (await livingClaims(path, await ownIdentity(), false)).length > 0;
}

/** `provision, pid 123, since …` of a living process that holds the lock, other than this one; null when there is none. */
export async function otherHolder(path: string): Promise<string | null> {
  const own = await ownIdentity();
  const other = (await livingClaims(path, own, false)).find(({ process }) => !isSame(process, own));
  return other === undefined ? null : describeClaim(path, other.name);
}

type Attempt =
  | { readonly release: Release; readonly holder?: never }
  | { readonly release?: never; readonly holder: string };

async function attempt(path: string, own: ProcessIdentity, what: string): Promise<Attempt> {
  const before = await rivalOf(path, own, undefined);
  if (before !== undefined) return { holder: before };
  const claim = claimName(own);
  await putClaim(path, claim, { what, since: new Date().toISOString() });
  let rival: string | undefined;
  try {
    rival = await rivalOf(path, own, claim);
  } catch (error) {
    await dropClaim(path, claim);
    throw error;
  }
  if (rival === undefined) return { release: () => dropClaim(path, claim) };
  await dropClaim(path, claim);
  return { holder: rival };
}

/** The first other claim of a process that has not ended. */
async function rivalOf(path: string, own: ProcessIdentity, claim: string | undefined): Promise<string | undefined> {
  return (await livingClaims(path, own, true)).find(({ name }) => name !== claim)?.name;
}

function busy(does: string, holder: string, path: string): ForgeError {
  return new ForgeError("prefix-busy", `Another run ${does}: ${holder}`, {
    hint: `Wait for it to end, or run without --no-wait; if that process is in a container or on a host that is gone, remove the lock folder ${path}`,
  });
}

function refuseInterrupted(signal: AbortSignal, path: string): void {
  if (signal.aborted) throw new ForgeError("interrupted", `Interrupted while taking the lock ${path}`);
}
