import { readFile, stat } from "node:fs/promises";
import { ForgeError } from "../errors.ts";

/** Many times more than any recipe, stack, lock or site file has: the largest of ours is a lock of 10 kB. */
const largest = 4 * 1024 * 1024;

/** The text of a file, or null when it is not there. Throws `usage` for a pipe, socket or device, whose end might never come, and for more than 4 MiB. */
export async function readTextIfThere(file: string): Promise<string | null> {
  try {
    const facts = await stat(file);
    if (!facts.isFile() && !facts.isDirectory())
      throw new ForgeError("usage", `${file} is no regular file`, { hint: "name a regular file" });
    if (facts.size > largest)
      throw new ForgeError("usage", `${file} is too large: ${facts.size} bytes, more than ${largest}`, {
        hint: "name a recipe, stack, lock or site file: they are texts that a person writes",
      });
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

/** What the system said, in its own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^\w+: /, "").replace(/, \w+ '.*'$/, "") : String(error);
}
