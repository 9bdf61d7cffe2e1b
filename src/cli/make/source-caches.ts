import { readdir } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { FetchedSource } from "../../fetch/index.ts";
import { boundSources, holdersOf, listReceipts, type SourceCaches } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { readTextIfThere } from "../files.ts";
import { orWarn } from "./scratch.ts";
import { cacheOf } from "./shared-cache.ts";

/**
 * The user's own cache of sources, when it is theirs, and which sources have to stay there and in the prefix's: those that a recipe lists, and
 * those that outputs of other prefixes were made from. While such a prefix builds, or cannot be looked at, nothing is removed.
 */
export async function sourceCaches(context: Context): Promise<SourceCaches> {
  const shared = await cacheOf(context);
  const needed = new Map((await listedDigests(context.recipes)).map((digest) => [digest, "a recipe lists it"]));
  let keepAll: string | null = null;
  for (const prefix of shared?.users ?? []) {
    try {
      for (const { sources } of await listReceipts(prefix))
        for (const { sha256 } of sources) needed.set(sha256, `an output in ${prefix} was made from it`);
      const atWork = (await holdersOf(prefix))[0];
      if (atWork !== undefined) keepAll = `${atWork.who}, in ${prefix}, may need it`;
    } catch (error) {
      if (!(error instanceof ForgeError)) throw error;
      keepAll = `${prefix} uses this cache too and cannot be looked at`;
    }
  }
  return { folders: shared === null ? [] : [path.join(shared.folder, "sources")], needed, keepAll };
}

/**
 * The end of a run that has put something into the caches: what nothing needs stays within the same bound as by `gc`. What cannot be looked at or
 * removed is in nobody's way.
 */
export async function boundCaches(
  context: Context,
  fetched: readonly Pick<FetchedSource, "sha256" | "location">[],
): Promise<void> {
  if (fetched.every(({ location }) => location === "cache" || location === "user")) return;
  const { emit, options } = context;
  await orWarn(emit, "Old cached sources could not be removed", async () => {
    const caches = await sourceCaches(context);
    const needed = new Map([...caches.needed, ...fetched.map(({ sha256 }) => [sha256, "this run needs it"] as const)]);
    const removed = await boundSources(options.prefix, { ...caches, needed }, { emit, now: Date.now() });
    const bytes = removed.reduce((sum, item) => sum + item.bytes, 0);
    if (removed.length > 0) emit({ type: "cache-bounded", files: removed.length, bytes });
  });
}

/** Every SHA-256 in the files of recipes and locks, whether or not the rest of a file can be understood; none of what could be no recipe. */
async function listedDigests(recipes: string): Promise<readonly string[]> {
  const names = await readdir(recipes, { recursive: true }).catch(() => []);
  const digests: string[] = [];
  for (const name of names.filter((entry) => entry.endsWith(".yaml") && !entry.includes("node_modules"))) {
    const text = await readTextIfThere(path.join(recipes, name)).catch((error: unknown) => {
      // For want of descriptors nothing is known of it.
      if (!(error instanceof ForgeError) || error.code !== "usage") throw error;
      return null;
    });
    digests.push(...(text?.match(/\b[0-9a-f]{64}\b/g) ?? []));
  }
  return digests;
}
