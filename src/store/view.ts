import { access, constants, mkdir, readdir, realpath, symlink, writeFile } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join } from "node:path";
import { hasCode } from "./disk.ts";
import { viewFolders } from "./paths.ts";

/**
 * An entry of a view: a link, a script that runs a program under its own path, or a folder with entries of its own.
 */
export type ViewNode =
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "script"; readonly target: string }
  | { readonly kind: "folder"; readonly entries: ReadonlyMap<string, ViewNode> };

/** Two outputs that have the same name in the view; the later one, in build order, has it. */
export interface ViewConflict {
  /** Relative to the view: `bin/tool`. */
  readonly path: string;
  readonly shown: string;
  readonly hidden: string;
}

/** A view as it will be written. */
export interface View {
  readonly folders: ReadonlyMap<string, ViewNode>;
  readonly conflicts: readonly ViewConflict[];
}

/** A file or folder of an output that wants a place in the view. */
interface Owner {
  readonly path: string;
  readonly folder: boolean;
  readonly script: boolean;
}

/**
 * What the outputs' `bin`, `lib`, `include` and `share` look like as one. An entry that one output has is one link, also a folder
 * with all below it; a folder that several have becomes a folder whose entries are merged in the same way (`lib/pkgconfig`,
 * `share/man`). `bin` shows only what can be run.
 *
 * A virtual environment (an output with a `pyvenv.cfg`) shows only its `bin`: the rest serves its own interpreter alone. Its
 * interpreter is shown as a script, because one that is started through a link from elsewhere does not find its environment.
 */
export async function mergeView(outputs: readonly string[]): Promise<View> {
  const conflicts: ViewConflict[] = [];
  const environments = new Set<string>();
  for (const out of outputs) if (await isThere(join(out, "pyvenv.cfg"))) environments.add(out);
  const folders = new Map<string, ViewNode>();
  for (const folder of viewFolders) {
    const shown = outputs.filter((out) => folder === "bin" || !environments.has(out));
    const owners = shown.map((out) => ({ path: join(out, folder), folder: true, script: environments.has(out) }));
    folders.set(folder, { kind: "folder", entries: await mergeFolder(folder, owners, conflicts) });
  }
  return { folders, conflicts };
}

async function mergeFolder(
  name: string,
  folders: readonly Owner[],
  conflicts: ViewConflict[],
): Promise<ReadonlyMap<string, ViewNode>> {
  const found = new Map<string, Owner[]>();
  for (const folder of folders) {
    for (const entry of await entriesOf(folder.path)) {
      const path = join(folder.path, entry.name);
      if (name === "bin" && !(await canBeRun(path))) continue;
      const owner = { path, folder: entry.isDirectory(), script: folder.script && entry.isSymbolicLink() };
      found.set(entry.name, [...(found.get(entry.name) ?? []), owner]);
    }
  }
  const merged = new Map<string, ViewNode>();
  for (const [entry, owners] of [...found].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    merged.set(entry, await mergeEntry(`${name}/${entry}`, owners, conflicts));
  }
  return merged;
}

async function mergeEntry(name: string, owners: readonly Owner[], conflicts: ViewConflict[]): Promise<ViewNode> {
  if (owners.length > 1 && owners.every((owner) => owner.folder)) {
    return { kind: "folder", entries: await mergeFolder(name, owners, conflicts) };
  }
  const last = owners.at(-1);
  if (last === undefined) throw new Error(`nobody owns ${name}`);
  for (const owner of owners.slice(0, -1)) {
    if ((await realpathOrSelf(owner.path)) === (await realpathOrSelf(last.path))) continue;
    conflicts.push({ path: name, shown: last.path, hidden: owner.path });
  }
  return { kind: last.script ? "script" : "link", target: last.path };
}

/** Writes a view into a folder that has none of its entries yet. */
export async function writeView({ folders }: View, folder: string): Promise<void> {
  await writeEntries(folders, folder);
}

async function writeEntries(entries: ReadonlyMap<string, ViewNode>, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, node] of entries) {
    const path = join(folder, name);
    if (node.kind === "folder") await writeEntries(node.entries, path);
    else if (node.kind === "link") await symlink(node.target, path);
    else await writeFile(path, `#!/bin/sh\nexec '${node.target}' "$@"\n`, { mode: 0o755 });
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function canBeRun(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch (error) {
    if (hasCode(error, "EACCES", "ENOENT")) return false;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** A link that leads nowhere is known by its own path. */
async function realpathOrSelf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ELOOP")) return path;
    throw error;
  }
}
