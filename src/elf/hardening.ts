/** What of a file's own headers and notes tells how it resists an attacker (gABI; the x86-64 and AArch64 psABIs for the notes). */
import { openElf, type ElfBytes, type ElfFrame } from "./raw.ts";
import { readDynamicEntries } from "./read.ts";

/** How an ELF file is protected by the way it was linked. */
export interface ElfHardening {
  /** `fixed`: a program that always lies at the same address. `program`: one that can lie anywhere. `object`: not linked yet. */
  readonly role: "object" | "fixed" | "program" | "library";
  readonly machine: number;
  /** What the loader writes is made read-only after relocation. */
  readonly relro: boolean;
  /** All functions are bound before the program starts, so that RELRO covers all that is bound. */
  readonly bindNow: boolean;
  /** `unsaid`: it does not say, and then the kernel makes the stack executable. */
  readonly stack: "plain" | "executable" | "unsaid";
  /** A segment that can be written to and executed. */
  readonly writableCode: boolean;
  /** The loader has to write into code. */
  readonly textRelocations: boolean;
  /** Every piece of it keeps to branch targets (IBT, BTI), and to return addresses that are guarded (SHSTK, PAC). */
  readonly branches: boolean;
  readonly returns: boolean;
}

const [PT_LOAD, PT_INTERP] = [1, 3];
const [PT_GNU_STACK, PT_GNU_RELRO, PT_GNU_PROPERTY] = [0x6474_e551, 0x6474_e552, 0x6474_e553];
const [PF_X, PF_W] = [1, 2];
const [DT_TEXTREL, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1] = [22, 24, 30, 0x6fff_fffb];
const [DF_TEXTREL, DF_BIND_NOW] = [4, 8];
const [DF_1_NOW, DF_1_PIE] = [1, 0x0800_0000];
const NT_GNU_PROPERTY_TYPE_0 = 5;
/** `GNU_PROPERTY_X86_FEATURE_1_AND` and `GNU_PROPERTY_AARCH64_FEATURE_1_AND`: bit 0 for branches, bit 1 for returns in both. */
const guardProperties: Readonly<Record<number, number>> = { 62: 0xc000_0002, 183: 0xc000_0000 };
const largestNote = 64 * 1024;

/** Reads it; null for what is no ELF file. Throws RangeError on one that is damaged. */
export function readHardening(file: ElfBytes): ElfHardening | null {
  const frame = openElf(file);
  if (frame === null) return null;
  const { segments, machine } = frame;
  const entries = readDynamicEntries(frame);
  const has = (tag: number): boolean => entries.some(([found]) => found === tag);
  const flag = (tag: number, bit: number): boolean =>
    entries.some(([found, value]) => found === tag && ((value % 2 ** 32) & bit) !== 0);
  const stack = segments.find((segment) => segment.type === PT_GNU_STACK);
  const guards = readGuards(frame);
  return {
    role: roleOf(frame, flag(DT_FLAGS_1, DF_1_PIE)),
    machine,
    relro: segments.some((segment) => segment.type === PT_GNU_RELRO),
    bindNow: has(DT_BIND_NOW) || flag(DT_FLAGS, DF_BIND_NOW) || flag(DT_FLAGS_1, DF_1_NOW),
    stack: stack === undefined ? "unsaid" : (stack.flags & PF_X) === 0 ? "plain" : "executable",
    writableCode: segments.some(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0 && (flags & PF_W) !== 0),
    textRelocations: has(DT_TEXTREL) || flag(DT_FLAGS, DF_TEXTREL),
    branches: (guards & 1) !== 0,
    returns: (guards & 2) !== 0,
  };
}

/** A static program that can lie anywhere has no interpreter, and says what it is. */
function roleOf({ type, segments }: ElfFrame, pie: boolean): ElfHardening["role"] {
  if (type === 1) return "object";
  if (type === 2) return "fixed";
  return pie || segments.some((segment) => segment.type === PT_INTERP) ? "program" : "library";
}

/** The value of the property that says what all pieces of the file keep to; 0 without. */
function readGuards({ segments, read, number, machine, layout }: ElfFrame): number {
  const segment = segments.find(({ type }) => type === PT_GNU_PROPERTY);
  const wanted = guardProperties[machine];
  if (segment === undefined || wanted === undefined) return 0;
  if (segment.size > largestNote) throw new RangeError("its note of properties is larger than any");
  const note = Buffer.from(read(segment.offset, segment.size));
  if (note.length < 16 || number(note, 8, 4) !== NT_GNU_PROPERTY_TYPE_0) return 0;
  const end = Math.min(note.length, 16 + number(note, 4, 4));
  for (let at = 16; at + 12 <= end;) {
    const size = number(note, at + 4, 4);
    if (number(note, at, 4) === wanted) return number(note, at + 8, 4);
    at += 8 + Math.ceil(size / layout.word) * layout.word;
  }
  return 0;
}
