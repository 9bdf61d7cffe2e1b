/** What stands where a folder of a prefix belongs. */
import { lstat, readlink, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ForgeError } from "../errors.ts";
import { explained, hasCode } from "./disk.ts";

/** Where a folder is to be, or the lowest of those above it that is there, nothing else may stand. Throws `prefix-unusable`. */
export async function refuseNoFolder(path: string): Promise<void> {
  const target = await linkTarget(path);
  if (target === null) return refuseNoFolder(dirname(path));
  const problem = await noFolder(path, target);
  if (problem === null) return;
  throw new ForgeError("prefix-unusable", `${path} is ${problem}`, {
    hint: "Move it away, or choose another folder with --prefix or TLSFORGE_PREFIX",
  });
}

async function noFolder(path: string, target: string): Promise<string | null> {
  try {
    if ((await stat(path)).isDirectory()) return null;
    return target === "" ? "not a folder" : `a link to ${target}, which is not a folder`;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return `a link to ${target}, where nothing is`;
    if (hasCode(error, "ELOOP")) return `a link to ${target} that leads nowhere`;
    throw explained(error, path);
  }
}

/** Where a link points; null when there is nothing, and an empty text for what is no link. */
export async function linkTarget(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : "";
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return null;
    throw explained(error, path);
  }
}
