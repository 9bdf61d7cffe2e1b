import { createHash } from "node:crypto";
import { dirname, posix } from "node:path";
import type { Host, Resource, ResourcePlan } from "../types.ts";
import { asRoot, blocked, planBase } from "./kind.ts";
import type { Moment, ResourceKind } from "./kind.ts";
import { driftOf, leftoverCommands, managedText, ownerOf, writeCommands } from "./managed-file.ts";

type LoaderPath = Extract<Resource, { kind: "loader-path" }>;

/**
 * Our library folder in the machine's loader cache (glibc: /etc/ld.so.conf.d and ldconfig). Our own programs have absolute run paths
 * and do not need it; it is for what is compiled against the prefix without one. Refused when it would change what anything else loads.
 */
export const loaderPath: ResourceKind<LoaderPath> = {
  async plan(host, resource, moment) {
    const file = fileOf(resource);
    const text = await host.readFile(file);
    const owner = ownerOf(text);
    const state = {
      current: text === null ? null : owner === "ours" ? libraryIn(text) : `${file}, ${owner}`,
      desired: resource.library,
      why: `${file} names our libraries for the loader`,
    };
    const reason = await reasonAgainst(host, resource, moment);
    const drift = driftOf(file, owner);
    if (reason !== null || drift !== null) return blocked(resource, { ...state, reason: reason ?? drift ?? "" });

    const wanted = managedText(`${resource.library}\n`);
    const cached = await cachedLibraries(host);
    if (cached === null)
      return blocked(resource, { ...state, reason: "the loader cache cannot be read (ldconfig -p)" });
    const names = versionedNames(await host.list(resource.library));
    // What our own entry names now is replaced, so it is no clash.
    const own = [resource.library, ...(owner === "ours" ? [libraryIn(text ?? "")] : [])];
    const clashes = await clashesOf(host, own, { names, cached });
    if (clashes.length > 0)
      return blocked(resource, { ...state, reason: `it would change what other programs load: ${clashes.join(", ")}` });

    const entered = names.every((name) => (cached.get(name) ?? []).some((path) => dirname(path) === resource.library));
    if (text === wanted && entered) return { ...planBase(resource), ...state, action: "none", commands: [] };
    return {
      ...planBase(resource),
      ...state,
      action: text === null ? "create" : "update",
      commands: [...(text === wanted ? [] : writeCommands(file, wanted)), asRoot("ldconfig")],
      effect: effectOf(names),
    } satisfies ResourcePlan;
  },

  async remember(host, resource) {
    const text = await host.readFile(fileOf(resource));
    // With the wanted text in it, the file is what an interrupted run left, not what was there before.
    const earlier = text === null || text === managedText(`${resource.library}\n`) ? {} : { text };
    return { file: fileOf(resource), library: resource.library, ...earlier };
  },

  adopt(_host, resource) {
    return Promise.resolve({ file: fileOf(resource), library: resource.library });
  },

  async undo(host, record) {
    const file = record.data["file"] ?? "";
    const text = await host.readFile(file);
    const earlier = record.data["text"];
    const drift = driftOf(file, ownerOf(text));
    const leftover = await leftoverCommands(host, file);
    if (text === (earlier ?? null)) {
      return { action: leftover.length === 0 ? "none" : "delete", commands: leftover, detail: `${file} is as it was` };
    }
    if (drift !== null) return { action: "blocked", commands: [], detail: drift };
    if (earlier === undefined) {
      return {
        action: "delete",
        commands: [...leftover, asRoot("rm", "-f", file), asRoot("ldconfig")],
        detail: `${file} is removed`,
      };
    }
    return {
      action: "update",
      commands: [...writeCommands(file, earlier), asRoot("ldconfig")],
      detail: `${file} names ${libraryIn(earlier)} again`,
    };
  },

  async quickCheck(host, record) {
    const text = await host.readFile(record.data["file"] ?? "");
    return text === managedText(`${record.data["library"] ?? ""}\n`);
  },

  remedy(argv) {
    return argv[0] === "ldconfig"
      ? "run ldconfig as root to see what is wrong, or set host.loader-path: false"
      : "see whether /etc can be written, or set host.loader-path: false";
  },
};

/** An entry for each prefix, told apart by a digest of its path: two prefixes on one machine never replace each other's. */
function fileOf({ name, library }: LoaderPath): string {
  const store = library.indexOf("/store/");
  const prefix = store === -1 ? library : library.slice(0, store);
  return `/etc/ld.so.conf.d/${name}-${createHash("sha256").update(prefix).digest("hex").slice(0, 8)}.conf`;
}

function libraryIn(text: string): string {
  return text.split("\n")[1] ?? "";
}

async function reasonAgainst(host: Host, resource: LoaderPath, moment: Moment): Promise<string | null> {
  if (host.platform.os !== "linux" || host.platform.libc !== "gnu")
    return "only glibc's loader has a folder of entries; our programs have absolute run paths and do not need one";
  if (!/^\/[^\s:#,]+$/.test(resource.library)) return `${resource.library} cannot stand in a loader configuration`;
  const configuration = (await host.readFile("/etc/ld.so.conf")) ?? "";
  if (!/^\s*include\s+(?:\/etc\/)?ld\.so\.conf\.d\/\*\.conf\s*$/m.test(configuration))
    return "/etc/ld.so.conf does not include /etc/ld.so.conf.d/*.conf, so an entry there would have no effect";
  if (moment !== "show" && (await host.facts(resource.library)) === null) return `${resource.library} is not there yet`;
  return null;
}

/** Paths by library name, in the order in which the loader takes them; null when the cache cannot be read. */
async function cachedLibraries(host: Host): Promise<ReadonlyMap<string, readonly string[]> | null> {
  const answer = await host.exec(["ldconfig", "-p"], { timeoutSeconds: 20 });
  if (answer.exitCode !== 0) return null;
  const cached = new Map<string, string[]>();
  for (const line of answer.stdout.split("\n")) {
    const [, name, path] = /^\s+(\S+) \(.*\) => (\S+)$/.exec(line) ?? [];
    if (name !== undefined && path !== undefined) cached.set(name, [...(cached.get(name) ?? []), path]);
  }
  return cached;
}

/** Names that programs ask the loader for. An unversioned `.so` is for the link editor, and `libssl.so.3.5.7` nobody asks for. */
function versionedNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => /^lib[^/]+\.so\.\d+$/.test(name));
}

/** Names that the machine already finds in another folder: with our entry it might find ours instead. */
async function clashesOf(
  host: Host,
  own: readonly string[],
  found: { names: readonly string[]; cached: ReadonlyMap<string, readonly string[]> },
): Promise<readonly string[]> {
  const elsewhere = found.names.flatMap((name) =>
    (found.cached.get(name) ?? []).filter((path) => !own.includes(dirname(path))).map((path) => ({ name, path })),
  );
  const standing = await Promise.all(
    elsewhere.map(async ({ name, path }) =>
      (await host.facts(path)) === null ? [] : [`${name} (now ${posix.dirname(path)})`],
    ),
  );
  return standing.flat();
}

function effectOf(names: readonly string[]): string {
  if (names.length === 0) return "the folder is compared with what the machine loads now before anything is written";
  return `every program on this machine can load ${names.join(", ")}; no other folder has these names, so nothing that runs today loads anything else`;
}
