import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";
import { checkedCopy } from "./checked-copy.ts";
import type { Expected } from "./checked-copy.ts";
import { decompressed, packingOf } from "./decompress.ts";
import type { TarPacking } from "./decompress.ts";
import { copyOwnFolder } from "./own-folder.ts";
import { errnoOf, writeProblem } from "./problems.ts";
import { broken, unsafe } from "./unpack-members.ts";
import type { UnpackLimits } from "./unpack-members.ts";
import { readTar } from "./unpack-tar.ts";
import { treeWriter } from "./unpack-writer.ts";
import type { TreeWriter } from "./unpack-writer.ts";
import { readZip } from "./unpack-zip.ts";

/** How to unpack. */
export interface UnpackOptions {
  /** Leading folders to take off; 1 also demands that the archive has one top folder. */
  readonly strip: 0 | 1;
  /** How the archive is called in messages; its path's last part by default. */
  readonly name?: string;
  readonly limits?: Partial<UnpackLimits>;
  /** What the file or folder was when it was looked at; `source-mismatch` when it is not what is unpacked. */
  readonly expected?: Expected;
}

/**
 * Unpacks a tar archive (plain, gzip, zstd, xz and bzip2 with the host's programs) or a zip file (wheels), told apart by content, into the folder `into`,
 * which must not exist or be empty. A folder (the user's own source) is copied as it is, without `strip`. Everything happens in a fresh folder beside
 * `into` that is renamed at the end: `into` is complete or untouched. Kept: times, whether a file is executable. With `expected` nothing is unpacked before
 * its digest matches: a file is copied beside `into`, and what is unpacked is that copy.
 *
 * Refused (`archive-unsafe`): absolute paths, `..`, links that lead outside, devices and pipes, members that are there twice, too many members or bytes.
 * `archive-broken`: cut short or damaged. Also `disk-full`, `prefix-unusable`, `requirement-missing` (no xz, no bzip2).
 */
export async function unpack(file: string, into: string, options: UnpackOptions): Promise<void> {
  const staging = join(dirname(into), `.${basename(into)}.unpack-${randomBytes(4).toString("hex")}`);
  const copy = `${staging}.packed`;
  try {
    await mkdir(staging, { recursive: true, mode: 0o755 });
    if (await isFolder(file)) await copyOwnFolder(file, staging, options.expected?.sha256);
    else {
      if (options.expected !== undefined) await checkedCopy(file, copy, options.expected);
      const from = options.expected === undefined ? file : copy;
      const { size: packedBytes } = await stat(from);
      await unpackFile(from, { staging, packedBytes, archive: options.name ?? basename(file), options });
    }
    await rm(copy, { force: true });
    await rename(staging, into);
  } catch (error) {
    await Promise.all([staging, copy].map((path) => rm(path, { recursive: true, force: true })));
    if (isNameProblem(error))
      throw unsafe(options.name ?? basename(file), "", "has a name that cannot be made here", error);
    throw error instanceof ForgeError ? error : writeProblem(error, dirname(into));
  }
}

async function isFolder(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  return facts?.isDirectory() === true;
}

interface Unpacking {
  readonly staging: string;
  readonly packedBytes: number;
  readonly archive: string;
  readonly options: UnpackOptions;
}

async function unpackFile(file: string, { staging, packedBytes, archive, options }: Unpacking): Promise<void> {
  const writer = treeWriter({
    archive,
    root: staging,
    strip: options.strip,
    packedBytes,
    foldsCase: await foldsCase(staging),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const packing = await packingOf(file);
  if (packing === "unknown") throw broken(archive, "it is neither a tar nor a zip archive");
  if (packing === "zip") await readZip(file, { archive, writer });
  else await readPackedTar(file, { archive, writer, packing });
  writer.finish();
}

async function readPackedTar(
  file: string,
  { archive, writer, packing }: { archive: string; writer: TreeWriter; packing: TarPacking },
): Promise<void> {
  const plain = await decompressed(file, { archive, packing });
  try {
    await readTar(plain.stream, { archive, writer });
  } catch (error) {
    // What the packing says about its own damage is nearer to the cause than what tar made of it.
    if (error instanceof ForgeError && error.code === "archive-broken") await plain.done;
    if (error instanceof ForgeError || isSystemError(error)) throw error;
    await plain.done;
    throw broken(archive, error instanceof Error ? error.message : String(error), error);
  }
  await plain.done;
}

/** The system knows no such name: too long below this folder, or not in the file system's own character set. */
function isNameProblem(error: unknown): boolean {
  return ["ENAMETOOLONG", "EILSEQ", "EINVAL"].includes(errnoOf(error) ?? "");
}

/** Codes of the system, not of zlib (`Z_DATA_ERROR`) or Node (`ERR_…`). */
function isSystemError(error: unknown): boolean {
  const code = errnoOf(error);
  return code !== null && /^E[A-Z0-9]+$/.test(code);
}

/** Whether the file system at `folder` takes names that differ in case alone for one. */
async function foldsCase(folder: string): Promise<boolean> {
  const lower = join(folder, "case");
  await writeFile(lower, "");
  const upper = await stat(join(folder, "CASE")).catch(() => null);
  await rm(lower);
  return upper !== null;
}
