/** Reads what the dynamic loader would read of an ELF file (System V gABI, "Object Files" and "Dynamic Linking"). */

/** What a file is for: only files of the same kind are loaded together. */
export interface ElfKind {
  readonly bits: 32 | 64;
  readonly order: "little" | "big";
  /** `e_machine`: 62 is x86-64, 183 AArch64. */
  readonly machine: number;
}

/** The dynamic section of one file, and its kind. Lists are in file order; run paths are split at colons. */
export interface ElfDynamic extends ElfKind {
  /** The loader that the kernel starts it with; libraries name none. */
  readonly interpreter: string | null;
  /** Whether it asks not to be given libraries of the default folders (`-z nodefaultlib`). */
  readonly noDefaults: boolean;
  readonly needed: readonly string[];
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  readonly soname: string | null;
}

/** The bytes of a file, by piece. `read` is only asked for what lies inside, and gives fewer bytes when the file has been cut since. */
export interface ElfBytes {
  readonly size: number;
  read(offset: number, length: number): Buffer;
}

/** Sizes and places in the two classes of files, with 32 and with 64 bits. */
interface Layout {
  readonly word: 4 | 8;
  readonly header: number;
  readonly tableAt: number;
  readonly entrySizeAt: number;
  readonly countAt: number;
  readonly segment: {
    readonly size: number;
    readonly offset: number;
    readonly address: number;
    readonly fileSize: number;
  };
}

const layouts: Readonly<Record<number, Layout>> = {
  1: {
    word: 4,
    header: 52,
    tableAt: 28,
    entrySizeAt: 42,
    countAt: 44,
    segment: { size: 32, offset: 4, address: 8, fileSize: 16 },
  },
  2: {
    word: 8,
    header: 64,
    tableAt: 32,
    entrySizeAt: 54,
    countAt: 56,
    segment: { size: 56, offset: 8, address: 16, fileSize: 32 },
  },
};

const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_FLAGS_1 = 0x6fff_fffb;
const DF_1_NODEFLIB = 0x800;
const tagsRead = new Set([DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH, DT_FLAGS_1]);
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const machineAt = 18;

/** More than any linker writes; a file that claims more is damaged. */
const largestDynamic = 256 * 1024;
const longestName = 4096;

/** Whether the bytes begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * The dynamic section of an ELF file of either class and byte order; null for what is no ELF file and for one without that section (static
 * programs, object files). Reads only the pieces it needs. Throws RangeError on a file that is cut short or contradicts itself.
 */
export function readElf(file: ElfBytes): ElfDynamic | null {
  const read = window(file);
  if (file.size < 4 || !isElf(read(0, 4))) return null;
  const [kind = 0, order = 0] = read(4, 2);
  const layout = layouts[kind];
  if (layout === undefined || order < 1 || order > 2) throw new RangeError("its class or byte order is none of ELF's");
  const number = numbers(order === 1);
  const segments = readSegments({ read, number, layout });
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined) return null;

  const entries = readEntries(dynamic, { read, number, layout });
  const stringsAddress = entries.find(([tag]) => tag === DT_STRTAB)?.[1];
  if (stringsAddress === undefined) return null;
  const load = segments.find(
    ({ type, address, size }) => type === PT_LOAD && stringsAddress >= address && stringsAddress < address + size,
  );
  if (load === undefined) throw new RangeError("the string table of its dynamic section lies in no segment");
  const strings = load.offset + stringsAddress - load.address;
  const text = (start: number): string => {
    const bytes = read(start, Math.max(1, Math.min(longestName, file.size - start)));
    const end = bytes.indexOf(0);
    if (end < 0) throw new RangeError("a name of its dynamic section has no end");
    return bytes.toString("utf8", 0, end);
  };
  const all = (wanted: number): string[] =>
    entries.filter(([tag]) => tag === wanted).map(([, value]) => text(strings + value));
  const paths = (wanted: number): string[] => all(wanted).flatMap((value) => value.split(":"));
  const interpreter = segments.find((segment) => segment.type === PT_INTERP);
  const flags = entries.find(([tag]) => tag === DT_FLAGS_1)?.[1] ?? 0;
  return {
    bits: kind === 1 ? 32 : 64,
    order: order === 1 ? "little" : "big",
    machine: number(read(machineAt, 2), 0, 2),
    interpreter: interpreter === undefined ? null : text(interpreter.offset),
    // Beyond 32 bits there are no flags yet.
    noDefaults: ((flags % 2 ** 32) & DF_1_NODEFLIB) !== 0,
    needed: all(DT_NEEDED),
    rpath: paths(DT_RPATH),
    runpath: paths(DT_RUNPATH),
    soname: all(DT_SONAME)[0] ?? null,
  };
}

/** A file that is in memory, for `readElf`. */
export function bytesOf(file: Buffer): ElfBytes {
  return { size: file.length, read: (offset, length) => file.subarray(offset, offset + length) };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** What reads the pieces of one file. */
interface Reader {
  readonly read: ElfBytes["read"];
  readonly number: ReturnType<typeof numbers>;
  readonly layout: Layout;
}

function readSegments({ read, number, layout }: Reader): Segment[] {
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
      offset: number(table, at + segment.offset, word),
      address: number(table, at + segment.address, word),
      size: number(table, at + segment.fileSize, word),
    };
  });
}

/** Tag and value of each entry that matters here, up to the one that ends the section. Other values need not be numbers that JavaScript can hold. */
function readEntries(dynamic: Segment, { read, number, layout }: Reader): [number, number][] {
  if (dynamic.size > largestDynamic) throw new RangeError("its dynamic section is larger than any");
  const bytes = read(dynamic.offset, dynamic.size);
  const entries: [number, number][] = [];
  for (let at = 0; at + 2 * layout.word <= bytes.length; at += 2 * layout.word) {
    const tag = number(bytes, at, layout.word);
    if (tag === DT_NULL) break;
    if (tagsRead.has(tag)) entries.push([tag, number(bytes, at + layout.word, layout.word)]);
  }
  return entries;
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
