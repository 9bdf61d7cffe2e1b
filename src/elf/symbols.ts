/** What sections say of a file's origin and of the names it gives to others (gABI "Symbol Table"; "Symbol Versioning" of the LSB). */
import { openElf, readSections, textAt, type ElfBytes, type ElfFrame, type Section } from "./raw.ts";

const [SHT_SYMTAB, SHT_DYNSYM, SHT_NOBITS] = [2, 11, 8];
const [SHT_GNU_VERDEF, SHT_GNU_VERSYM] = [0x6fff_fffd, 0x6fff_ffff];
const STT_FILE = 4;
const VER_FLG_BASE = 1;
const VER_NDX_GLOBAL = 1;
const largestSection = 512 * 1024 * 1024;

/**
 * The names of the source files that a file was put together from, as its symbol table has them: one for each object of a compiler, folders
 * left out. Null where that table is gone (`strip`). Throws RangeError on a damaged file.
 */
export function readSourceNames(file: ElfBytes): string[] | null {
  const frame = openElf(file);
  const sections = frame === null ? [] : readSections(frame);
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  if (frame === null || table === undefined) return null;
  const { number, layout } = frame;
  const strings = contentOf(frame, sections[table.link]);
  return [...symbolsOf(frame, table)]
    .filter((symbol) => (symbol[layout.symbol.info] ?? 0) % 16 === STT_FILE)
    .map((symbol) => textAt(strings, number(symbol, 0, 4)));
}

/** All bytes of the sections of a name, one after the other; null when there is none. Throws RangeError on a damaged file. */
export function readSection(file: ElfBytes, name: string): Buffer | null {
  const frame = openElf(file);
  const found = (frame === null ? [] : readSections(frame)).filter((section) => section.name === name);
  if (frame === null || found.length === 0) return null;
  return Buffer.concat(found.map((section) => contentOf(frame, section)));
}

/** The versions under which a library gives its symbols away, and the symbols that it gives away without any. */
export interface ElfExports {
  readonly versions: readonly string[];
  readonly unversioned: readonly string[];
}

/** Reads them. Throws RangeError on a damaged file and on one without a table of symbols. */
export function readExports(file: ElfBytes): ElfExports {
  const frame = openElf(file);
  const sections = frame === null ? [] : readSections(frame);
  const table = sections.find(({ type }) => type === SHT_DYNSYM);
  if (frame === null || table === undefined) throw new RangeError("it has no table of symbols for the loader");
  const { number, layout } = frame;
  const strings = contentOf(frame, sections[table.link]);
  const ofSymbols = sections.find(({ type }) => type === SHT_GNU_VERSYM);
  const numbers = ofSymbols === undefined ? null : contentOf(frame, ofSymbols);
  const unversioned: string[] = [];
  for (const [index, symbol] of [...symbolsOf(frame, table)].entries()) {
    const binding = Math.floor((symbol[layout.symbol.info] ?? 0) / 16);
    const defined = number(symbol, layout.symbol.section, 2) !== 0;
    // The uppermost bit of a version says that it is not the default one.
    const version = numbers === null ? VER_NDX_GLOBAL : number(numbers, 2 * index, 2) % 0x8000;
    if (defined && binding > 0 && version === VER_NDX_GLOBAL) unversioned.push(textAt(strings, number(symbol, 0, 4)));
  }
  const definitions = sections.find(({ type }) => type === SHT_GNU_VERDEF);
  const versions = definitions === undefined ? [] : readVersions(frame, { definitions, sections });
  return { versions, unversioned };
}

/** The names of the definitions, but for the first, which is the library's own. */
function readVersions(
  frame: ElfFrame,
  { definitions, sections }: { readonly definitions: Section; readonly sections: readonly Section[] },
): string[] {
  const { number } = frame;
  const bytes = contentOf(frame, definitions);
  const strings = contentOf(frame, sections[definitions.link]);
  const names: string[] = [];
  for (let at = 0; at + 20 <= bytes.length;) {
    const name = at + number(bytes, at + 12, 4);
    if (name + 4 > bytes.length) throw new RangeError("a version of it has no name");
    if ((number(bytes, at + 2, 2) & VER_FLG_BASE) === 0) names.push(textAt(strings, number(bytes, name, 4)));
    const next = number(bytes, at + 16, 4);
    if (next === 0) break;
    at += next;
  }
  return names;
}

function* symbolsOf(frame: ElfFrame, table: Section): Generator<Buffer> {
  const bytes = contentOf(frame, table);
  const { size } = frame.layout.symbol;
  for (let at = 0; at + size <= bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function contentOf(frame: ElfFrame, section: Section | undefined): Buffer {
  if (section === undefined) throw new RangeError("it points to a section that is not there");
  if (section.type === SHT_NOBITS) return Buffer.alloc(0);
  if (section.size > largestSection) throw new RangeError("one of its sections is larger than any");
  return Buffer.from(frame.read(section.offset, section.size));
}
