import { lstat, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { outOfAside } from "./aside.ts";
import { explained, hasCode, removeTree } from "./disk.ts";
import { failedRecord, listFailed, scratchFolder, testedOutput, type KeptBuild } from "./failed.ts";
import { namesIn, type GarbageItem, type Verdict } from "./garbage.ts";
import { judgeFailed } from "./gc-failed.ts";
import { judgeState, judgeTemporaries } from "./gc-rest.ts";
import { cachesFor, judgeSources, type SourceCaches } from "./gc-sources.ts";
import { exclusively, listGenerations, type GenerationEntry } from "./generations.ts";
import { holdersOf, lockForSweep, tryLockForSweep, type Holder } from "./hold.ts";
import { isHeld, otherHolder, tryLock, type LockOptions } from "./lock.ts";
import { logNames, logsBeyondBound } from "./logs.ts";
import { buildLock, isKeyed, prefixPaths } from "./paths.ts";
import { endOrphans, markedPrograms, usageOf, type Usage } from "./processes.ts";
import { listReceipts, readReceipt, storeEntries } from "./receipts.ts";
import type { Receipt } from "./types.ts";

/** What was removed (with `dryRun`: what would be) and what is kept. */
export interface GarbageReport {
  readonly removed: readonly GarbageItem[];
  readonly kept: readonly GarbageItem[];
}

/** How to collect. */
export interface GarbageOptions extends LockOptions {
  /** Change nothing, take no lock. */
  readonly dryRun: boolean;
  /** How many of the newest generations stay besides the current one. Default 3. */
  readonly keep?: number;
  /** Further generations that must stay: those whose processes stand by. */
  readonly keepGenerations?: readonly number[];
  /** Also remove failed builds that are kept for a look. */
  readonly failed?: boolean;
  /** Caches of sources besides the prefix's own, and what besides its receipts needs sources. */
  readonly sources?: SourceCaches;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Removes what nothing needs: generations but the current and the newest, outputs that no generation left and no live process
 * uses (also by way of an output that uses them), outputs without a receipt that nobody builds, with what such a build left
 * running, scratch folders of interrupted builds and tests, likewise, logs and cached sources beyond their bounds, downloads untouched for a week, remains of
 * interrupted runs. Never removes what it cannot tell about, and spares what runs hold that build meanwhile. Everything in the prefix is named.
 * Takes the prefix's lock itself: the caller must not hold it. Throws `prefix-busy`, `interrupted`, `prefix-unusable`.
 */
export async function collectGarbage(prefix: string, options: GarbageOptions): Promise<GarbageReport> {
  if (options.dryRun) return report(await judge(prefix, options), () => Promise.resolve(null));
  const release = await lockForSweep(prefix, options);
  try {
    return await exclusively(prefix, options, async () =>
      report(await judge(prefix, options), (verdict) => tryRemove(verdict, prefix, options.emit)),
    );
  } finally {
    await release();
  }
}

/**
 * Removes of the caches what `collectGarbage` would, as the end of a run that has fetched something, which goes on holding the prefix, if there is one: every output
 * stays, with the sources it was made from. Removes nothing while another run is at work or sweeps. Throws `prefix-unusable`.
 */
export async function boundSources(
  prefix: string,
  sources: SourceCaches,
  { emit, now }: Pick<GarbageOptions, "emit" | "now">,
): Promise<readonly GarbageItem[]> {
  const release = await tryLockForSweep(prefix, "the bound of cached sources");
  if (release === null) return [];
  try {
    const { store } = prefixPaths(prefix);
    const outs = (await storeEntries(store)).map((name) => join(store, name));
    const holders = await holdersOf(prefix, { others: true });
    const verdicts = await judgeSources(await cachesFor(prefix, sources, { outs, holders }), now);
    return (await report(verdicts, (verdict) => tryRemove(verdict, prefix, emit))).removed;
  } finally {
    await release();
  }
}

/** `dispose` tells why something has stayed; null when it is gone. */
async function report(
  verdicts: readonly Verdict[],
  dispose: (verdict: Verdict) => Promise<string | null>,
): Promise<GarbageReport> {
  const removed: GarbageItem[] = [];
  const kept: GarbageItem[] = [];
  for (const { keep, ...item } of verdicts) {
    if (keep) {
      kept.push({ ...item, bytes: 0 });
      continue;
    }
    const bytes = await sizeOf(item.path);
    const why = await dispose({ keep, ...item });
    if (why === null) removed.push({ ...item, bytes });
    else kept.push({ ...item, why, bytes: 0 });
  }
  return { removed, kept };
}

/** What cannot be removed is told and in nobody's way. */
async function tryRemove(verdict: Verdict, prefix: string, emit: Emit): Promise<string | null> {
  try {
    return (await remove(verdict, prefix)) ? null : "another run took it meanwhile";
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "prefix-unusable") throw error;
    emit({ type: "warning", message: `${verdict.path} cannot be removed: ${error.message}` });
    return "cannot be removed";
  }
}

/** Whether it was removed. An output, and the folder it is built in, go only under its own lock: a build of it may just have begun. */
async function remove({ kind, path }: Verdict, prefix: string): Promise<boolean> {
  if (kind === "lock") {
    const swept = await tryLock(path, "gc");
    await swept?.();
    return swept !== null;
  }
  const isScratch = dirname(path) === scratchFolder(prefix) && isKeyed(basename(path));
  if (kind !== "output" && !isScratch && outOfAside(path) === null) {
    // Caches lie outside of the prefix too.
    await removeTree(path, ["source", "download", "temporary"].includes(kind) ? dirname(path) : prefix);
    return true;
  }
  const release = await tryLock(buildLock(prefix, basename(outOfAside(path) ?? path)), "gc");
  if (release === null) return false;
  try {
    const marks = isScratch ? scratchMarks(path, await markedPrograms(prefix)) : kind === "output" ? [path] : [];
    for (const out of marks) await endOrphans(out, prefix);
    await removeTree(path, prefix);
    return true;
  } finally {
    await release();
  }
}

async function judge(prefix: string, options: GarbageOptions): Promise<Verdict[]> {
  const [usage, holders] = [await usageOf(prefix), await holdersOf(prefix)];
  const generations = await judgeGenerations(prefix, usage, options);
  const left = generations.filter(({ keep }) => keep).map(({ entry }) => entry);
  const failed: Failed = { builds: await listFailed(prefix), removing: options.failed === true };
  const outputs = await judgeOutputs(prefix, left, { usage, holders, failed });
  const outs = outputs.filter(({ keep }) => keep).map(({ path }) => path);
  return [
    ...generations.map(({ entry: _entry, ...verdict }) => verdict),
    ...outputs,
    ...(await judgeLogs(prefix, outputs)),
    ...(await judgeSources(await cachesFor(prefix, options.sources, { outs, holders }), options.now)),
    ...(await judgeScratch(prefix, failed)),
    ...(await judgeTemporaries(prefix, { now: options.now, atWork: holders.length > 0 })),
    ...(await judgeLocks(prefix)),
    ...(await judgeState(prefix)),
  ];
}

async function judgeGenerations(prefix: string, usage: Usage, options: GarbageOptions) {
  const all = await listGenerations(prefix);
  const newest = new Set(all.slice(-Math.max(1, options.keep ?? 3)).map(({ generation }) => generation));
  return all.map((entry) => {
    const { generation } = entry;
    const name = `generations/${generation}`;
    const verdict = (keep: boolean, why: string) => ({
      entry,
      kind: "generation" as const,
      path: join(prefix, name),
      keep,
      why,
    });
    if (entry.current) return verdict(true, "the current generation");
    if (options.keepGenerations?.includes(generation)) return verdict(true, "stands by");
    if (usage.used.has(name)) return verdict(true, `in use by process ${usage.used.get(name)}`);
    if (entry.manifest === null) return verdict(false, "its manifest is damaged");
    if (newest.has(generation)) return verdict(true, `among the newest ${newest.size}`);
    return verdict(false, "older than those that are kept");
  });
}

/** What shows that an output is needed, besides generations. */
interface InUse {
  readonly usage: Usage;
  readonly holders: readonly Holder[];
  readonly failed: Failed;
}

/** Failed builds that are kept for a look, and whether they are to go. */
interface Failed {
  readonly builds: readonly KeptBuild[];
  readonly removing: boolean;
}

async function judgeOutputs(
  prefix: string,
  left: readonly GenerationEntry[],
  { usage, holders, failed }: InUse,
): Promise<Verdict[]> {
  const { store } = prefixPaths(prefix);
  const receipts = new Map<string, Receipt | null>();
  for (const name of await storeEntries(store)) receipts.set(name, await readReceipt(join(store, name)));
  const needed = neededOutputs(receipts, left, usage);
  const holderOf = (name: string): Holder | undefined =>
    holders.find(({ outputs }) => outputs === null || outputs.has(name));
  const programs = await markedPrograms(prefix);
  const verdicts: Verdict[] = [];
  for (const [name, receipt] of receipts) {
    const path = join(store, name);
    const verdict = (keep: boolean, why: string): Verdict => ({ kind: "output", path, keep, why });
    const reason = needed.get(name);
    const build = failed.builds.find(({ out }) => out === path);
    if (reason !== undefined) verdicts.push(verdict(true, reason));
    else if (!isKeyed(name)) verdicts.push(verdict(true, "not made by tlsforge"));
    else if (await isHeld(buildLock(prefix, name))) verdicts.push(verdict(true, "being built"));
    else if (receipt === null && build !== undefined)
      verdicts.push({ kind: "output", path, ...judgeFailed(build, path, failed.removing) });
    else if (receipt === null)
      verdicts.push(verdict(false, `left by an interrupted or failed build${stillRunning(programs.get(path))}`));
    else if (holderOf(name) !== undefined) verdicts.push(verdict(true, `needed by ${holderOf(name)?.who}`));
    else if (usage.unseen !== null) verdicts.push(verdict(true, usage.unseen));
    else verdicts.push(verdict(false, "no generation that is kept uses it"));
  }
  return verdicts;
}

/** Outputs, by the names of their folders, that live processes use or may load something of later, with the reason; `unseen` as in `usageOf`. */
export async function outputsInUse(
  prefix: string,
): Promise<{ readonly reasons: ReadonlyMap<string, string>; readonly unseen: string | null }> {
  const usage = await usageOf(prefix);
  const receipts = await listReceipts(prefix);
  const byName = new Map(receipts.map((receipt) => [basename(receipt.out), receipt]));
  return { reasons: neededOutputs(byName, [], usage), unseen: usage.unseen };
}

/** Names of outputs that generations and processes use, with the reason; their inputs too, since a process may load those later. */
function neededOutputs(
  receipts: ReadonlyMap<string, Receipt | null>,
  left: readonly GenerationEntry[],
  usage: Usage,
): Map<string, string> {
  const nameOfKey = new Map(
    [...receipts].flatMap(([name, receipt]) => (receipt === null ? [] : [[receipt.key, name]])),
  );
  const needed = new Map<string, string>();
  const need = (name: string, why: string): void => {
    if (needed.has(name)) return;
    needed.set(name, why);
    for (const input of receipts.get(name)?.inputs ?? []) {
      const inputName = nameOfKey.get(input.key);
      if (inputName !== undefined) need(inputName, why);
    }
  };
  for (const { generation, current, manifest } of left) {
    if (manifest === null) throw damagedGeneration(generation);
    for (const { out } of manifest.builds)
      need(basename(out), `used by ${current ? "the current " : ""}generation ${generation}`);
  }
  for (const [path, pid] of usage.used) {
    const [folder, name] = path.split("/");
    if (folder === "store" && name !== undefined) need(name, `in use by process ${pid}`);
  }
  return needed;
}

function damagedGeneration(generation: number): ForgeError {
  return new ForgeError(
    "prefix-unusable",
    `The manifest of generation ${generation} is damaged, so what it uses is unknown`,
    {
      hint: "Make another one current (tlsforge rollback N, or remove the prefix's link current and run tlsforge build), then collect garbage",
    },
  );
}

async function judgeLogs(prefix: string, outputs: readonly Verdict[]): Promise<Verdict[]> {
  const { log } = prefixPaths(prefix);
  const kept = outputs.filter(({ keep }) => keep).map(({ path }) => basename(path).slice(0, 16));
  const beyond = await logsBeyondBound(log, new Set(kept));
  return (await logNames(log)).map((name): Verdict => {
    const path = join(log, name);
    if (beyond.includes(path)) return { kind: "log", path, keep: false, why: "beyond the bound for logs" };
    const why = kept.includes(name.slice(0, 16)) ? "of a build that is kept" : "within the bound for logs";
    return { kind: "log", path, keep: true, why };
  });
}

/**
 * A build removes its scratch folder at its end, so one that nobody builds in is from a run that was killed. Programs of tests may still be at
 * work in it, or make it again.
 */
async function judgeScratch(prefix: string, { builds, removing }: Failed): Promise<Verdict[]> {
  const folder = scratchFolder(prefix);
  const programs = await markedPrograms(prefix);
  const tested = [...programs.keys()].map((out) => dirname(out)).filter((path) => dirname(path) === folder);
  const verdicts: Verdict[] = [];
  for (const name of new Set([...(await namesIn(folder)), ...tested.map((path) => basename(path))])) {
    if (!isKeyed(name)) continue;
    const path = join(folder, name);
    const held = await isHeld(buildLock(prefix, name));
    const build = builds.find(({ scratch }) => [scratch, failedRecord(scratch)].includes(path));
    const running = scratchMarks(path, programs).flatMap((out) => programs.get(out) ?? []);
    const why = `left by an interrupted build${stillRunning(running)}`;
    const judged = build === undefined ? { keep: false, why } : judgeFailed(build, path, removing);
    verdicts.push({ kind: "temporary", path, ...(held ? { keep: true, why: "being built in" } : judged) });
  }
  return verdicts;
}

/** The outputs that programs at work in a scratch folder are marked with: that of the build (as `isUnfinished` knows it), or that of its tests. */
function scratchMarks(scratch: string, programs: ReadonlyMap<string, unknown>): readonly string[] {
  const begin = join(prefixPaths(dirname(dirname(scratch))).store, `${basename(scratch)}-`);
  return [...programs.keys()].filter((out) => out === testedOutput(scratch) || out.startsWith(begin));
}

/** What a removal ends; of many the first. */
function stillRunning(pids: readonly number[] = []): string {
  const more = pids.length > 3 ? ` and ${pids.length - 3} more` : "";
  return pids.length === 0 ? "" : `; still running: process ${pids.slice(0, 3).join(", ")}${more}`;
}

async function judgeLocks(prefix: string): Promise<Verdict[]> {
  const { locks } = prefixPaths(prefix);
  const verdicts: Verdict[] = [];
  for (const name of await namesIn(locks)) {
    const path = join(locks, name);
    const holder = await otherHolder(path);
    if (holder !== null) verdicts.push({ kind: "lock", path, keep: true, why: `held by ${holder}` });
    // Our own are given back at the end.
    else if (!(await isHeld(path))) verdicts.push({ kind: "lock", path, keep: false, why: "its holder has ended" });
  }
  return verdicts;
}

/** Bytes on disk of a file or tree, without following links. */
async function sizeOf(path: string): Promise<number> {
  try {
    const { blocks } = await lstat(path);
    const entries = await readdir(path, { withFileTypes: true, recursive: true });
    const sizes = await Promise.all(
      entries.map(async (entry) => (await lstat(join(entry.parentPath, entry.name))).blocks),
    );
    return [blocks, ...sizes].reduce((sum, count) => sum + count * 512, 0);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return 0;
    if (hasCode(error, "ENOTDIR")) return (await lstat(path)).blocks * 512;
    throw explained(error, path);
  }
}
