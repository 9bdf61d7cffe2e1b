/** How musl finds libraries (ldso/dynlink.c, `load_library` and `path_open`), and the list of folders that tells it where. */
import { sameKind, type Objects } from "./objects.ts";
import type { ElfFile, Found, Loaded, Resolver } from "./types.ts";

/** What musl searches when /etc/ld-musl-ARCH.path is not there; once the file is, nothing but what it names. */
export const muslDefault = "/lib:/usr/local/lib:/usr/lib";

/** The folders of a list, which are separated by colons or line ends. */
export function muslFolders(text: string | null): readonly string[] {
  return (text ?? muslDefault).split(/[:\n]+/).filter((folder) => folder !== "");
}

/** musl's loader with a list of folders. `loader` is its own path: it is the C library as well. */
export function muslResolver(objects: Objects, folders: readonly string[], loader: string): Resolver {
  return {
    find(name, asker, program) {
      if (name.includes("/")) return name.startsWith("/") ? taken(objects.at(name), program) : null;
      // All parts of the C library are the loader itself.
      if (/^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name)) return objects.at(loader);
      for (let loaded: Loaded | null = asker; loaded !== null; loaded = loaded.by) {
        const found = search(objects, name, { folders: runFolders(loaded.file, program), program });
        if (found !== null) return found;
      }
      return search(objects, name, { folders, program });
    },
  };
}

function search(
  objects: Objects,
  name: string,
  { folders, program }: { readonly folders: readonly string[]; readonly program: ElfFile },
): Found | null {
  for (const folder of folders) {
    const found = taken(objects.in(folder, name), program);
    if (found !== null) return found;
  }
  return null;
}

/** The first file of the name is taken, and when it does not fit the program does not start. */
function taken(found: Found | null, program: ElfFile): Found | null {
  if (found === null || found.file === null || sameKind(found.file.elf, program.elf)) return found;
  return { path: found.path, file: null };
}

/** Both kinds of run path count alike, and for everything further down. */
function runFolders(file: ElfFile, program: ElfFile): readonly string[] {
  const written = file.elf.runpath.length > 0 ? file.elf.runpath : file.elf.rpath;
  // With any $ORIGIN in it, a program with set user id has none at all.
  if (file === program && program.secure && written.some((path) => path.includes("$"))) return [];
  return written
    .map((path) => path.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, file.origin))
    .filter((path) => path.startsWith("/"));
}
