import { randomBytes } from "node:crypto";
import { readFile, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decompressed, packingOf } from "./decompress.ts";
import { errnoOf } from "./problems.ts";
import { zipMemberText } from "./unpack-zip.ts";

/** Where a pip may be found. */
export interface PipPlaces {
  readonly home: string;
  /** A verified CPython source archive, as fetched: its bundled pip is asked when none is installed. */
  readonly pythonSource?: string;
  /** Folders that hold `python3*` folders with packages; by default the usual ones. */
  readonly roots?: readonly string[];
}

const indexModule = "pip/_internal/models/index.py";

/**
 * The simple index that pip uses when nothing is configured, read from a pip: an installed one, else the wheel bundled in CPython's sources
 * (the answer is kept beside the source as `<source>.pip-default`). Null when neither says it.
 */
export async function pipDefaultIndex({
  home,
  pythonSource,
  roots = usualRoots(home),
}: PipPlaces): Promise<string | null> {
  for (const root of roots) {
    const found = await fromInstalled(root);
    if (found !== null) return found;
  }
  return pythonSource === undefined ? null : fromSource(pythonSource);
}

function usualRoots(home: string): readonly string[] {
  return ["/usr/lib", "/usr/local/lib", "/usr/lib64", "/opt/homebrew/lib", join(home, ".local/lib")];
}

async function fromInstalled(root: string): Promise<string | null> {
  const pythons = (await unlessMissing(readdir(root)))?.filter((name) => /^python3(\.\d+)?$/.test(name)) ?? [];
  for (const python of pythons.sort()) {
    for (const packages of ["dist-packages", "site-packages"]) {
      const text = await unlessMissing(readFile(join(root, python, packages, indexModule), "utf8"));
      const found = text === null ? null : parsePipIndex(text);
      if (found !== null) return found;
    }
  }
  return null;
}

async function fromSource(pythonSource: string): Promise<string | null> {
  const note = `${pythonSource}.pip-default`;
  const known = (await unlessMissing(readFile(note, "utf8")))?.trim() ?? "";
  if (/^https:\/\/\S+$/.test(known)) return known;
  const wheel = await bundledPip(pythonSource);
  const text = wheel === null ? null : await zipMemberText(wheel, indexModule);
  const found = text === null ? null : parsePipIndex(text);
  if (found !== null) {
    const temporary = `${note}.${randomBytes(4).toString("hex")}`;
    await writeFile(temporary, `${found}\n`);
    await rename(temporary, note);
  }
  return found;
}

/** The simple index of the constant that pip keeps its default in: `PyPI = PackageIndex("https://…", …)`. */
export function parsePipIndex(text: string): string | null {
  const base = /^PyPI\s*=\s*PackageIndex\(\s*["'](https:\/\/[^"'\s]+)["']/m.exec(text)?.[1];
  return base === undefined ? null : `${base.replace(/\/+$/, "")}/simple`;
}

/** The pip wheel inside a CPython source archive; reading stops when it has been found. */
async function bundledPip(archive: string): Promise<Buffer | null> {
  const packing = await packingOf(archive);
  if (packing === "zip" || packing === "unknown") return null;
  const { Parser } = await import("tar");
  const { stream } = await decompressed(archive, { archive, packing });
  let wheel: Buffer | null = null;
  const parser = new Parser({
    filter: (path) => /^[^/]+\/Lib\/ensurepip\/_bundled\/pip-[^/]+\.whl$/.test(path),
    onReadEntry: (entry) => {
      const chunks: Buffer[] = [];
      entry.on("data", (chunk: Buffer) => chunks.push(chunk));
      entry.on("end", () => {
        wheel = Buffer.concat(chunks);
      });
    },
  });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    parser.write(chunk);
    if (wheel !== null) break;
  }
  return wheel;
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}
