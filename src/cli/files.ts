import { readFile, stat } from "node:fs/promises";
import { ForgeError } from "../errors.ts";

/** The text of a file, or null when it is not there. Throws `usage` for a pipe, socket or device, whose end might never come. */
export async function readTextIfThere(file: string): Promise<string | null> {
  try {
    const facts = await stat(file);
    if (!facts.isFile() && !facts.isDirectory())
      throw new ForgeError("usage", `${file} is no regular file`, { hint: "name a regular file" });
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
