import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import { largestText } from "./limits.ts";
import { explainedOpening } from "./open-files.ts";

/**
 * The text of a file, or null when it is not there. Throws `usage` for what cannot be read, for a folder, a pipe, socket or device, whose end might
 * never come, and for more than 4 MiB.
 */
export async function readTextIfThere(file: string): Promise<string | null> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) throw new ForgeError("usage", `${file} is no regular file`, { hint: "name a regular file" });
    if (facts.size > largestText)
      throw new ForgeError("usage", `${file} is too large: ${facts.size} bytes, more than ${largestText}`, {
        hint: "name a recipe, stack, lock or site file: they are texts that a person writes",
      });
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (error instanceof ForgeError || code === undefined) throw error;
    throw unreadable(file, error);
  }
}

/** What is in a folder, by name. Throws `usage` when it cannot be read. */
export async function entriesIn(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function unreadable(place: string, error: unknown): ForgeError {
  const lack = explainedOpening(error);
  if (lack instanceof ForgeError) return lack;
  return new ForgeError("usage", `${place} cannot be read: ${reasonOf(error)}`, {
    hint: "see that it is there and that you may read it, or name another",
    cause: error,
  });
}

/** What the system said, in its own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^\w+: /, "").replace(/, \w+ '.*'$/, "") : String(error);
}
