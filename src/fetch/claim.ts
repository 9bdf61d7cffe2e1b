/**
 * Who works on a digest in a cache: one at a time, of all processes and of all callers in one. A cache may be shared by containers and hosts, whose
 * processes cannot be told alive from dead by number, so a claim is a file that its owner touches every second.
 */
import { randomBytes } from "node:crypto";
import { open, readdir, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "./problems.ts";

/** The right to work on a digest, until `drop`. */
export interface Claim {
  readonly path: string;
  readonly beat: NodeJS.Timeout;
}

const beatMs = 1000;
/** How long a claim has to stay untouched while somebody looks on, to count as left by a run that was killed. */
const quietMs = 3000;
/** One that is further from now, in either direction, was left long ago. */
const longAgoMs = 60_000;
const pauseMs = 50;

/**
 * Takes the claim on what gets the name `final`, waiting while another has it; `onWait` is told once of one that is alive.
 *
 * Whoever wants it puts in a file whose name nobody else ever uses, then looks: alone, it is theirs; else they take the file back and try again. So a
 * claim that was left can be swept away by anybody, and never a successor's by mistake.
 */
export async function claim(
  final: string,
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<Claim> {
  const seen = new Map<string, Sighting>();
  const prefix = join(dirname(final), `.${basename(final)}.claim-`);
  let waited = false;
  for (;;) {
    const rivals = await rivalsOf(prefix, seen);
    if (rivals.length === 0) {
      const path = prefix + randomBytes(8).toString("hex");
      await (await open(path, "wx")).close();
      const others = (await claimsAt(prefix)).filter((other) => other !== path);
      if (others.length === 0) return { path, beat: beating(path) };
      await rm(path, { force: true });
    }
    if (!waited && rivals.some((rival) => seen.get(rival)?.moved === true)) {
      onWait();
      waited = true;
    }
    // At random, so that two who collide part.
    await sleep(pauseMs * (1 + Math.random()), undefined, { signal });
  }
}

/** Gives the claim back. */
export async function drop({ path, beat }: Claim): Promise<void> {
  clearInterval(beat);
  await rm(path, { force: true });
}

interface Sighting {
  readonly stampMs: number;
  /** By a clock that nobody sets. */
  readonly since: number;
  readonly moved: boolean;
}

/** Claims of others that may be alive; what was left is swept away. */
async function rivalsOf(prefix: string, seen: Map<string, Sighting>): Promise<readonly string[]> {
  const alive: string[] = [];
  for (const path of await claimsAt(prefix)) {
    const stampMs = await stampOf(path);
    if (stampMs === null) continue;
    const before = seen.get(path);
    const isSame = before?.stampMs === stampMs;
    const sighting = isSame ? before : { stampMs, since: performance.now(), moved: before !== undefined };
    seen.set(path, sighting);
    const isLeft =
      performance.now() - sighting.since > quietMs || (!sighting.moved && Math.abs(Date.now() - stampMs) > longAgoMs);
    if (isLeft) await rm(path, { force: true });
    else alive.push(path);
  }
  return alive;
}

async function claimsAt(prefix: string): Promise<readonly string[]> {
  const folder = dirname(prefix);
  return (await readdir(folder)).filter((name) => name.startsWith(basename(prefix))).map((name) => join(folder, name));
}

async function stampOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

function beating(path: string): NodeJS.Timeout {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch((error: unknown) => {
      // Missed beats can at worst make another process fetch the same file: no reason to fail here.
      if (errnoOf(error) === null) throw error;
    });
  }, beatMs);
  beat.unref();
  return beat;
}
