/** What is neither generation, output, log, source nor lock: remains of interrupted runs, and everything else by name, so that nothing goes unsaid. */
import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { outOfAside } from "./aside.ts";
import { hasCode, temporaryPrefix } from "./disk.ts";
import { scratchFolder } from "./failed.ts";
import { judgeTemporary, leftBehind, namesIn, type Reason, type Verdict } from "./garbage.ts";
import { isHeld } from "./lock.ts";
import { logNames } from "./logs.ts";
import { buildLock, isKeyed, prefixPaths, viewFolders } from "./paths.ts";
import { readReceipt } from "./receipts.ts";

/**
 * Temporary files and folders. Those in the store, among the generations and where builds work belong to nobody when no run is `atWork` (a new
 * one cannot begin now); otherwise, and elsewhere in any case, somebody may be at them.
 */
export async function judgeTemporaries(
  prefix: string,
  { now, atWork }: { readonly now: number; readonly atWork: boolean },
): Promise<Verdict[]> {
  const { store, generations, log, cache } = prefixPaths(prefix);
  const scratch = scratchFolder(prefix);
  const numbered = (await namesIn(generations)).filter((name) => /^\d+$/u.test(name));
  const folders = [prefix, store, generations, log, cache, scratch, ...numbered.map((name) => join(generations, name))];
  const found = [
    ...(await Promise.all(folders.map((folder) => temporariesIn(folder)))).flat(),
    ...(await temporariesBelow(prefixPaths(prefix).var)),
  ];
  const verdicts: Verdict[] = [];
  for (const path of found) {
    const out = dirname(path) === store ? outOfAside(path) : null;
    const ours = !atWork && [store, generations, scratch].includes(dirname(path));
    const left = ours ? { keep: false, why: leftBehind } : await judgeTemporary(path, now);
    verdicts.push({ kind: "temporary", path, ...(out === null ? left : await judgeAside(out, prefix)) });
  }
  return verdicts;
}

/** What is aside is the only whole one until its output has a receipt again. */
async function judgeAside(out: string, prefix: string): Promise<Reason> {
  if (await isHeld(buildLock(prefix, basename(out)))) return { keep: true, why: "set aside while it is built anew" };
  if ((await readReceipt(out)) !== null) return { keep: false, why: leftBehind };
  return { keep: true, why: "set aside by a run that was killed; the next run puts it back" };
}

/** What makes the prefix besides what it holds, and what is not ours: kept, each with what it is for. */
export async function judgeState(prefix: string): Promise<Verdict[]> {
  const paths = prefixPaths(prefix);
  const verdicts: Verdict[] = [];
  const keep = (path: string, why: string): void => void verdicts.push({ kind: "state", path, keep: true, why });
  const judged = new Set([paths.store, paths.generations, paths.var, paths.cache, paths.log, scratchFolder(prefix)]);
  for (const name of await namesOf(prefix)) {
    const path = join(prefix, name);
    if (!judged.has(path)) keep(path, rootReasons[name] ?? foreign);
  }
  for (const name of await namesOf(paths.var))
    if (join(paths.var, name) !== paths.locks) keep(join(paths.var, name), stateReasons[name] ?? "state of the server");
  for (const name of await namesOf(paths.cache))
    if (join(paths.cache, name) !== paths.sources) keep(join(paths.cache, name), "what the last plan and look said");
  const logs = new Set(await logNames(paths.log));
  for (const name of await namesOf(paths.log)) if (!logs.has(name)) keep(join(paths.log, name), foreign);
  for (const name of await namesOf(paths.generations))
    if (!/^\d+$/u.test(name)) keep(join(paths.generations, name), foreign);
  for (const name of await namesOf(scratchFolder(prefix)))
    if (!isKeyed(name)) keep(join(scratchFolder(prefix), name), foreign);
  for (const name of await namesOf(paths.store)) if (name.startsWith(".")) keep(join(paths.store, name), foreign);
  return verdicts;
}

const foreign = "not made by tlsforge";

const rootReasons: Readonly<Record<string, string>> = {
  ...Object.fromEntries(viewFolders.map((name) => [name, "leads into the current generation"])),
  current: "says which generation is current",
  layout: "marks the prefix, with the version of its layout",
  "host.json": "the record of what was changed on this machine",
  "lost+found": "belongs to the file system",
};

const stateReasons: Readonly<Record<string, string>> = {
  tls: "certificates and keys",
  checks: "how the own tests of packages went",
  "lock-reserve": "room for the locks of gc on a full disk",
  run: "control socket and process numbers of the server",
};

/** Temporary ones are judged elsewhere. */
async function namesOf(folder: string): Promise<readonly string[]> {
  return (await namesIn(folder)).filter((name) => !name.startsWith(temporaryPrefix));
}

async function temporariesIn(folder: string): Promise<readonly string[]> {
  const names = await namesIn(folder);
  return names.filter((name) => name.startsWith(temporaryPrefix)).map((name) => join(folder, name));
}

async function temporariesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (name.startsWith(temporaryPrefix)) found.push(path);
    else if (await isFolder(path)) found.push(...(await temporariesBelow(path)));
  }
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
