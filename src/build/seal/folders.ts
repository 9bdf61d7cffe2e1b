import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { inside } from "../gates/contents.ts";
import type { BuildContext } from "../types.ts";
import { distinct } from "./seal.ts";

/** What a sealed build finds of the machine. Everything not named is there to be read. Paths absolute. */
export interface SealFolders {
  /** Nobody finds what is there. */
  readonly hide: readonly string[];
  /** An empty folder of its own instead. */
  readonly own: readonly string[];
  /** Still there, below what is hidden, to be read. */
  readonly read: readonly string[];
  /** Still there, to be read and written. */
  readonly write: readonly string[];
}

/**
 * Homes, what services keep and where they listen (`/run`, `/srv` and `/var` of the Filesystem Hierarchy Standard, 3.0), secrets that only root can
 * read anyway.
 */
const hidden = [
  "/root",
  "/home",
  "/run",
  "/srv",
  "/var",
  "/etc/ssh",
  "/etc/ssl/private",
  "/etc/shadow",
  "/etc/gshadow",
];
const temporary = ["/tmp", "/var/tmp"];

/** Accounts of services have such homes. */
const systems = /^\/(?:(?:usr|bin|sbin|lib\w*|etc|dev|proc|sys|nix|gnu)(?:\/.*)?|var|var\/lib|opt|srv|mnt|media)?$/u;

/** What a program may not be without, wherever it lies. Paths absolute. */
export interface Needs {
  readonly prefix: string;
  /** To be read and written. */
  readonly own: readonly string[];
  /** To be read. */
  readonly given: readonly string[];
  /** Folders of programs. */
  readonly tools: readonly string[];
  /** Folders of people, which are hidden. */
  readonly homes: readonly string[];
}

/** What this build may see and write, with `extra` files to be read: those that its environment or cargo's configuration name. */
export function sealFolders(context: BuildContext, extra: readonly string[]): SealFolders {
  const { derivation, scratch, sources, toolFolders, toolPaths, seal } = context;
  return foldersFor({
    prefix: derivation.prefix,
    own: [derivation.out, scratch],
    given: [derivation.recipe.folder, ...sources.map((source) => source.path), ...extra],
    tools: [...toolFolders, ...Object.values(toolPaths).flatMap((file) => bothWays(file).map(path.dirname))],
    homes: seal.homes,
  });
}

/** What a program with these needs may see and write. */
export function foldersFor({ prefix, own: ownFolders, given, tools, homes: named }: Needs): SealFolders {
  const homes = named.filter((home) => path.isAbsolute(home)).flatMap(bothWays);
  const hide = distinct(
    [...[...hidden, path.join(prefix, "var")].flatMap(real), ...homes.flatMap(real)].filter(
      (folder) => existsSync(folder) && (!systems.test(folder) || hidden.includes(folder)),
    ),
  );
  const own = distinct(temporary.flatMap(real)).filter((folder) => !hide.includes(folder));
  const write = distinct(ownFolders.flatMap(bothWays));
  const toolchains = distinct(tools).flatMap((folder) => toolchainOf(folder, homes));
  const covers = [...hide, ...own, "/dev"];
  // What is written by the sealed does not say what else they see: no link in there is followed.
  const seen = [path.join(prefix, "store"), ...given, ...toolchains].filter(
    (file) => !write.some((folder) => inside(file, folder)),
  );
  const read = distinct(seen.flatMap(bothWays)).filter(
    (file) => covers.some((cover) => inside(file, cover) && file !== cover) && !write.includes(file),
  );
  return { hide, own, read, write };
}

/** Files that texts (environment values, cargo's configuration) name by absolute path and that are there. */
export function namedFiles(texts: readonly string[]): readonly string[] {
  const named = texts.flatMap((text) => [...text.matchAll(/(?:^|["'\s=:])(\/[^"'\n]+?)(?=["'\n]|$)/gu)]);
  return distinct(named.flatMap(([, file = ""]) => (existsSync(file) ? [file] : [])));
}

/**
 * A folder of programs with what they need beside it. Of cargo's and of a user's own folder of programs only the parts that hold no
 * credentials; of a home itself nothing more than the programs.
 */
function toolchainOf(folder: string, homes: readonly string[]): readonly string[] {
  const above = path.dirname(folder);
  if (!["bin", "sbin", "shims"].includes(path.basename(folder)) || systems.test(above)) return [folder];
  if (homes.some((home) => inside(home, above))) return [folder];
  if (![".cargo", ".local"].includes(path.basename(above))) return [above];
  return [folder, ...["lib", "lib64", "libexec", "include"].map((name) => path.join(above, name))];
}

/** A path as it is written and as it really is. */
function bothWays(file: string): readonly string[] {
  return distinct([file, ...real(file)]);
}

function real(file: string): readonly string[] {
  try {
    return [realpathSync(file)];
  } catch {
    // Not there, or not ours to look at: then it is not ours to show either.
    return [];
  }
}
