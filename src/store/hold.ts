/** Runs that use a prefix's outputs and downloads while they hold no lock on it: garbage is not collected from under them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import { putAllBack } from "./aside.ts";
import { claimContent, claimName, describeClaim, dropClaim, livingClaims, putClaim } from "./claims.ts";
import { explained, isThere } from "./disk.ts";
import { isSame, ownIdentity } from "./identity.ts";
import { lock, otherHolder, tryLock, type LockOptions, type Release } from "./lock.ts";
import { prefixPaths } from "./paths.ts";
import { makeReserve } from "./reserve.ts";

/** What a run needs of a prefix. */
export interface Hold {
  /** Says which outputs, by the names of their folders, it needs or makes; before it has, all are held. */
  readonly narrow: (outputs: readonly string[]) => Promise<void>;
  readonly release: Release;
}

/** A living run that holds outputs. */
export interface Holder {
  /** `provision, pid 123, since …`. */
  readonly who: string;
  /** null: it has not said yet, so all. */
  readonly outputs: ReadonlySet<string> | null;
}

/**
 * Holds the outputs of a prefix for this process, beside other runs that do. Who sweeps (gc, uninstall, a repair) and who holds each say so
 * first and then look for the other, so that at least one sees the other: a run that finds a sweep under way takes its hold back, waits, and
 * has `open` make the prefix again, which an uninstall may have removed.
 * Throws `prefix-busy` (without `wait`), `interrupted`, `disk-full`, `prefix-unusable`.
 */
export async function holdPrefix(prefix: string, options: LockOptions, open: () => Promise<unknown>): Promise<Hold> {
  const folder = holdsFolder(prefix);
  const own = await ownIdentity();
  for (;;) {
    await open();
    const claim = claimName(own);
    const said = { what: options.what, since: new Date().toISOString() };
    await putClaim(folder, claim, { ...said, outputs: null });
    const sweeper = await otherHolder(sweepLock(prefix));
    if (sweeper === null) {
      // A removal that had begun may have taken folders with it, the sweeper's own claim among them.
      await open();
      const release = withReserve(prefix, () => dropClaim(folder, claim));
      await orRelease(putAllBack(prefix, options.emit), release);
      return { narrow: (outputs) => write(join(folder, claim), { ...said, outputs }), release };
    }
    await dropClaim(folder, claim);
    const release = await lock(sweepLock(prefix), options);
    await release();
  }
}

/** Not at once: who reads half of it takes it for one that has not said yet. */
async function write(path: string, content: object): Promise<void> {
  await writeFile(path, `${JSON.stringify(content)}\n`).catch((error: unknown) => {
    throw explained(error, path);
  });
}

/** The living runs that hold outputs of a prefix, with `others` those of other processes alone; changes nothing. */
export async function holdersOf(
  prefix: string,
  { others = false }: { readonly others?: boolean } = {},
): Promise<readonly Holder[]> {
  const folder = holdsFolder(prefix);
  const own = await ownIdentity();
  const living = (await livingClaims(folder, own, false)).filter(({ process }) => !others || !isSame(process, own));
  return Promise.all(
    living.map(async ({ name }) => {
      const outputs = (await claimContent(folder, name))?.["outputs"];
      return {
        who: await describeClaim(folder, name),
        outputs: Array.isArray(outputs) ? new Set(outputs.map(String)) : null,
      };
    }),
  );
}

/** The lock of a whole run on a prefix: one at a time. Outputs that a killed run set aside are put back first. */
export async function lockPrefix(prefix: string, options: LockOptions): Promise<Release> {
  const release = await lock(join(prefixPaths(prefix).locks, "prefix"), options);
  await orRelease(putAllBack(prefix, options.emit), release);
  return withReserve(prefix, release);
}

/** The reserve may have been given up for this lock, or another of the run. */
function withReserve(prefix: string, release: Release): Release {
  return async () => {
    await release();
    await makeReserve(prefix);
  };
}

/** Keeps new runs from beginning, and has the prefix's own lock: what removes things and spares what running builds hold. */
export async function lockForSweep(prefix: string, options: LockOptions): Promise<Release> {
  const sweep = await lock(sweepLock(prefix), options);
  return both(sweep, () => lockPrefix(prefix, options));
}

/** The same after every run that holds outputs has ended: nothing and nobody is at work in the prefix then. */
export async function lockAlone(prefix: string, options: LockOptions): Promise<Release> {
  const sweep = await lock(sweepLock(prefix), options);
  return both(sweep, async () => {
    await waitForHolders(prefix, options);
    return lockPrefix(prefix, options);
  });
}

/** Keeps new runs from beginning, while this one goes on; null when somebody keeps them already. Does not wait. Makes no prefix: in one that is not there nobody is at work. */
export async function tryLockForSweep(prefix: string, what: string): Promise<Release | null> {
  if (!(await isThere(prefixPaths(prefix).locks))) return async () => undefined;
  return tryLock(sweepLock(prefix), what);
}

async function both(first: Release, second: () => Promise<Release>): Promise<Release> {
  const release = await orRelease(second(), first);
  return async () => {
    await release();
    await first();
  };
}

async function orRelease<T>(work: Promise<T>, release: Release): Promise<T> {
  try {
    return await work;
  } catch (error) {
    await release();
    throw error;
  }
}

async function waitForHolders(prefix: string, { wait, emit, signal }: LockOptions): Promise<void> {
  let told = "";
  for (;;) {
    const who = (await holdersOf(prefix))[0]?.who;
    if (who === undefined) return;
    if (!wait)
      throw new ForgeError("prefix-busy", `Another run is at work in ${prefix}: ${who}`, {
        hint: "Wait for it to end, or run without --no-wait",
      });
    if (who !== told) emit({ type: "lock-wait", path: prefix, holder: who });
    told = who;
    await sleep(100, undefined, { signal }).catch(() => {
      throw new ForgeError("interrupted", `Interrupted while waiting for ${who}`);
    });
  }
}

function holdsFolder(prefix: string): string {
  return join(prefixPaths(prefix).locks, "runs");
}

function sweepLock(prefix: string): string {
  return join(prefixPaths(prefix).locks, "sweep");
}
