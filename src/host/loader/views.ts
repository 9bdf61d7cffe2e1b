import { posix } from "node:path";
import type { ElfKind } from "../../elf/index.ts";
import { ForgeError } from "../../errors.ts";
import type { Host } from "../types.ts";
import { processorsOf, type LoaderCache } from "./cache.ts";
import { readConfiguration } from "./configuration.ts";
import { loaderOf, systemFolders, type SystemFolders } from "./defaults.ts";
import { entryFile, isOwn, loaderSystemOf } from "./entry.ts";
import { freebsdResolver, hintFolders, withFolder } from "./freebsd.ts";
import { glibcResolver } from "./glibc.ts";
import { muslFolders, muslResolver } from "./musl.ts";
import { objectsOf, type Objects } from "./objects.ts";
import { machineCache, privateCache } from "./private-cache.ts";
import type { ElfFile, Found, LoaderEntry, Resolver, View } from "./types.ts";

/** Everything that a comparison needs of a system's loader. */
export interface Loader {
  readonly objects: Objects;
  /** Folders to look through beside the usual ones. */
  readonly folders: readonly string[];
  readonly views: readonly View[];
  /** What would change without the entry too, by a mere renewal of what the loader knows. Only asked for when something changes. */
  readonly renewal: () => Promise<readonly View[]>;
  /** Names that something may ask for without having them in it (dlopen). */
  readonly names: readonly string[];
  /** Names in our own folder. */
  readonly own: readonly string[];
  /** Whether this loader loads the file. */
  readonly concerns: (file: ElfFile) => boolean;
  /** The loader that is in a process of this kind from the beginning. */
  readonly given: (kind: ElfKind) => Found | null;
}

/** The machine's loader with the entry against without it; null where there is no way to enter anything. Throws `host-failed`. */
export async function loaderOfHost(host: Host, entry: LoaderEntry): Promise<Loader | null> {
  const objects = objectsOf(host.tree);
  switch (loaderSystemOf(host)) {
    case "glibc":
      return glibc(host, entry, objects);
    case "musl":
      return musl(host, entry, objects);
    case "freebsd":
      return freebsd(host, entry, objects);
    default:
      return null;
  }
}

async function glibc(host: Host, entry: LoaderEntry, objects: Objects): Promise<Loader> {
  const file = entryFile(host, entry);
  const wanted = await readConfiguration(host, { file, library: entry.library });
  const bare = await readConfiguration(host, { file, library: null });
  const now = machineCache(host);
  const after = await privateCache(host, wanted.lines);
  let without: LoaderCache | undefined;
  const renewed = async (): Promise<LoaderCache> => (without ??= await privateCache(host, bare.lines));
  const system = memoised((kind) => systemFolders(host.tree, kind));
  const viewsOf = (one: LoaderCache, other: LoaderCache): readonly View[] =>
    processorsOf([one, other]).map((processor) => {
      const resolver = (cache: LoaderCache): Resolver => glibcResolver({ objects, cache, processor, system });
      return { before: resolver(one), after: resolver(other) };
    });
  // Once it stands, the machine's cache has it too: then the question is what there would be without it.
  const stands = ((await host.readFile(file)) ?? "").split("\n").includes(entry.library);
  return {
    objects,
    folders: [...bare.folders, ...[...after.values()].flat().map(({ path }) => posix.dirname(path))].filter(
      (folder) => !isOwn(folder, entry),
    ),
    views: [...viewsOf(now, after), ...(stands ? viewsOf(await renewed(), after) : [])],
    renewal: async () => viewsOf(now, await renewed()),
    names: [...now.keys()],
    own: versioned(host, entry.library),
    concerns: ({ elf }) => elf.interpreter === null || !posix.basename(elf.interpreter).startsWith("ld-musl"),
    given: (kind) => {
      const loader = loaderOf(kind);
      return loader === null ? null : objects.at(loader);
    },
  };
}

async function musl(host: Host, entry: LoaderEntry, objects: Objects): Promise<Loader> {
  const now = muslFolders(await host.readFile(entryFile(host, entry)));
  const others = now.filter((folder) => !isOwn(folder, entry));
  const loader = `/lib/ld-musl-${host.platform.arch}.so.1`;
  const after = muslResolver(objects, [...others, entry.library], loader);
  return {
    objects,
    folders: others,
    views: [others, now].map((list) => ({ before: muslResolver(objects, list, loader), after })),
    renewal: () => Promise.resolve([]),
    names: [],
    own: versioned(host, entry.library),
    concerns: ({ elf }) => elf.interpreter === null || posix.basename(elf.interpreter).startsWith("ld-musl"),
    given: () => objects.at(loader),
  };
}

async function freebsd(host: Host, entry: LoaderEntry, objects: Objects): Promise<Loader> {
  const answer = await host.exec(["ldconfig", "-r"], { timeoutSeconds: 20 });
  const now = answer.exitCode === 0 ? hintFolders(answer.stdout) : null;
  if (now === null) throw new ForgeError("host-failed", "the loader's hints cannot be read (ldconfig -r)");
  const others = now.filter((folder) => !isOwn(folder, entry));
  const after = freebsdResolver(objects, withFolder(others, entry.library));
  return {
    objects,
    folders: others,
    views: [others, now].map((list) => ({ before: freebsdResolver(objects, list), after })),
    renewal: () => Promise.resolve([]),
    names: [],
    own: versioned(host, entry.library),
    // Programs of 32 bits have hints of their own (ldconfig -32), which the entry is not in.
    concerns: ({ elf }) => elf.bits === 64 && (elf.interpreter === null || elf.interpreter.includes("ld-elf.so")),
    given: () => objects.at("/libexec/ld-elf.so.1"),
  };
}

/** Names in our folder that programs ask for: one without a version is for the link editor. */
function versioned(host: Host, library: string): readonly string[] {
  const entries = host.tree.entries(library);
  if (entries === "unreadable") throw new ForgeError("host-failed", `${library} cannot be read`);
  return (entries ?? []).map(({ name }) => name).filter((name) => /^lib[^/]+\.so\.\d/.test(name));
}

function memoised(look: (kind: ElfKind) => SystemFolders): (kind: ElfKind) => SystemFolders {
  const known = new Map<string, SystemFolders>();
  return (kind) => {
    const key = `${kind.bits}:${kind.machine}`;
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = look(kind)));
    return found;
  };
}
