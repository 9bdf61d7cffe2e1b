import { chmod, readdir, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ForgeError } from "../errors.ts";
import {
  atomicWrite,
  discard,
  explained,
  hasCode,
  makeFolder,
  readOwn,
  temporaryBeside,
  temporaryPrefix,
  unlinkIfThere,
} from "./disk.ts";
import { scratchFolder } from "./failed.ts";
import { linkTarget, refuseNoFolder } from "./folders.ts";
import { isRoot, refuseOtherHands } from "./hands.ts";
import { refuseNewer } from "./layout.ts";
import { layoutVersion, prefixPaths, viewFolders, type PrefixPaths } from "./paths.ts";
import { makeReserve } from "./reserve.ts";

/**
 * The longest prefix whose interpreters still fit into a script's first line, which some kernels cut after 127 bytes:
 * (BINPRM_BUF_SIZE of Linux before 5.1; later 255). Shorter by far than what sockets in `var/run` leave (107 bytes, 103 on BSD; unix(7)):
 * `#!` + prefix + `/store/` + 16 digits + `-` + 24 for name and version + `/bin/python`.
 */
const longestPrefix = 127 - 2 - 7 - 16 - 1 - 24 - 11;

/**
 * Looks at a prefix and, with `create`, makes what is missing of its folders. Gives its paths.
 *
 * Throws `prefix-unusable` (a path that built programs cannot carry, not writable, occupied by something else, for root one that another
 * user could change), `prefix-newer` (made by a newer tlsforge), `not-found` (nothing there, without `create`), `disk-full`.
 */
export async function openPrefix(path: string, { create }: { readonly create: boolean }): Promise<PrefixPaths> {
  const problem = pathProblem(path);
  if (problem !== null) {
    throw new ForgeError("prefix-unusable", `The prefix ${JSON.stringify(path)} cannot be used: ${problem}`, {
      hint: "Choose another folder with --prefix or TLSFORGE_PREFIX",
    });
  }
  const paths = prefixPaths(resolve(path));
  const root = isRoot();
  const refuseUnsafe = (): void => {
    if (root) refuseOtherHands([paths.path, paths.store, paths.generations, paths.var, paths.sources, paths.log]);
  };
  await refuseNoFolder(paths.path);
  refuseUnsafe();
  const layout = await readLayout(paths);
  await refuseOccupied(paths);
  if (layout === null) await refuseForeign(paths.path);
  if (layout === null && !create) {
    throw new ForgeError("not-found", `There is no tlsforge prefix at ${paths.path}`, {
      hint: "Run `tlsforge provision` first, or name the right folder with --prefix",
    });
  }
  if (create) {
    await refuseNoFolder(scratchFolder(paths.path));
    await makeFolders(paths, { layout, root });
    // Between the first look and the making, somebody else may have made one of them.
    refuseUnsafe();
  }
  return paths;
}

/**
 * Why a path cannot be a prefix, or null. It is baked into run paths (where `:`, `,` and `$` have a meaning), script first
 * lines, makefiles and shell scripts of what is built, many of which break on anything unusual.
 */
export function pathProblem(path: string): string | null {
  if (!path.startsWith("/")) return "it is not an absolute path";
  const strange = new Set(path.match(/[^A-Za-z0-9/._+~-]/gu));
  const problems: string[] = [];
  if (strange.size > 0) {
    const shown = [...strange].map((letter) => (letter === " " ? "a space" : JSON.stringify(letter)));
    problems.push(
      `it contains ${shown.join(" and ")}, which run paths and scripts of built programs cannot carry (allowed: A-Z a-z 0-9 / . _ + ~ -)`,
    );
  }
  const length = Buffer.byteLength(resolve(path));
  if (length === 1) return "it is the root folder";
  if (length > longestPrefix) {
    problems.push(
      `it is ${length} bytes long; with more than ${longestPrefix} the first lines of built scripts would be cut off`,
    );
  }
  return problems.length === 0 ? null : problems.join("; ");
}

