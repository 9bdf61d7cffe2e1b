/** Runs that are killed at random moments, and what must be true afterwards. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { compareContents, listReceipts } from "../../src/store/index.ts";
import { run, runJson, start, type Workshop } from "./support.ts";

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A moment of a run: so many lines of its progress, and then so many milliseconds. Lines come as fast as the machine is, so that a busy one is killed at work too. */
export interface Moment {
  readonly lines: number;
  readonly ms: number;
}

/** Counts the lines of progress of a whole run, and gives how it ended. */
export async function linesOf(shop: Workshop, argv: readonly string[]): Promise<{ lines: number; ms: number }> {
  const began = performance.now();
  const { exitCode, stderr } = await run(shop, [...argv, "--progress", "json"], { seconds: 3600 });
  expect({ exitCode, last: exitCode === 0 ? "" : stderr.slice(-4000) }).toEqual({ exitCode: 0, last: "" });
  return { lines: stderr.split("\n").length - 1, ms: performance.now() - began };
}

/** Moments spread over a whole run, each a little off. */
export function momentsIn(whole: Moment, count: number, random: () => number): readonly Moment[] {
  return Array.from({ length: count }, (_, index) => ({
    lines: Math.floor(((index + random()) / count) * whole.lines),
    ms: Math.round(random() * Math.max(50, (2 * whole.ms) / whole.lines)),
  }));
}

/** Starts a run in a process group of its own and kills the group at a moment. Gives whether it was at work still. */
export async function killAt(shop: Workshop, argv: readonly string[], { lines, ms }: Moment): Promise<boolean> {
  const child = start(shop, [...argv, "--progress", "json"], { detached: true, seconds: 3600 });
  const reached = new Promise<void>((done) => {
    let seen = 0;
    if (lines === 0) done();
    child.stderr.on("data", (chunk: Buffer) => {
      seen += chunk.toString().split("\n").length - 1;
      if (seen >= lines) done();
    });
  });
  await Promise.race([reached, child]);
  await Promise.race([sleep(ms), child]);
  const { exitCode, signalCode } = child.nodeChildProcess;
  const { pid } = child;
  const working = exitCode === null && signalCode === null && pid !== undefined;
  if (working) process.kill(-pid, "SIGKILL");
  await child;
  return working;
}

/**
 * Everything in the prefix and in the user's cache is named by `gc --dry-run`, or lies in something that is, or is a folder around it. What programs that
 * outlived the kill write meanwhile lies in a build's own folders.
 */
export async function everythingIsNamed(shop: Workshop): Promise<void> {
  const { record } = await runJson(shop, ["gc", "--dry-run"]);
  const named = [...record.removed, ...record.kept].map(({ path }) => path);
  const covered = (path: string): boolean =>
    named.some((name) => path === name || path.startsWith(`${name}/`) || name.startsWith(`${path}/`));
  const around = new Set(["store", "generations", "var", "var/locks", "cache", "cache/sources", "log", "build"]);
  const entries = await readdir(shop.prefix, { recursive: true });
  const unnamed = entries.filter((entry) => !covered(join(shop.prefix, entry)) && !around.has(entry));
  const cache = join(shop.home, ".cache", "tlsforge", "sources");
  const cached = await readdir(cache).catch(() => []);
  expect([...unnamed, ...cached.filter((name) => !covered(join(cache, name)))]).toEqual([]);
}

/** Every output that has a receipt holds what that says, byte by byte. */
export async function outputsAreIntact({ prefix }: Workshop): Promise<void> {
  for (const receipt of await listReceipts(prefix))
    expect({ out: receipt.out, ...(await compareContents(receipt)) }).toMatchObject({ outcome: "intact" });
}

/** After garbage was collected nothing is left that only an interrupted run can have left. */
export async function nothingIsLeft(shop: Workshop): Promise<void> {
  const { record } = await runJson(shop, ["gc"]);
  expect(record.exitCode).toBe(0);
  const remains = await readdir(shop.prefix, { recursive: true });
  expect(remains.filter((entry) => /(?:^|\/)\.tmp-/u.test(entry))).toEqual([]);
  for (const folder of ["build", "var/locks"])
    expect(await readdir(join(shop.prefix, folder)).catch(() => [])).toEqual([]);
  const receipts = await listReceipts(shop.prefix);
  expect((await readdir(join(shop.prefix, "store"))).length).toBe(receipts.length);
}
