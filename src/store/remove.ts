import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { explained, hasCode, removeTree, temporaryPrefix, unlinkIfThere } from "./disk.ts";
import { prefixPaths, viewFolders } from "./paths.ts";

/**
 * Removes everything that makes a prefix, and the folder itself when nothing else is in it; gives the names of what is not ours and stays.
 * What marks it as a prefix goes last, so that a removal that was cut short is taken up again. Throws `prefix-unusable`.
 */
export async function removePrefix(prefix: string): Promise<readonly string[]> {
  const paths = prefixPaths(prefix);
  const links = [...viewFolders.map((name) => join(prefix, name)), paths.current];
  try {
    for (const link of links) await unlinkIfThere(link);
    for (const folder of [paths.generations, paths.store, paths.cache, paths.log, join(prefix, "build"), paths.var])
      await removeTree(folder, prefix);
    for (const name of await namesIn(prefix))
      if (name.startsWith(temporaryPrefix)) await removeTree(join(prefix, name), prefix);
    await unlinkIfThere(paths.ledger);
    await unlinkIfThere(paths.layout);
    const rest = await namesIn(prefix);
    if (rest.length === 0) await rmdir(prefix);
    return rest;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, prefix);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).toSorted();
}