/** The layout version, or null when this is no prefix yet. Throws `prefix-newer`, and `prefix-unusable` for a damaged one. */
async function readLayout({ path, layout }: PrefixPaths): Promise<number | null> {
  let text: string | null;
  try {
    text = await readOwn(layout);
  } catch (error) {
    throw explained(error, layout);
  }
  if (text === null) return null;
  const version = /^\d+\s*$/u.test(text) ? Number(text) : Number.NaN;
  refuseNewer(version, path);
  return version;
}

/** A prefix may have other things put into it later, but the names that we need must be free or ours. */
async function refuseOccupied({ path }: PrefixPaths): Promise<void> {
  for (const name of [...viewFolders, "current"]) {
    const wanted = name === "current" ? /^generations\/\d+$/u : new RegExp(`^current/${name}$`, "u");
    const found = await linkTarget(`${path}/${name}`);
    if (found === null || wanted.test(found)) continue;
    throw new ForgeError("prefix-unusable", `${path}/${name} is there already and is not tlsforge's`, {
      hint: "Choose an empty folder with --prefix or TLSFORGE_PREFIX",
    });
  }
}

/** What is in a prefix whose first run was ended before it wrote the layout, and in a fresh file system. */
const ownNames: ReadonlySet<string> = new Set([
  "store",
  "generations",
  "var",
  "cache",
  "log",
  "build",
  "host.json",
  "lost+found",
]);

/** A folder that somebody uses already (`/etc`, a home) does not become a prefix. */
async function refuseForeign(path: string): Promise<void> {
  const foreign = (await namesIn(path)).find((name) => !ownNames.has(name) && !name.startsWith(temporaryPrefix));
  if (foreign === undefined) return;
  throw new ForgeError(
    "prefix-unusable",
    `${path} is not empty (it holds ${JSON.stringify(foreign)}) and is no tlsforge prefix`,
    {
      hint: "Choose an empty folder, or one that is not there yet, with --prefix or TLSFORGE_PREFIX",
    },
  );
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).toSorted();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, path);
  }
}

/** With root's prefix the server's own user has to reach its run folder in `var`, but see nothing of the rest. */
async function makeFolders(
  paths: PrefixPaths,
  { layout, root }: { readonly layout: number | null; readonly root: boolean },
): Promise<void> {
  try {
    for (const folder of [paths.store, paths.generations, paths.sources, paths.log]) {
      await makeFolder(folder);
    }
    await makeFolder(paths.var, 0o700);
    for (const folder of [paths.tls, paths.locks]) {
      await makeFolder(folder, 0o700);
      await chmod(folder, 0o700);
    }
    // Last: nothing in it is open to others by then.
    await chmod(paths.var, root ? 0o711 : 0o700);
    await tryWriting(paths.store);
    await makeReserve(paths.path);
  } catch (error) {
    throw notMade(error, paths.path);
  }
  if (layout === null) await atomicWrite(paths.layout, `${layoutVersion}\n`);
}

/** Whatever the system says against making the folders (also `ENOENT`, below `/proc`) is about the prefix that was chosen. */
function notMade(error: unknown, path: string): unknown {
  const known = explained(error, path);
  if (known !== error || !(error instanceof Error) || !("syscall" in error)) return known;
  return new ForgeError("prefix-unusable", `Cannot make the folders of ${path}: ${error.message}`, {
    hint: "Choose another folder with --prefix or TLSFORGE_PREFIX",
    cause: error,
  });
}

/** Permission bits say too little: file systems are mounted read-only, and root's writes are refused too. */
async function tryWriting(folder: string): Promise<void> {
  const probe = temporaryBeside(`${folder}/probe`);
  try {
    await writeFile(probe, "tlsforge\n", { flag: "wx" });
  } catch (error) {
    await discard(probe);
    throw error;
  }
  await unlinkIfThere(probe);
}
