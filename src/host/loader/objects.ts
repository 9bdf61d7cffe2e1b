import { posix } from "node:path";
import { isElf, readElf, type ElfDynamic, type ElfKind } from "../../elf/index.ts";
import type { FileTree, OpenFile } from "../types.ts";
import type { Found } from "./types.ts";

/** The machine's programs and libraries, each read once. */
export interface Objects {
  /** A file that there is under this path, links followed; null when there is none. */
  at(path: string): Found | null;
  /** The same for a name in a folder. */
  in(folder: string, name: string): Found | null;
  readonly tree: FileTree;
  /** Whether there is a folder of this name in a folder. */
  has(folder: string, name: string): boolean;
  /** Paths that could not be read: what they hold is not known. */
  readonly unreadable: Set<string>;
}

export function objectsOf(tree: FileTree): Objects {
  const byPath = new Map<string, Found | null>();
  const byIdentity = new Map<string, ElfDynamic | null>();
  const names = new Map<string, ReadonlySet<string> | null>();
  const unreadable = new Set<string>();

  const namesIn = (folder: string): ReadonlySet<string> | null => {
    let known = names.get(folder);
    if (known === undefined) {
      const entries = tree.entries(folder);
      // A folder that may be passed through but not listed: each name in it is tried.
      known = entries === "unreadable" ? null : new Set((entries ?? []).map((entry) => entry.name));
      names.set(folder, known);
    }
    return known;
  };
  const look = (path: string): Found | null => {
    const facts = tree.facts(path);
    if (facts === "unreadable") unreadable.add(path);
    if (facts === null || facts === "unreadable" || facts.kind !== "file") return null;
    const known = byIdentity.get(facts.identity);
    const elf = known === undefined ? tree.open(path, elfOf) : known;
    if (elf === "unreadable") unreadable.add(path);
    if (elf === null || elf === "unreadable") return { path, file: null };
    byIdentity.set(facts.identity, elf);
    return {
      path,
      file: { path, origin: posix.dirname(path), identity: facts.identity, secure: false, elf },
    };
  };
  const at = (path: string): Found | null => {
    let found = byPath.get(path);
    if (found === undefined) byPath.set(path, (found = look(path)));
    return found;
  };
  return {
    tree,
    unreadable,
    at,
    in: (folder, name) => (namesIn(folder)?.has(name) === false ? null : at(`${folder}/${name}`)),
    has: (folder, name) => namesIn(folder)?.has(name) ?? false,
  };
}

/** What a file says to the loader; null for what the loader would not load: no ELF file, no dynamic section, damaged. */
export function elfOf(file: OpenFile): ElfDynamic | null {
  try {
    return isElf(file.read(0, 4)) ? readElf(file) : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Whether two files can be in one process. */
export function sameKind(one: ElfKind, other: ElfKind): boolean {
  return one.bits === other.bits && one.machine === other.machine && one.order === other.order;
}

/** What of a find can be loaded beside a file of this kind; the loader passes over libraries for other processors. */
export function fitting(found: Found | null, kind: ElfKind): Found | null {
  return found === null || found.file === null || sameKind(found.file.elf, kind) ? found : null;
}
