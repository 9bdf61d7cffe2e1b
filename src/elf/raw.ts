/** The frame of an ELF file: header, segments and sections (System V gABI, "Object Files"). What lies in them is read elsewhere. */

/** What a file is for: only files of the same kind are loaded together. */
export interface ElfKind {
  readonly bits: 32 | 64;
  readonly order: "little" | "big";
  /** `e_machine`: 62 is x86-64, 183 AArch64. */
  readonly machine: number;
}

/** The bytes of a file, by piece. `read` is only asked for what lies inside, and gives fewer bytes when the file has been cut since. */
export interface ElfBytes {
  readonly size: number;
  read(offset: number, length: number): Buffer;
}

export interface Segment {
  readonly type: number;
  /** `PF_X` 1, `PF_W` 2, `PF_R` 4. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  /** In the file. */
  readonly size: number;
}

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  /** Another section that it belongs with, such as a symbol table's strings. */
  readonly link: number;
}

/** An ELF file that has been opened; `read` refuses what lies outside. */
export interface ElfFrame extends ElfKind {
  /** `e_type`: 1 is an object file, 2 a program at a fixed address, 3 a library or a program that can lie anywhere. */
  readonly type: number;
  readonly segments: readonly Segment[];
  readonly read: ElfBytes["read"];
  readonly number: ReturnType<typeof numbers>;
  readonly layout: Layout;
}

/** Sizes and places in the two classes of files, with 32 and with 64 bits. */
interface Layout {
  readonly word: 4 | 8;
  readonly header: number;
  readonly tableAt: number;
  readonly sectionsAt: number;
  readonly entrySizeAt: number;
  readonly countAt: number;
  readonly segment: {
    readonly size: number;
    readonly flags: number;
    readonly offset: number;
    readonly address: number;
    readonly fileSize: number;
  };
  readonly section: {
    readonly size: number;
    readonly flags: number;
    readonly offset: number;
    readonly length: number;
    readonly link: number;
  };
  readonly symbol: { readonly size: number; readonly info: number; readonly section: number };
}

const layouts: Readonly<Record<number, Layout>> = {
  1: {
    word: 4,
    header: 52,
    tableAt: 28,
    sectionsAt: 32,
    entrySizeAt: 42,
    countAt: 44,
    segment: { size: 32, flags: 24, offset: 4, address: 8, fileSize: 16 },
    section: { size: 40, flags: 8, offset: 16, length: 20, link: 24 },
    symbol: { size: 16, info: 12, section: 14 },
  },
  2: {
    word: 8,
    header: 64,
    tableAt: 32,
    sectionsAt: 40,
    entrySizeAt: 54,
    countAt: 56,
    segment: { size: 56, flags: 4, offset: 8, address: 16, fileSize: 32 },
    section: { size: 64, flags: 8, offset: 24, length: 32, link: 40 },
    symbol: { size: 24, info: 4, section: 6 },
  },
};

const typeAt = 16;
const machineAt = 18;
/** The longest name that is read. */
export const longestName = 4096;

/** Whether the bytes begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Header and segments of a file of either class and byte order; null for what is no ELF file. Throws RangeError on one that is damaged. */
export function openElf(file: ElfBytes): ElfFrame | null {
  const read = window(file);
  if (file.size < 4 || !isElf(read(0, 4))) return null;
  const [kind = 0, order = 0] = read(4, 2);
  const layout = layouts[kind];
  if (layout === undefined || order < 1 || order > 2) throw new RangeError("its class or byte order is none of ELF's");
  const number = numbers(order === 1);
  return {
    bits: kind === 1 ? 32 : 64,
    order: order === 1 ? "little" : "big",
    type: number(read(typeAt, 2), 0, 2),
    machine: number(read(machineAt, 2), 0, 2),
    segments: readSegments({ read, number, layout }),
    read,
    number,
    layout,
  };
}

/** The sections, in file order; none where the table was taken out. */
export function readSections(frame: ElfFrame): Section[] {
  const { read, number, layout } = frame;
  const { word, section } = layout;
  const header = read(0, layout.header);
  const start = number(header, layout.sectionsAt, word);
  const entrySize = number(header, layout.countAt + 2, 2);
  let count = number(header, layout.countAt + 4, 2);
  let names = number(header, layout.countAt + 6, 2);
  if (start === 0) return [];
  if (entrySize !== section.size) throw new RangeError("its section headers have a size that they cannot have");
  // More than 16 bits hold: both numbers are in the first entry (gABI, "ELF Header").
  const first = read(start, section.size);
  if (count === 0) count = number(first, section.length, word);
  if (names === 0xffff) names = number(first, section.link, 4);
  const table = read(start, count * section.size);
  const entry = (index: number): Omit<Section, "name"> & { readonly at: number } => {
    const at = index * section.size;
    return {
      at: number(table, at, 4),
      type: number(table, at + 4, 4),
      flags: number(table, at + section.flags, word),
      offset: number(table, at + section.offset, word),
      size: number(table, at + section.length, word),
      link: number(table, at + section.link, 4),
    };
  };
  if (names >= count) throw new RangeError("its sections have no names");
  const { offset, size } = entry(names);
  const strings = Buffer.from(read(offset, size));
  return Array.from({ length: count }, (_, index) => {
    const { at, ...rest } = entry(index);
    return { name: textAt(strings, at), ...rest };
  });
}

/** The text that begins at a place of a table of strings. */
export function textAt(strings: Buffer, at: number): string {
  const end = at < strings.length ? strings.indexOf(0, at) : -1;
  if (end < 0) throw new RangeError("a name of it has no end");
  return strings.toString("utf8", at, end);
}

/** A file that is in memory, for the readers of this folder. */
export function bytesOf(file: Buffer): ElfBytes {
  return { size: file.length, read: (offset, length) => file.subarray(offset, offset + length) };
}

function readSegments({ read, number, layout }: Pick<ElfFrame, "read" | "number" | "layout">): Segment[] {
  const { word, segment } = layout;
  const header = read(0, layout.header);
  const count = number(header, layout.countAt, 2);
  if (count === 0) return [];
  if (number(header, layout.entrySizeAt, 2) !== segment.size)
    throw new RangeError("its program headers have a size that they cannot have");
  const table = read(number(header, layout.tableAt, word), count * segment.size);
  return Array.from({ length: count }, (_, index) => {
    const at = index * segment.size;
    return {
      type: number(table, at, 4),
      flags: number(table, at + segment.flags, 4),
      offset: number(table, at + segment.offset, word),
      address: number(table, at + segment.address, word),
      size: number(table, at + segment.fileSize, word),
    };
  });
}

/** Reads ahead: names of the dynamic section lie close together, and each read of a real file is a call to the kernel. */
function window(file: ElfBytes): ElfBytes["read"] {
  let start = 0;
  let held: Buffer = Buffer.alloc(0);
  return (offset, length) => {
    if (!Number.isSafeInteger(offset + length) || offset + length > file.size) throw outside();
    if (offset < start || offset + length > start + held.length) {
      start = offset;
      held = file.read(offset, Math.min(Math.max(length, 2 * longestName), file.size - offset));
      if (held.length < length) throw outside();
    }
    return held.subarray(offset - start, offset - start + length);
  };
}

/** Unsigned numbers of 2, 4 or 8 bytes. One of 8 bytes beyond 2^53 comes out inexact, and then lies outside of any file. */
function numbers(little: boolean): (bytes: Buffer, at: number, size: 2 | 4 | 8) => number {
  return (bytes, at, size) => {
    if (size === 8) return Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    return little ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
  };
}

function outside(): RangeError {
  return new RangeError("it points to what lies outside of the file");
}
