/** Static libraries: the `ar` format as GNU and BSD write it (ar(5)). */
import type { ElfBytes } from "./raw.ts";

const magic = "!<arch>\n";
const headerSize = 60;

/** One file of an archive. */
export interface ArchiveMember {
  readonly name: string;
  readonly bytes: ElfBytes;
}

/** Whether the bytes begin like an archive. */
export function isArchive(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, magic.length) === magic;
}

/** The files of an archive, its own tables left out. Throws RangeError on one that is cut short. */
export function* readArchive(file: ElfBytes): Generator<ArchiveMember> {
  let names: Buffer = Buffer.alloc(0);
  for (let at = magic.length; at + headerSize <= file.size;) {
    const header = file.read(at, headerSize).toString("latin1");
    const size = Number.parseInt(header.slice(48, 58), 10);
    const start = at + headerSize;
    if (!header.endsWith("`\n") || !(size >= 0) || start + size > file.size)
      throw new RangeError("its members do not fit into it");
    const written = header.slice(0, 16).trimEnd();
    at = start + size + (size % 2);
    if (written === "//") names = Buffer.from(file.read(start, size));
    if (written === "/" || written === "//" || written === "/SYM64/") continue;
    const own = /^#1\/(\d+)$/.exec(written)?.[1];
    const ownLength = own === undefined ? 0 : Number(own);
    const name =
      own === undefined
        ? nameIn(written, names)
        : textOf(file.read(start, Math.min(ownLength, size))).replace(/\0+$/, "");
    if (name.startsWith("__.SYMDEF")) continue;
    yield { name, bytes: part(file, start + ownLength, size - ownLength) };
  }
}

/** `/123` is a place in the table of long names; a short name ends with a slash. */
function nameIn(written: string, names: Buffer): string {
  const place = /^\/(\d+)$/.exec(written)?.[1];
  if (place === undefined) return written.replace(/\/$/, "");
  const end = names.indexOf("\n", Number(place));
  return textOf(names.subarray(Number(place), end < 0 ? names.length : end)).replace(/\/$/, "");
}

function textOf(bytes: Buffer): string {
  return bytes.toString("utf8");
}

function part(file: ElfBytes, start: number, size: number): ElfBytes {
  return { size, read: (offset, length) => file.read(start + offset, length) };
}
