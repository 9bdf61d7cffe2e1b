/** The cache of downloads in the home folder, which every prefix of a user shares: each that has put something there leaves a link to itself. */
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readlink, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Context } from "../context.ts";

type Whose = Pick<Context, "home" | "uid"> & { readonly options: Pick<Context["options"], "prefix"> };

/** Where sources lie, by their digest. */
export function sourcesFolder(whose: Pick<Context, "home">): string {
  return path.join(folderOf(whose), "sources");
}

function folderOf({ home }: Pick<Whose, "home">): string {
  return path.join(home, ".cache", "tlsforge");
}

/** There when the folder around the cache was made for it. */
const madeParent = "made-parent";

/** Leaves the link of a prefix. That it cannot be left only means that the cache may go with another prefix: what is in it is fetched again. */
export async function noteUser(whose: Whose): Promise<void> {
  const { prefix } = whose.options;
  const links = path.join(folderOf(whose), "prefixes");
  const name = createHash("sha256").update(prefix).digest("hex").slice(0, 16);
  const first = await mkdir(links, { recursive: true }).catch(() => undefined);
  if (first === path.dirname(folderOf(whose))) await writeFile(path.join(folderOf(whose), madeParent), "");
  await symlink(prefix, path.join(links, name)).catch(() => undefined);
}

/**
 * The cache that goes with a prefix: null when there is none, or it is not ours (with sudo the home folder may be somebody else's). `users`: the
 * other prefixes that stand and have put something there, for whom it stays.
 */
export async function cacheOf(
  whose: Whose,
): Promise<{ readonly folder: string; readonly users: readonly string[] } | null> {
  const folder = folderOf(whose);
  const owner = await lstat(folder).then(
    (facts) => facts.uid,
    () => null,
  );
  if (owner !== whose.uid) return null;
  const links = path.join(folder, "prefixes");
  const names = await readdir(links).catch(() => []);
  const found = await Promise.all(names.map((name) => readlink(path.join(links, name)).catch(() => null)));
  const others = found.filter((prefix) => prefix !== null && prefix !== whose.options.prefix);
  const standing = await Promise.all(others.map(async (prefix) => ((await isThere(prefix)) ? [prefix] : [])));
  return {
    folder,
    users: standing
      .flat()
      .filter((prefix) => prefix !== null)
      .toSorted(),
  };
}

/** Removes the cache, and the folder around it when that was made for it and nobody else has come to use it. */
export async function removeCache(folder: string): Promise<void> {
  const made = await lstat(path.join(folder, madeParent)).catch(() => null);
  await rm(folder, { recursive: true, force: true });
  if (made !== null) await rmdir(path.dirname(folder)).catch(() => undefined);
}

async function isThere(prefix: string | null): Promise<boolean> {
  return prefix !== null && (await lstat(path.join(prefix, "store")).catch(() => null)) !== null;
}
