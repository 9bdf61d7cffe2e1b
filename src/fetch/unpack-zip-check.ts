import type { Entry, LocalFileHeader, ZipFile } from "yauzl";
import { quoted, unsafe } from "./unpack-members.ts";

/** Looks at each member of a zip file as it comes, and at all of them at the end. */
export interface ZipCheck {
  member(entry: Entry, path: string): Promise<void>;
  finish(): void;
}

/**
 * A zip file tells each member twice, in the central directory and before its bytes (APPNOTE 6.3.10, 4.3.7 and 4.3.12). Readers differ in which they
 * believe, so both have to say the same; and the bytes of two members must not be the same bytes, as in bombs that unpack one piece many times.
 */
export function zipCheck(zip: ZipFile, archive: string): ZipCheck {
  // Where the directory begins: the cursor of a file of which no member was read.
  const directory = Number(zip.readEntryCursor);
  const ranges: { readonly from: number; readonly to: number; readonly path: string }[] = [];
  return {
    async member(entry, path) {
      const local = await zip.readLocalFileHeaderPromise(entry);
      const difference = differs(entry, local);
      if (difference !== null) throw unsafe(archive, path, `has two ${difference}s, which do not agree`);
      const to = local.fileDataStart + entry.compressedSize;
      if (to > directory) throw unsafe(archive, path, "reaches into the directory of the zip file");
      ranges.push({ from: entry.relativeOffsetOfLocalHeader, to, path });
    },
    finish() {
      const sorted = ranges.toSorted((a, b) => a.from - b.from);
      for (const [index, range] of sorted.entries()) {
        const before = sorted[index - 1];
        if (before !== undefined && before.to > range.from)
          throw unsafe(archive, range.path, `shares bytes with the member ${quoted(before.path)}`);
      }
    },
  };
}

/** Bit 3: sizes and checksum follow the bytes, and stand here as nought. */
const deferred = 0x08;

function differs(entry: Entry, local: LocalFileHeader): string | null {
  if (!local.fileName.equals(entry.fileNameRaw)) return "name";
  if (local.compressionMethod !== entry.compressionMethod) return "compression method";
  const flags = local.generalPurposeBitFlag ^ entry.generalPurposeBitFlag;
  // Encryption, deferred sizes, names in UTF-8.
  if ((flags & 0x0809) !== 0) return "set of flag";
  if ((local.generalPurposeBitFlag & deferred) !== 0) return null;
  if (local.crc32 !== entry.crc32) return "checksum";
  const same = (here: number, there: number): boolean => here === there || here === 0xffff_ffff;
  const sizes =
    same(local.compressedSize, entry.compressedSize) && same(local.uncompressedSize, entry.uncompressedSize);
  return sizes ? null : "size";
}
