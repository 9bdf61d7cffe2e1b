/** Failed builds whose folders are kept for a look (`--keep-failed`), with a record beside each of what failed in it. */
import { lstat, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { atomicWrite, explained, hasCode, readOwn, removeTree } from "./disk.ts";
import { distanceMs } from "./garbage.ts";
import { tryLock } from "./lock.ts";
import { buildLock, prefixPaths } from "./paths.ts";
import { readReceipt } from "./receipts.ts";

/** What a failed build left. Paths absolute. */
export interface FailedBuild {
  readonly schema: "tlsforge.failed/1";
  readonly recipe: string;
  readonly version: string;
  readonly key: string;
  /** Where its output was to be; what it had of it is there too. */
  readonly out: string;
  readonly log: string;
  /** What the user was told. */
  readonly reason: string;
  /** The command that failed; null where none had begun. */
  readonly argv: readonly string[] | null;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What it saw below folders that are hidden from builds; not there in the record of an older tlsforge. */
  readonly seen?: readonly string[];
  /** The failing command had the network. */
  readonly network?: boolean;
  /** ISO 8601, UTC. */
  readonly failed: string;
}

/** A failed build and the folder that it was built in. */
export interface KeptBuild extends FailedBuild {
  readonly scratch: string;
}

/** How many failed builds a prefix keeps; they are large. */
export const keptBuilds = 3;

/** Folder in which builds work, one folder for each. */
export function scratchFolder(prefix: string): string {
  return join(prefixPaths(prefix).path, "build");
}

/** Where one build works: `KEY-NAME`, with the first 16 digits of the key. */
export function scratchPath(prefix: string, build: { readonly key: string; readonly recipe: string }): string {
  return join(scratchFolder(prefix), `${build.key.slice(0, 16)}-${build.recipe}`);
}

/** Where what is built with its own tests would be installed to: what programs of tests are marked with. */
export function testedOutput(scratch: string): string {
  return join(scratch, "out");
}

/** The record of a kept folder. Not in it, since it decides what a shell there sees, and what is sealed writes in there. */
export function failedRecord(scratch: string): string {
  return `${scratch}.failed.json`;
}

const largestRecord = 1024 * 1024;

/** Makes the folder of a failed build one that is kept. Its environment may hold a proxy's password, so nobody else may read it. */
export async function writeFailed(scratch: string, build: FailedBuild): Promise<void> {
  await atomicWrite(failedRecord(scratch), `${JSON.stringify(build, null, 2)}\n`, 0o600);
}

/** What is known of a kept folder; null for every other folder, and for a record of another shape: a build that is not sealed may have written it. */
export async function readFailed(scratch: string): Promise<KeptBuild | null> {
  try {
    if (!(await lstat(scratch)).isDirectory()) return null;
    const text = await readOwn(failedRecord(scratch), { most: largestRecord, links: false });
    const value: unknown = text === null ? null : JSON.parse(text);
    return isFailedBuild(value) ? { ...value, scratch } : null;
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return null;
    throw explained(error, scratch);
  }
}

function isFailedBuild(value: unknown): value is FailedBuild {
  if (typeof value !== "object" || value === null) return false;
  const { schema, argv, environment, key, seen, network, ...rest } = value as Partial<
    Record<keyof FailedBuild, unknown>
  >;
  const words = [rest.recipe, rest.version, rest.failed];
  return (
    schema === "tlsforge.failed/1" &&
    typeof key === "string" &&
    /^[0-9a-f]{64}$/u.test(key) &&
    // They are shown.
    words.every((word) => typeof word === "string" && /^[\w.+:~-]+$/u.test(word)) &&
    areTexts([rest.out, rest.log, rest.reason, rest.directory]) &&
    (seen === undefined || (Array.isArray(seen) && areTexts(seen))) &&
    (network === undefined || typeof network === "boolean") &&
    (argv === null || (Array.isArray(argv) && areTexts(argv))) &&
    typeof environment === "object" &&
    environment !== null &&
    areTexts(Object.values(environment))
  );
}

function areTexts(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

/** Removes a build's folder, and the record of what failed in it. */
export async function removeScratch(scratch: string, prefix: string): Promise<void> {
  for (const path of [scratch, failedRecord(scratch)]) await removeTree(path, prefix);
}

/** All kept builds of a prefix, newest first. */
export async function listFailed(prefix: string): Promise<readonly KeptBuild[]> {
  const folder = scratchFolder(prefix);
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, folder);
  });
  const found = await Promise.all(names.map((name) => readFailed(join(folder, name))));
  const now = Date.now();
  const ageOf = ({ failed }: KeptBuild): number => distanceMs(Date.parse(failed), now);
  return found.filter((build) => build !== null).toSorted((a, b) => ageOf(a) - ageOf(b));
}

/**
 * Removes the oldest kept builds beyond the bound, with what they had of their outputs; one that is looked into stays. Those of the keys in `made`
 * count as the newest and stay in any case. Gives the folders of those removed.
 */
export async function boundFailed(
  prefix: string,
  made: ReadonlySet<string>,
  most = keptBuilds,
): Promise<readonly string[]> {
  const removed: string[] = [];
  const builds = await listFailed(prefix);
  const others = builds.filter(({ key }) => !made.has(key));
  for (const build of others.slice(Math.max(0, most - (builds.length - others.length)))) {
    const release = await tryLock(buildLock(prefix, build.key), "removal of a failed build");
    if (release === null) continue;
    try {
      if (await isUnfinished(prefix, build)) await removeTree(build.out, prefix);
      await removeScratch(build.scratch, prefix);
      removed.push(build.scratch);
    } finally {
      await release();
    }
  }
  return removed;
}

/** Whether the output that a record names is its build's and no whole one: a record is a file that anything may have written. */
export async function isUnfinished(prefix: string, { out, scratch }: KeptBuild): Promise<boolean> {
  const name = basename(out);
  const own = out === join(prefixPaths(prefix).store, name) && name.startsWith(`${basename(scratch)}-`);
  return own && (await readReceipt(out)) === null;
}
