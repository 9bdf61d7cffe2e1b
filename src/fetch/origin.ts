/** Where the bytes of a cached file came from first, in a record beside it (`<sha256>.origin`). It is for people: nothing is decided by it. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "./problems.ts";

const schema = "tlsforge.origin/1";

/** Larger than any location. */
const longest = 16 * 1024;

/** Notes the location, as text without credentials, of the bytes that get the name `file` in a cache. Where that cannot be written it will not be known. */
export async function noteOrigin(file: string, location: string): Promise<void> {
  const record = `${file}.origin`;
  const temporary = join(dirname(file), `.${basename(record)}.${randomBytes(4).toString("hex")}`);
  try {
    await writeFile(temporary, `${JSON.stringify({ schema, location, noted: new Date().toISOString() })}\n`);
    await rename(temporary, record);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** The same where nothing is noted yet: bytes that are brought once more came first from elsewhere. */
export async function noteFirstOrigin(file: string, location: string): Promise<void> {
  if ((await originOf([dirname(file)], basename(file))) === null) await noteOrigin(file, location);
}

/** What the first of the caches that has a record says of a file; null where none has one that can be read. */
export async function originOf(caches: readonly string[], sha256: string): Promise<string | null> {
  for (const cache of caches) {
    const location = locationIn(await read(join(cache, `${sha256}.origin`)));
    if (location !== null) return location;
  }
  return null;
}

/** The text of a small regular file; nothing of anything else. */
async function read(path: string): Promise<string> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const facts = await handle.stat();
      return facts.isFile() && facts.size <= longest ? await handle.readFile("utf8") : "";
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return "";
  }
}

function locationIn(text: string): string | null {
  try {
    const record = JSON.parse(text) as { readonly schema?: unknown; readonly location?: unknown } | null;
    const location = record?.schema === schema ? record.location : null;
    // It is shown, and anybody may have written it.
    return typeof location === "string" && /^[^\p{Cc}\p{Cf}\p{Cs}]+$/u.test(location) ? location : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
