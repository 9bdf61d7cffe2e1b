import type { ElfKind } from "../../elf/index.ts";
import type { FileTree } from "../types.ts";

/** What is compiled into a loader. */
export interface SystemFolders {
  /** Searched last, in this order. */
  readonly folders: readonly string[];
  /** What $LIB stands for. */
  readonly lib: string;
  /** What $PLATFORM may stand for. */
  readonly platforms: readonly string[];
}

interface Known {
  readonly loader: string;
  readonly multiarch: string;
  readonly lib: string;
  readonly platforms: readonly string[];
}

const known: Readonly<Record<string, Known>> = {
  "64:62": {
    loader: "/lib64/ld-linux-x86-64.so.2",
    multiarch: "x86_64-linux-gnu",
    lib: "lib64",
    platforms: ["haswell", "xeon_phi", "x86_64"],
  },
  "32:62": {
    loader: "/libx32/ld-linux-x32.so.2",
    multiarch: "x86_64-linux-gnux32",
    lib: "libx32",
    platforms: ["x86_64"],
  },
  "32:3": {
    loader: "/lib/ld-linux.so.2",
    multiarch: "i386-linux-gnu",
    lib: "lib",
    platforms: ["i686", "i586", "i486", "i386"],
  },
  "64:183": {
    loader: "/lib/ld-linux-aarch64.so.1",
    multiarch: "aarch64-linux-gnu",
    lib: "lib64",
    platforms: ["aarch64"],
  },
  "32:40": {
    loader: "/lib/ld-linux-armhf.so.3",
    multiarch: "arm-linux-gnueabihf",
    lib: "lib",
    platforms: ["v7l", "v6l"],
  },
};

/** Where glibc's loader for this kind of file lies; null for machines that are not known here. */
export function loaderOf(kind: ElfKind): string | null {
  return known[`${kind.bits}:${kind.machine}`]?.loader ?? null;
}

/**
 * The default folders of glibc's loader, read out of the loader itself, where they stand one after the other (`system_dirs` in elf/dl-load.c).
 * Where there is no loader to read, those that distributions use.
 */
export function systemFolders(tree: FileTree, kind: ElfKind): SystemFolders {
  const plain = { loader: null, multiarch: null, lib: kind.bits === 64 ? "lib64" : "lib", platforms: [] };
  const { loader, multiarch, lib, platforms } = known[`${kind.bits}:${kind.machine}`] ?? plain;
  const found = loader === null ? null : readFolders(tree, loader);
  if (found !== null) return { folders: found, lib: (found[0] ?? "").slice(1), platforms };
  const names = [...(multiarch === null ? [] : [`lib/${multiarch}`]), ...new Set([lib, "lib"])];
  return { folders: names.flatMap((name) => [`/${name}`, `/usr/${name}`]), lib, platforms };
}

/** Loaders are a quarter of a megabyte. */
const largestLoader = 4 * 1024 * 1024;

function readFolders(tree: FileTree, loader: string): readonly string[] | null {
  if (tree.facts(loader) === null) return null;
  const text = tree.open(loader, (file) => file.read(0, Math.min(file.size, largestLoader)).toString("latin1"));
  if (text === null || text === "unreadable") return null;
  const runs = [...text.matchAll(/(?:\/(?:[\w.+-]+\/)*lib[\w.+-]*\/(?:[\w.+-]+\/)*\0){2,}/g)];
  const [run] = runs[0] ?? [];
  return run === undefined
    ? null
    : run
        .split("\0")
        .filter(Boolean)
        .map((folder) => folder.slice(0, -1));
}
