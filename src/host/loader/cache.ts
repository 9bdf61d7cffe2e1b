/** glibc's /etc/ld.so.cache as ldconfig writes it since 2.2 (`glibc-ld.so.cache1.1`; glibc's sysdeps/generic/dl-cache.h, elf/dl-cache.c). */
import type { ElfKind } from "../../elf/index.ts";

/** One line of `ldconfig -p`. */
export interface CacheEntry {
  readonly name: string;
  readonly path: string;
  /** The kind of library and the machine it is for. */
  readonly flags: number;
  /** The folder below glibc-hwcaps that it is from: only for processors that can do what the name says. */
  readonly hwcap: string | null;
  /** From a folder for processors as loaders before 2.37 told them apart. */
  readonly legacy: boolean;
}

/** Entries by name, in the order in which the loader looks at them. */
export type LoaderCache = ReadonlyMap<string, readonly CacheEntry[]>;

/** A processor, as far as caches tell them apart. `hwcaps`: what it can do, the best first. */
export interface Processor {
  readonly hwcaps: readonly string[];
  readonly legacy: boolean;
}

const oldMagic = "ld.so-1.7.0";
const newMagic = "glibc-ld.so.cache1.1";
const headerSize = 48;
const entrySize = 24;
const extensionMagic = 0xeaa4_2174;
const hwcapsTag = 1;

/** Reads a cache. Throws RangeError when it is none, or damaged. */
export function parseLoaderCache(file: Buffer): LoaderCache {
  const bytes = file.subarray(startOf(file));
  if (bytes.toString("latin1", 0, newMagic.length) !== newMagic) throw new RangeError("it is no cache of this format");
  const big = ((bytes[28] ?? 0) & 3) === 3;
  const word = (at: number): number => (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  const text = (at: number): string => {
    const end = at >= bytes.length ? -1 : bytes.indexOf(0, at);
    if (end === -1) throw new RangeError("it points to what lies outside of it");
    return bytes.toString("utf8", at, end);
  };
  const count = word(20);
  if (headerSize + count * entrySize > bytes.length) throw new RangeError("it is cut short");
  const hwcaps = readHwcaps(bytes, word).map(text);
  const cache = new Map<string, CacheEntry[]>();
  for (let index = 0; index < count; index += 1) {
    const at = headerSize + index * entrySize;
    const [low, high] = big ? [word(at + 20), word(at + 16)] : [word(at + 16), word(at + 20)];
    // Bit 62 alone says that the low half is an index of names.
    const named = high === 2 ** 30;
    const hwcap = named ? hwcaps[low] : null;
    if (hwcap === undefined) throw new RangeError("it names a processor that it does not know");
    const entry = {
      name: text(word(at + 4)),
      path: text(word(at + 8)),
      flags: word(at),
      hwcap,
      legacy: !named && (low !== 0 || high !== 0),
    };
    const same = cache.get(entry.name);
    if (same === undefined) cache.set(entry.name, [entry]);
    else same.push(entry);
  }
  return cache;
}

/** Before 2.32 the new format followed the old one. */
function startOf(file: Buffer): number {
  if (file.toString("latin1", 0, oldMagic.length) !== oldMagic) return 0;
  if (file.length < 16) throw new RangeError("it is cut short");
  const end = 16 + file.readUInt32LE(12) * 12;
  return Math.ceil(end / 8) * 8;
}

/** Where the names of processors lie. */
function readHwcaps(bytes: Buffer, word: (at: number) => number): readonly number[] {
  const extension = word(32);
  if (extension === 0 || word(extension) !== extensionMagic) return [];
  const sections = Array.from({ length: Math.min(word(extension + 4), 64) }, (_, index) => extension + 8 + 16 * index);
  const section = sections.find((at) => word(at) === hwcapsTag);
  if (section === undefined) return [];
  const [offset, size] = [word(section + 8), word(section + 12)];
  if (offset + size > bytes.length) throw new RangeError("it is cut short");
  return Array.from({ length: Math.floor(size / 4) }, (_, index) => word(offset + 4 * index));
}

/** Flags of libraries by word size and machine: what the loader of those takes. */
const flagsOf: Readonly<Record<string, readonly number[]>> = {
  "64:62": [0x0303],
  "32:62": [0x0803],
  "32:3": [0x0003],
  "64:183": [0x0a03],
  "32:40": [0x0903, 0x0b03, 0x0003],
  "64:22": [0x0403],
  "64:21": [0x0503],
  "64:243": [0x1003, 0x0e03],
  "64:258": [0x1203, 0x1103],
};

/**
 * The paths that the loader would try for a name: one at most, but for machines whose flags are not known all that there are, to be told apart by
 * what the files say.
 */
export function candidates(
  cache: LoaderCache,
  name: string,
  { kind, processor }: { readonly kind: ElfKind; readonly processor: Processor },
): readonly string[] {
  const flags = flagsOf[`${kind.bits}:${kind.machine}`];
  const entries = (cache.get(name) ?? []).filter((entry) => flags?.includes(entry.flags) ?? true);
  const best = processor.hwcaps.flatMap((hwcap) => entries.filter((entry) => entry.hwcap === hwcap));
  const plain = entries.filter((entry) => entry.hwcap === null && (processor.legacy || !entry.legacy));
  const all = [...best, ...plain].map((entry) => entry.path);
  return flags === undefined ? all : all.slice(0, 1);
}

/** Every processor for which caches can give different answers: each that can do a little more than the one before. */
export function processorsOf(caches: readonly LoaderCache[]): readonly Processor[] {
  const entries = caches.flatMap((cache) => [...cache.values()].flat());
  const names = [...new Set(entries.flatMap((entry) => entry.hwcap ?? []))].toSorted();
  const legacy = entries.some((entry) => entry.legacy) ? [false, true] : [false];
  return [...names.keys(), names.length].toReversed().flatMap((count) => {
    const hwcaps = names.slice(0, count).toReversed();
    return legacy.map((old) => ({ hwcaps, legacy: old }));
  });
}
