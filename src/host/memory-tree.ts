/** The files of a machine in memory, as `FileTree` gives those of a real one. */
import { posix } from "node:path";
import type { MemoryFile } from "./memory.ts";
import type { FileTree, FolderEntry, TreeFacts } from "./types.ts";

type Files = ReadonlyMap<string, MemoryFile>;

/** `FileTree` over a map of paths. Who is no root reads what others may read; links are followed in every part of a path. */
export function memoryTree(files: Files, uid: number): FileTree {
  const readable = (path: string): boolean => {
    const file = files.get(path);
    return uid === 0 || ((file?.mode ?? 0o755) & (file?.uid === uid ? 0o400 : 0o004)) !== 0;
  };
  const found = (path: string): string | null => followed(files, path);
  return {
    entries: (folder) => {
      const place = found(folder);
      if (place === null || !isFolder(files, place)) return null;
      return readable(place) ? namesIn(files, place).map((name) => entryOf(files, place, name)) : "unreadable";
    },
    facts: (path) => {
      const place = found(path);
      return place === null ? null : factsOf(files, place);
    },
    real: found,
    open: (path, look) => {
      const place = found(path);
      const file = place === null ? undefined : files.get(place);
      if (place === null || file === undefined || isFolder(files, place)) return null;
      if (!readable(place)) return "unreadable";
      const bytes = file.bytes ?? Buffer.from(file.content ?? "");
      const read = (offset: number, length: number): Buffer => bytes.subarray(offset, offset + length);
      return look({ size: bytes.length, facts: factsOf(files, place), read });
    },
  };
}

function followed(files: Files, path: string, steps = 0): string | null {
  if (steps > 20) return null;
  let place = "/";
  const parts = path.split("/").filter(Boolean);
  for (const [index, part] of parts.entries()) {
    // `..` is looked up after a link before it was followed.
    place = posix.join(place, part);
    const file = files.get(place);
    if (file?.kind !== "link") continue;
    const target = posix.resolve(posix.dirname(place), file.content ?? "");
    return followed(files, [target, ...parts.slice(index + 1)].join("/"), steps + 1);
  }
  return files.has(place) || namesIn(files, place).length > 0 ? place : null;
}

function isFolder(files: Files, path: string): boolean {
  const file = files.get(path);
  return file === undefined || (file.content === null && file.bytes === undefined && file.kind !== "other");
}

function namesIn(files: Files, folder: string): readonly string[] {
  const start = folder === "/" ? "/" : `${folder}/`;
  const below = [...files.keys()].filter((path) => path.startsWith(start));
  return [...new Set(below.map((path) => path.slice(start.length).split("/")[0] ?? ""))].toSorted();
}

function entryOf(files: Files, folder: string, name: string): FolderEntry {
  const path = posix.join(folder, name);
  const kind = files.get(path)?.kind ?? (isFolder(files, path) ? "folder" : "file");
  return { name, kind };
}

function factsOf(files: Files, path: string): TreeFacts {
  const folder = isFolder(files, path);
  const file = files.get(path);
  const kind = folder ? "folder" : file?.kind === "other" ? "other" : "file";
  return { kind, mode: file?.mode ?? (folder ? 0o755 : 0o644), identity: file?.inode ?? path };
}
