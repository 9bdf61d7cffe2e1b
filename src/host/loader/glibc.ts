/** How glibc finds libraries (ld.so(8); elf/dl-load.c, `_dl_map_object`). LD_LIBRARY_PATH is a user's and comes before and after alike. */
import { posix } from "node:path";
import type { ElfKind } from "../../elf/index.ts";
import { candidates, type LoaderCache, type Processor } from "./cache.ts";
import type { SystemFolders } from "./defaults.ts";
import { fitting, type Objects } from "./objects.ts";
import type { ElfFile, Found, Loaded, Resolver } from "./types.ts";

export interface GlibcOptions {
  readonly objects: Objects;
  readonly cache: LoaderCache;
  readonly processor: Processor;
  readonly system: (kind: ElfKind) => SystemFolders;
}

/** glibc's loader with one cache on one processor. */
export function glibcResolver(options: GlibcOptions): Resolver {
  const { objects, processor, system } = options;
  const beyond = new Map<string, Found | null>();
  const folders = new Map<string, readonly string[]>();

  const runFolders = (file: ElfFile, program: ElfFile): readonly string[] => {
    const key = `${program.secure} ${file.path}`;
    let known = folders.get(key);
    if (known === undefined) {
      const written = file.elf.runpath.length > 0 ? file.elf.runpath : file.elf.rpath;
      known = written.flatMap((path) => expand(path, { file, program, system: system(file.elf) }));
      folders.set(key, known);
    }
    return known;
  };
  const search = (name: string, list: readonly string[], kind: ElfKind): Found | null => {
    for (const folder of list) {
      for (const place of placesIn(folder)) {
        const found = fitting(objects.in(place, name), kind);
        if (found !== null) return found;
      }
    }
    return null;
  };
  const placesIn = (folder: string): readonly string[] =>
    processor.hwcaps.length > 0 && objects.has(folder, "glibc-hwcaps")
      ? [...processor.hwcaps.map((hwcap) => `${folder}/glibc-hwcaps/${hwcap}`), folder]
      : [folder];
  const inRunPaths = (name: string, asker: Loaded, program: ElfFile): Found | null => {
    const kind = program.elf;
    if (asker.file.elf.runpath.length > 0) return search(name, runFolders(asker.file, program), kind);
    for (let loaded: Loaded | null = asker; loaded !== null; loaded = loaded.by) {
      // The old kind of run path counts for all that is loaded further down, the new one does not.
      if (loaded.file.elf.rpath.length === 0 || loaded.file.elf.runpath.length > 0) continue;
      const found = search(name, runFolders(loaded.file, program), kind);
      if (found !== null) return found;
    }
    return null;
  };
  const beyondRunPaths = (name: string, noDefaults: boolean, kind: ElfKind): Found | null => {
    const defaults = system(kind).folders;
    for (const path of candidates(options.cache, name, { kind, processor })) {
      if (noDefaults && defaults.some((folder) => path.startsWith(`${folder}/`))) continue;
      const found = fitting(objects.at(path), kind);
      if (found !== null) return found;
    }
    return noDefaults ? null : search(name, defaults, kind);
  };

  return {
    find(name, asker, program) {
      if (name.includes("/")) {
        const [path] = expand(name, { file: asker.file, program, system: system(asker.file.elf) });
        return path === undefined ? null : fitting(objects.at(path), program.elf);
      }
      const found = inRunPaths(name, asker, program);
      if (found !== null) return found;
      const { bits, machine, order } = program.elf;
      const { noDefaults } = asker.file.elf;
      const key = `${bits} ${machine} ${order} ${noDefaults} ${name}`;
      let known = beyond.get(key);
      if (known === undefined) beyond.set(key, (known = beyondRunPaths(name, noDefaults, program.elf)));
      return known;
    },
  };
}

/**
 * The folders that a run path stands for; none when that depends on the current folder. $PLATFORM has more than one meaning on one machine:
 * all are tried. A program with set user id gets $ORIGIN only where that is a folder of the system.
 */
function expand(
  written: string,
  context: { readonly file: ElfFile; readonly program: ElfFile; readonly system: SystemFolders },
): readonly string[] {
  const { file, program, system } = context;
  const whole = written
    .replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, file.origin)
    .replaceAll(/\$(?:LIB\b|\{LIB\})/g, system.lib);
  const platform = /\$(?:PLATFORM\b|\{PLATFORM\})/g;
  const paths =
    whole.search(platform) === -1 ? [whole] : system.platforms.map((name) => whole.replaceAll(platform, name));
  // What a link and a `..` after it lead to is for the system to say.
  const folders = paths.filter((path) => path.startsWith("/")).map(trimmed);
  const trusted = !program.secure || !/\$\{?ORIGIN/.test(written);
  return trusted ? folders : folders.filter((folder) => system.folders.includes(trimmed(posix.normalize(folder))));
}

function trimmed(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
