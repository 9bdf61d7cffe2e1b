/** How FreeBSD finds libraries (rtld(1); libexec/rtld-elf/rtld.c, `find_library`), and the folders that ldconfig(8) has told it. */
import { fitting, type Objects } from "./objects.ts";
import type { ElfFile, Found, Resolver } from "./types.ts";

/** Searched last, whatever the hints say. */
const standardFolders = ["/lib", "/usr/lib"];

/** The folders in what `ldconfig -r` prints, in order; null when it printed none. */
export function hintFolders(printed: string): readonly string[] | null {
  const [, folders] = /^\s*search directories: (.*)$/m.exec(printed) ?? [];
  return folders === undefined ? null : folders.split(":").filter((folder) => folder !== "");
}

/**
 * The hints with our folder in the first place that it can get. At boot it stands among the folders of packages, in the order of their names, and
 * until then at the end: what nothing is changed by in the first place changes nothing further back.
 */
export function withFolder(folders: readonly string[], library: string): readonly string[] {
  const others = folders.filter((folder) => folder !== library);
  const base = others.filter((folder) => standardFolders.includes(folder));
  return [...base, library, ...others.filter((folder) => !base.includes(folder))];
}

/** FreeBSD's loader with these hints. */
export function freebsdResolver(objects: Objects, hints: readonly string[]): Resolver {
  const search = (name: string, folders: readonly string[], program: ElfFile): Found | null => {
    for (const folder of folders) {
      const found = fitting(objects.in(folder, name), program.elf);
      if (found !== null) return found;
    }
    return null;
  };
  return {
    find(name, asker, program) {
      if (name.includes("/")) return name.startsWith("/") ? fitting(objects.at(name), program.elf) : null;
      const { file } = asker;
      const older =
        file.elf.runpath.length > 0 ? [] : [...folders(file.elf.rpath, file), ...folders(program.elf.rpath, program)];
      const last = file.elf.noDefaults ? [] : standardFolders;
      return search(name, [...older, ...folders(file.elf.runpath, file), ...hints, ...last], program);
    },
  };
}

function folders(written: readonly string[], file: ElfFile): readonly string[] {
  return written
    .map((path) => path.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, file.origin))
    .filter((path) => path.startsWith("/"));
}
