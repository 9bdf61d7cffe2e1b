import { readdir, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { explained, hasCode, removeTree, temporaryPrefix, unlinkIfThere } from "./disk.ts";
import { prefixPaths, viewFolders } from "./paths.ts";

/** What of a prefix stays. */
export interface Removed {
  /** Names in it that are not ours. */
  readonly foreign: readonly string[];
  /** Whether the folder itself is there still. */
  readonly folder: "gone" | "stays";
}

/**
 * Removes everything that makes a prefix, and the folder itself when nothing else is in it and it can be removed: one that somebody has made
 * for us in a folder of theirs, or mounted, stays empty. What marks it as a prefix goes last, so that a removal that was cut short is taken
 * up again; with `keepLedger` it stays, together with the ledger, for as long as something is to be taken back. Throws `prefix-unusable`.
 */
export async function removePrefix(
  prefix: string,
  { keepLedger = false }: { readonly keepLedger?: boolean } = {},
): Promise<Removed> {
  const paths = prefixPaths(prefix);
  const links = [...viewFolders.map((name) => join(prefix, name)), paths.current];
  try {
    for (const link of links) await unlinkIfThere(link);
    for (const folder of [paths.generations, paths.store, paths.cache, paths.log, join(prefix, "build"), paths.var])
      await removeTree(folder, prefix);
    for (const name of await namesIn(prefix))
      if (name.startsWith(temporaryPrefix)) await removeTree(join(prefix, name), prefix);
    if (keepLedger) {
      const kept = new Set([basename(paths.ledger), basename(paths.layout)]);
      return { foreign: (await namesIn(prefix)).filter((name) => !kept.has(name)), folder: "stays" };
    }
    await unlinkIfThere(paths.ledger);
    await unlinkIfThere(paths.layout);
    const foreign = await namesIn(prefix);
    return { foreign, folder: foreign.length === 0 ? await removeFolder(prefix) : "stays" };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { foreign: [], folder: "gone" };
    throw explained(error, prefix);
  }
}

async function removeFolder(folder: string): Promise<Removed["folder"]> {
  try {
    await rmdir(folder);
    return "gone";
  } catch (error) {
    if (hasCode(error, "EACCES", "EPERM", "EBUSY", "EROFS")) return "stays";
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).toSorted();
}
