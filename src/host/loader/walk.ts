import { posix } from "node:path";
import type { ElfDynamic } from "../../elf/index.ts";
import type { FileTree, FolderEntry } from "../types.ts";
import { elfOf } from "./objects.ts";
import type { ElfFile } from "./types.ts";

/** Where systems keep programs and libraries; those that are not there are passed over. */
const systemFolders = [
  ...["/", "/usr/", "/usr/local/"].flatMap((above) =>
    ["bin", "sbin", "libexec", "lib", "lib64", "lib32", "libx32"].map((name) => `${above}${name}`),
  ),
  "/usr/games",
  "/usr/local/games",
];

/** What a walk found. Every ELF file that the loader has to do with, each once however many names it has. */
export interface Walk {
  readonly programs: readonly ElfFile[];
  readonly unreadable: ReadonlySet<string>;
}

/**
 * Every ELF file below the system's folders and those given besides. Links to files are followed wherever they lead; links to folders only for
 * the folders that the walk begins with, so that none leads in a circle or out into the whole machine. `skip` is our own prefix.
 */
export async function walk(tree: FileTree, more: readonly string[], skip: string): Promise<Walk> {
  const state: State = { tree, programs: [], unreadable: new Set(), folders: new Set(), files: new Set(), skip };
  const waiting = [...new Set([...systemFolders, ...more])].flatMap((folder) => tree.real(folder) ?? []);
  for (let count = 0; waiting.length > 0; count += 1) {
    const folder = waiting.pop() ?? "";
    waiting.push(...walkFolder(folder, state));
    // A signal must be heard meanwhile.
    if (count % 200 === 199) await new Promise((resolve) => void setImmediate(resolve));
  }
  return {
    programs: state.programs.toSorted((one, other) => (one.path < other.path ? -1 : 1)),
    unreadable: state.unreadable,
  };
}

interface State {
  readonly tree: FileTree;
  readonly programs: ElfFile[];
  readonly unreadable: Set<string>;
  readonly folders: Set<string>;
  /** ELF files by identity. */
  readonly files: Set<string>;
  readonly skip: string;
}

/** Looks at the files of a folder and gives the folders in it. */
function walkFolder(folder: string, state: State): readonly string[] {
  if (state.folders.has(folder) || folder === state.skip) return [];
  state.folders.add(folder);
  const entries = state.tree.entries(folder);
  if (entries === "unreadable") state.unreadable.add(folder);
  if (entries === null || entries === "unreadable") return [];
  const below: string[] = [];
  for (const entry of entries) {
    const path = folder === "/" ? `/${entry.name}` : `${folder}/${entry.name}`;
    if (entry.kind === "folder") below.push(path);
    else lookAt(path, entry, state);
  }
  return below;
}

function lookAt(path: string, entry: FolderEntry, state: State): void {
  const { tree, unreadable } = state;
  if (entry.kind === "other") return;
  if (entry.kind === "link") {
    const facts = tree.facts(path);
    if (facts === "unreadable") unreadable.add(path);
    if (facts === null || facts === "unreadable" || facts.kind !== "file" || state.files.has(facts.identity)) return;
  }
  const found = tree.open(path, (file) => {
    const elf = elfOf(file);
    return elf === null ? null : { elf, facts: file.facts };
  });
  if (found === "unreadable") unreadable.add(path);
  if (found === null || found === "unreadable" || state.files.has(found.facts.identity)) return;
  state.files.add(found.facts.identity);
  const { identity, mode } = found.facts;
  state.programs.push({
    path,
    origin: originOf(path, entry, { tree, elf: found.elf }),
    identity,
    secure: (mode & 0o6000) !== 0,
    elf: found.elf,
  });
}

/** A program's folder is where it really lies; a library's is the one it is found in. */
function originOf(path: string, entry: FolderEntry, { tree, elf }: { tree: FileTree; elf: ElfDynamic }): string {
  if (entry.kind !== "link" || elf.interpreter === null) return posix.dirname(path);
  return posix.dirname(tree.real(path) ?? path);
}
