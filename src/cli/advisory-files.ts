/** Files of advisories: one record, a list, a folder, or a zip file of them. */
import { open, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { invalid, isForeign, readAdvisories, type Advisory } from "../audit/index.ts";
import { ForgeError } from "../errors.ts";
import { zipTexts } from "../fetch/index.ts";

/** How much is read. The whole of OSV's records of the Python index is 20,000 files and 150 MB. */
const longestFile = 64 * 1024 * 1024;
const longestMember = 16 * 1024 * 1024;
const mostBytes = 2 * 1024 * 1024 * 1024;

/** What a file of advisories gave: how many records it has, and those that are wanted. */
export interface AdvisoryFile {
  readonly file: string;
  readonly records: number;
  /** JSON files of a folder or zip file that are no advisories. */
  readonly passedOver: readonly string[];
  readonly advisories: readonly Advisory[];
}

/**
 * Reads a file or folder of advisories, and keeps the records that are wanted. Only names that end with `.json` are read in folders and zip files; one
 * that looks like a record has to be one, others are passed over and told. Throws `advisory-invalid`, `interrupted`.
 */
export async function readAdvisoryFile(
  file: string,
  options: { readonly wanted: (advisory: Advisory) => boolean; readonly signal: AbortSignal },
): Promise<AdvisoryFile> {
  let records = 0;
  const advisories: Advisory[] = [];
  const passedOver: string[] = [];
  for await (const { name, text } of textsOf(file)) {
    if (options.signal.aborted) throw new ForgeError("interrupted", "interrupted while advisories were read");
    if (name !== file && isForeign(text)) {
      passedOver.push(name);
      continue;
    }
    const found = readAdvisories(text, name);
    records += found.length;
    advisories.push(...found.filter(options.wanted));
  }
  if (records === 0) throw invalid(file, "holds no record: nothing in it that ends with .json is one");
  return { file, records, passedOver, advisories };
}

async function* textsOf(file: string): AsyncGenerator<{ readonly name: string; readonly text: string }> {
  const facts = await stat(file).catch((error: unknown) => {
    throw invalid(file, `cannot be read: ${reasonOf(error)}`, error);
  });
  if (facts.isDirectory()) yield* textsBelow(file);
  else if (!facts.isFile()) throw invalid(file, "is neither a file nor a folder");
  else if (await isZip(file)) yield* textsInside(file);
  else yield { name: file, text: await readText(file, facts.size) };
}

async function* textsBelow(folder: string): AsyncGenerator<{ readonly name: string; readonly text: string }> {
  let left = mostBytes;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    const place = (error as NodeJS.ErrnoException).path ?? folder;
    throw invalid(place, `cannot be read: ${reasonOf(error)}`, error);
  });
  for (const entry of entries.toSorted((a, b) =>
    path.join(a.parentPath, a.name) < path.join(b.parentPath, b.name) ? -1 : 1,
  )) {
    if (!entry.isFile() || !entry.name.endsWith(".json")) continue;
    const file = path.join(entry.parentPath, entry.name);
    const { size } = await stat(file).catch((error: unknown) => {
      throw invalid(file, `cannot be read: ${reasonOf(error)}`, error);
    });
    left -= size;
    if (left < 0) throw invalid(folder, "holds more than is read");
    yield { name: file, text: await readText(file, size) };
  }
}

async function* textsInside(file: string): AsyncGenerator<{ readonly name: string; readonly text: string }> {
  const members = zipTexts(file, { fits: (name) => name.endsWith(".json"), longest: longestMember, most: mostBytes });
  try {
    for await (const { name, text } of members) yield { name: `${file} (${name})`, text };
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    const said = error instanceof Error && !("code" in error) ? error.message : `cannot be read: ${reasonOf(error)}`;
    throw invalid(file, said, error);
  }
}

async function isZip(file: string): Promise<boolean> {
  const handle = await open(file).catch((error: unknown) => {
    throw invalid(file, `cannot be read: ${reasonOf(error)}`, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    // A local header, or the end of a zip file that holds nothing (APPNOTE.TXT, 4.3.7 and 4.3.16).
    return bytesRead === 4 && ["504b0304", "504b0506"].includes(buffer.toString("hex"));
  } finally {
    await handle.close();
  }
}

async function readText(file: string, size: number): Promise<string> {
  if (size > longestFile) throw invalid(file, `is too long: ${size} bytes, more than ${longestFile}`);
  return readFile(file, "utf8").catch((error: unknown) => {
    throw invalid(file, `cannot be read: ${reasonOf(error)}`, error);
  });
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return reasons[code] ?? code;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  ELOOP: "its links lead in a ring",
};
