import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";
import { ForgeError } from "../errors.ts";
import { errnoOf } from "./problems.ts";
import { broken, quoted, unsafe } from "./unpack-members.ts";
import type { TreeWriter } from "./unpack-writer.ts";
import { zipCheck } from "./unpack-zip-check.ts";

/** Feeds the members of a zip file to a writer. Names are taken from the central directory, as every reader does; checksums are compared. */
export async function readZip(
  file: string,
  { archive, writer }: { archive: string; writer: TreeWriter },
): Promise<void> {
  try {
    const yauzl = await import("yauzl");
    // Names are decoded here, not by the library, so that a hostile one is reported as such.
    const zip = await yauzl.openPromise(file, { decodeStrings: false });
    const check = zipCheck(zip, archive);
    for await (const entry of zip.eachEntry()) {
      const { generalPurposeBitFlag: flags, fileNameRaw, extraFields } = entry;
      const path = yauzl.getFileNameLowLevel(flags, fileNameRaw, extraFields, true);
      if (path !== yauzl.getFileNameLowLevel(flags, fileNameRaw, [], true))
        throw unsafe(archive, path, "has two names, which do not agree");
      await check.member(entry, path);
      await take({ zip, entry, path }, { archive, writer });
    }
    check.finish();
  } catch (error) {
    if (error instanceof ForgeError || /^E[A-Z]+$/.test(errnoOf(error) ?? "")) throw error;
    throw broken(archive, error instanceof Error ? error.message : String(error), error);
  }
}

/** Text of one member of a zip file in memory, or null when it has none of that name. */
export async function zipMemberText(bytes: Buffer, member: string): Promise<string | null> {
  const yauzl = await import("yauzl");
  const zip = await yauzl.fromBufferPromise(bytes, { autoClose: false });
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName === member) return text(await zip.openReadStreamPromise(entry));
  }
  return null;
}

interface ZipMember {
  readonly zip: ZipFile;
  readonly entry: Entry;
  readonly path: string;
}

async function take(
  { zip, entry, path }: ZipMember,
  { archive, writer }: { archive: string; writer: TreeWriter },
): Promise<void> {
  const unixMode = entry.versionMadeBy >> 8 === 3 ? entry.externalFileAttributes >>> 16 : 0;
  const kind = unixMode & 0o170000;
  const member = {
    path,
    mode: unixMode === 0 ? 0o644 : unixMode & 0o777,
    mtime: entry.getLastModDate({ timezone: "UTC" }).getTime() / 1000,
  };
  if (path.endsWith("/")) return writer.folder(member);
  if (entry.isEncrypted()) throw broken(archive, `the member ${quoted(path)} is encrypted`);
  if (kind === 0o120000) {
    if (entry.uncompressedSize > 4096) throw unsafe(archive, path, "is a link with a target that is too long");
    return writer.symbolicLink(member, await text(await zip.openReadStreamPromise(entry)));
  }
  if (kind !== 0 && kind !== 0o100000) throw unsafe(archive, path, "is neither a file nor a folder nor a link");
  const sink = writer.file(member);
  let sum = 0;
  try {
    for await (const chunk of (await zip.openReadStreamPromise(entry)) as Readable & AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum);
      sink.write(chunk);
    }
  } catch (error) {
    sink.abandon();
    throw error;
  }
  sink.end();
  if (sum !== entry.crc32) throw broken(archive, `the member ${quoted(path)} does not have its checksum`);
}
