/** Reads what the dynamic loader would read of an ELF file (System V gABI, "Object Files" and "Dynamic Linking"). */

/** The dynamic section of one file. Lists are in file order; run paths are split at colons. */
export interface ElfDynamic {
  readonly needed: readonly string[];
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  readonly soname: string | null;
}

const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;
const DT_RPATH = 15n;
const DT_RUNPATH = 29n;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;

/** Whether the bytes begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * The dynamic section of a 64-bit ELF file of either byte order; null for a file that has none (static programs, object files).
 * Throws RangeError on a file whose headers point outside of it.
 */
export function readElf(file: Buffer): ElfDynamic | null {
  if (!isElf(file) || file.length < 64 || file[4] !== 2) return null;
  const little = file[5] === 1;
  const u16 = (at: number): number => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const u32 = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const u64 = (at: number): bigint => (little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));

  const table = Number(u64(32));
  const entrySize = u16(54);
  const segments = Array.from({ length: u16(56) }, (_, index) => {
    const at = table + index * entrySize;
    return { type: u32(at), offset: Number(u64(at + 8)), address: u64(at + 16), size: Number(u64(at + 32)) };
  });
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined) return null;

  const entries: [bigint, bigint][] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = u64(at);
    if (tag === 0n) break;
    entries.push([tag, u64(at + 8)]);
  }
  const stringsAddress = entries.find(([tag]) => tag === DT_STRTAB)?.[1];
  if (stringsAddress === undefined) return null;
  const load = segments.find(
    (segment) =>
      segment.type === PT_LOAD &&
      stringsAddress >= segment.address &&
      stringsAddress < segment.address + BigInt(segment.size),
  );
  if (load === undefined) throw new RangeError("the string table of the dynamic section lies in no segment");
  const strings = load.offset + Number(stringsAddress - load.address);
  const text = (offset: bigint): string => {
    const start = strings + Number(offset);
    const end = file.indexOf(0, start);
    if (start >= file.length || end < 0) throw new RangeError("a name of the dynamic section lies outside of the file");
    return file.toString("utf8", start, end);
  };
  const all = (wanted: bigint): string[] => entries.filter(([tag]) => tag === wanted).map(([, value]) => text(value));
  const paths = (wanted: bigint): string[] => all(wanted).flatMap((value) => value.split(":"));
  return {
    needed: all(DT_NEEDED),
    rpath: paths(DT_RPATH),
    runpath: paths(DT_RUNPATH),
    soname: all(DT_SONAME)[0] ?? null,
  };
}
