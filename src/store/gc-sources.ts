/** Which cached sources stay: those that something needs, and of the others as many as the bound allows. */
import { lstat } from "node:fs/promises";
import { basename, join } from "node:path";
import { sizeText } from "../words.ts";
import { hasCode, isThere, temporaryPrefix } from "./disk.ts";
import { ageMs, dayMs, judgeTemporary, namesIn, type Reason, type Verdict } from "./garbage.ts";
import type { Holder } from "./hold.ts";
import { prefixPaths } from "./paths.ts";
import { readReceipt } from "./receipts.ts";

/** How to judge caches of sources. */
export interface SourceCaches {
  /** Absolute; each holds sources under their SHA-256. */
  readonly folders: readonly string[];
  /** Digests of sources that something needs, with the reason. */
  readonly needed: ReadonlyMap<string, string>;
  /** Why nothing of these caches may be removed now; null: something may. */
  readonly keepAll: string | null;
  /** Bytes that the sources which nothing needs may take in each cache. Default: 512 MiB. */
  readonly bound?: number;
}

/** How many bytes of sources that nothing needs stay in a cache, the newest first. */
const standardBound = 512 * 1024 * 1024;

/**
 * The prefix's own cache besides those of the caller, and what the outputs that stay (`outs`, absolute) were made from as needed; nothing may be
 * removed while somebody holds the prefix.
 */
export async function cachesFor(
  prefix: string,
  { folders = [], needed = new Map(), keepAll = null, ...rest }: Partial<SourceCaches> = {},
  { outs, holders }: { readonly outs: readonly string[]; readonly holders: readonly Holder[] },
): Promise<SourceCaches> {
  const all = new Map<string, string>(needed);
  for (const out of outs)
    for (const { sha256 } of (await readReceipt(out))?.sources ?? [])
      all.set(sha256, `${basename(out)} was made from it`);
  const atWork = holders[0] === undefined ? null : `${holders[0].who}, may need it`;
  return { ...rest, folders: [prefixPaths(prefix).sources, ...folders], needed: all, keepAll: keepAll ?? atWork };
}

/**
 * A verdict for every file of the caches. What lies beside a source under its name (`.asc`, `.sigstore`, `.origin`) shares its fate; so does what
 * belongs to an unfinished download. Names that are not ours are kept.
 */
export async function judgeSources(caches: SourceCaches, now: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const folder of new Set(caches.folders)) verdicts.push(...(await judgeCache(folder, caches, now)));
  return verdicts;
}

/** A digest and the files that have it in their names. */
interface Group {
  readonly digest: string;
  readonly names: readonly string[];
  readonly bytes: number;
  readonly mtimeMs: number;
}

async function judgeCache(folder: string, caches: SourceCaches, now: number): Promise<Verdict[]> {
  const names = await namesIn(folder);
  const whole = names.filter((name) => /^[0-9a-f]{64}(?:\.|$)/u.test(name) && !isPart(name));
  const groups = await groupsOf(folder, whole);
  const reasons = judgeGroups(groups, caches);
  const verdicts: Verdict[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const digest = name.slice(0, 64);
    if (whole.includes(name)) verdicts.push({ kind: "source", path, ...(reasons.get(digest) ?? unknown) });
    else if (isPart(name)) verdicts.push({ kind: "download", path, ...(await judgePart(path, caches, now)) });
    else if (isTemporary(name)) verdicts.push({ kind: "temporary", path, ...(await judgeTemporary(path, now)) });
    else verdicts.push({ kind: "source", path, ...unknown });
  }
  return verdicts;
}

const unknown = { keep: true, why: "not made by tlsforge" };

function judgeGroups(groups: readonly Group[], caches: SourceCaches): ReadonlyMap<string, Reason> {
  const bound = caches.bound ?? standardBound;
  const reasons = new Map<string, Reason>();
  let bytes = 0;
  for (const group of groups.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
    const need = caches.needed.get(group.digest);
    if (need !== undefined) {
      reasons.set(group.digest, { keep: true, why: need });
      continue;
    }
    bytes += group.bytes;
    const within = bytes <= bound;
    const why = `nothing needs it; ${within ? "within" : "beyond"} the bound of ${sizeText(bound)} for such sources`;
    const keep = within || caches.keepAll !== null;
    reasons.set(group.digest, { keep, why: within || caches.keepAll === null ? why : caches.keepAll });
  }
  return reasons;
}

async function groupsOf(folder: string, names: readonly string[]): Promise<readonly Group[]> {
  const byDigest = Map.groupBy(names, (name) => name.slice(0, 64));
  const groups = await Promise.all(
    [...byDigest].map(async ([digest, members]) => {
      const facts = await Promise.all(members.map((name) => factsOf(join(folder, name))));
      return {
        digest,
        names: members,
        bytes: facts.reduce((sum, { bytes }) => sum + bytes, 0),
        mtimeMs: Math.max(...facts.map(({ mtimeMs }) => mtimeMs)),
      };
    }),
  );
  return groups;
}

async function factsOf(path: string): Promise<{ readonly bytes: number; readonly mtimeMs: number }> {
  try {
    const { size: bytes, mtimeMs } = await lstat(path);
    return { bytes, mtimeMs };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { bytes: 0, mtimeMs: 0 };
    throw error;
  }
}

function isPart(name: string): boolean {
  return name.endsWith(".part") || name.endsWith(".part.origin");
}

/** What is left of a file that was on its way into the cache. */
function isTemporary(name: string): boolean {
  return name.startsWith(temporaryPrefix) || /^\.[0-9a-f]{64}\./u.test(name);
}

/** The origin of a download is judged by the download, which is touched when work on it begins and by every piece that arrives. */
async function judgePart(path: string, { keepAll }: SourceCaches, now: number): Promise<Reason> {
  const part = path.replace(/\.origin$/u, "");
  const old = (await ageMs(part, now)) > 7 * dayMs || !(await isThere(part));
  if (!old) return { keep: true, why: "an unfinished download that can be continued" };
  return keepAll === null
    ? { keep: false, why: "an unfinished download, untouched for a week" }
    : { keep: true, why: keepAll };
}
