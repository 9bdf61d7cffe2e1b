/** Reads what the dynamic loader would read of an ELF file (System V gABI, "Dynamic Linking"). */
import { longestName, openElf, type ElfBytes, type ElfFrame, type ElfKind, type Segment } from "./raw.ts";

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

const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_FLAGS_1 = 0x6fff_fffb;
const DF_1_NODEFLIB = 0x800;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

/** More than any linker writes; a file that claims more is damaged. */
const largestDynamic = 256 * 1024;

/**
 * The dynamic section of an ELF file of either class and byte order; null for what is no ELF file and for one without that section (static
 * programs, object files). Reads only the pieces it needs. Throws RangeError on a file that is cut short or contradicts itself.
 */
export function readElf(file: ElfBytes): ElfDynamic | null {
  const frame = openElf(file);
  if (frame === null) return null;
  const { read, segments } = frame;
  const entries = readDynamicEntries(frame);
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
  const { bits, order, machine } = frame;
  return {
    bits,
    order,
    machine,
    interpreter: interpreter === undefined ? null : text(interpreter.offset),
    // Beyond 32 bits there are no flags yet.
    noDefaults: ((flags % 2 ** 32) & DF_1_NODEFLIB) !== 0,
    needed: all(DT_NEEDED),
    rpath: paths(DT_RPATH),
    runpath: paths(DT_RUNPATH),
    soname: all(DT_SONAME)[0] ?? null,
  };
}

/**
 * Tag and value of each entry of the dynamic section up to the one that ends it; none without that section. Values need not be numbers that
 * JavaScript can hold exactly.
 */
export function readDynamicEntries({ segments, read, number, layout }: ElfFrame): [number, number][] {
  const dynamic: Segment | undefined = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  if (dynamic.size > largestDynamic) throw new RangeError("its dynamic section is larger than any");
  const bytes = Buffer.from(read(dynamic.offset, dynamic.size));
  const entries: [number, number][] = [];
  for (let at = 0; at + 2 * layout.word <= bytes.length; at += 2 * layout.word) {
    const tag = number(bytes, at, layout.word);
    if (tag === DT_NULL) break;
    entries.push([tag, number(bytes, at + layout.word, layout.word)]);
  }
  return entries;
}
