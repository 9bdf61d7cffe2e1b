/** The machine's files for looks at thousands of them: synchronous, for a promise each would take longer than the look. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import type { Dirent, Stats } from "node:fs";
import type { FileTree, FolderEntry, OpenFile, TreeFacts } from "./types.ts";

/** `FileTree` over node:fs. */
export const nodeTree: FileTree = {
  entries: (folder) => outcome(() => readdirSync(folder, { withFileTypes: true }).map(toEntry)),
  facts: (path) => {
    // Most questions are for what is not there: an exception for each would cost more than the look.
    const stats = outcome(() => statSync(path, { throwIfNoEntry: false }) ?? null);
    return stats === null || stats === "unreadable" ? stats : toFacts(stats);
  },
  real: (path) => {
    const real = outcome(() => ({ path: realpathSync(path) }));
    return real === "unreadable" ? path : (real?.path ?? null);
  },
  open: (path, look) => {
    const descriptor = outcome(() => openSync(path, "r"));
    if (descriptor === null || descriptor === "unreadable") return descriptor;
    try {
      return look(new Opened(descriptor));
    } finally {
      closeSync(descriptor);
    }
  },
};

/** Most files are done with after their first bytes: what else is asked for costs a call more. */
class Opened implements OpenFile {
  readonly #descriptor: number;
  #stats: Stats | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get size(): number {
    return (this.#stats ??= fstatSync(this.#descriptor)).size;
  }

  get facts(): TreeFacts {
    return toFacts((this.#stats ??= fstatSync(this.#descriptor)));
  }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(this.#descriptor, bytes, 0, length, offset));
  }
}

function toEntry(entry: Dirent): FolderEntry {
  const kind = entry.isFile() ? "file" : entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "other";
  return { name: entry.name, kind };
}

function toFacts(stats: Stats): TreeFacts {
  const kind = stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other";
  return { kind, mode: stats.mode & 0o7777, identity: `${stats.dev}:${stats.ino}` };
}

function outcome<T>(look: () => T): T | null | "unreadable" {
  try {
    return look();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // A link that leads round in a circle leads nowhere.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return null;
    if (["EACCES", "EPERM", "EIO", "ESTALE", "ENXIO", "EISDIR", "ENODEV"].includes(String(code))) return "unreadable";
    throw error;
  }
}
