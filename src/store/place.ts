/** What builds need of the file systems that a prefix lies on, found out by trying it. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { sizeText } from "../words.ts";
import { hasCode, temporaryPrefix } from "./disk.ts";
import { scratchFolder } from "./failed.ts";
import { prefixPaths } from "./paths.ts";

/** Something that makes a place unfit for builds. */
export interface PlaceProblem {
  readonly code: "prefix-unusable" | "disk-full";
  readonly message: string;
  readonly hint: string;
}

const elsewhere = "choose another folder with --prefix or TLSFORGE_PREFIX";

/** What the system says when memory or processes are used up, which no other folder would help against. */
const exhausted: readonly string[] = ["ENOMEM", "EAGAIN"];

/** The folders of a prefix where builds work and where their outputs go; they may be on file systems of their own. */
export function buildFolders(prefix: string): { readonly scratch: string; readonly store: string } {
  return { scratch: scratchFolder(prefix), store: prefixPaths(prefix).store };
}

/**
 * Tries in both folders of an open prefix what builds do there: run a program that was just written, tell names apart by case, make links.
 * Gives everything that does not work, each once per file system. `caseless`: the system's usual file systems do not tell case apart, and
 * builds there know it (macOS).
 */
export function triedPlace(prefix: string, { caseless }: { readonly caseless: boolean }): readonly PlaceProblem[] {
  const { scratch, store } = buildFolders(prefix);
  mkdirSync(scratch, { recursive: true });
  const folders = statSync(scratch).dev === statSync(store).dev ? [store] : [store, scratch];
  return folders.flatMap((folder) => tried(folder, caseless));
}

function tried(folder: string, caseless: boolean): PlaceProblem[] {
  // Synchronous: a program that another thread starts meanwhile would hold the file open for writing, and so keep it from being run.
  const probe = join(folder, `${temporaryPrefix}${randomBytes(6).toString("hex")}`);
  const unfit = (message: string, hint: string): PlaceProblem => ({ code: "prefix-unusable", message, hint });
  mkdirSync(probe);
  try {
    const problems: PlaceProblem[] = [];
    const refused = refusedToRun(join(probe, "Program"));
    if (refused !== null)
      problems.push(
        unfit(
          `programs cannot be run in ${folder} (${refused}): builds do`,
          exhausted.includes(refused)
            ? "free memory or end other programs, then run it again"
            : `mount its file system without noexec, or ${elsewhere}`,
        ),
      );
    if (!caseless && foldsCase(join(probe, "Program")))
      problems.push(unfit(`${folder} does not tell upper and lower case apart: sources need it`, elsewhere));
    if (!hasLinks(join(probe, "link")))
      problems.push(unfit(`${folder} is on a file system without symbolic links: libraries need them`, elsewhere));
    return problems;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

/** Whether a file that is there is found by its name in lower case too. */
export function foldsCase(file: string): boolean {
  const other = statSync(join(dirname(file), basename(file).toLowerCase()), { throwIfNoEntry: false });
  const own = statSync(file, { throwIfNoEntry: false });
  return other !== undefined && other.ino === own?.ino && other.dev === own.dev;
}

/** What the system says against running a script that was just written; null when it runs. Throws what is said of no place: that no more files can be opened. */
function refusedToRun(file: string): string | null {
  writeFileSync(file, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  try {
    execFileSync(file, { stdio: "ignore", timeout: 10_000 });
    return null;
  } catch (error) {
    if (hasCode(error, "EMFILE", "ENFILE")) throw error;
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function hasLinks(file: string): boolean {
  try {
    symlinkSync("Program", file);
    return lstatSync(file).isSymbolicLink();
  } catch {
    return false;
  }
}

/** Whether there is room for builds, by what the file systems of a prefix have free for this user. Bytes. */
export function missingSpace(
  prefix: string,
  need: { readonly scratch: number; readonly outputs: number },
  { root }: { readonly root: boolean },
): readonly PlaceProblem[] {
  const { scratch, store } = buildFolders(prefix);
  const same = statSync(scratch).dev === statSync(store).dev;
  const wanted: readonly (readonly [string, number])[] = same
    ? [[prefix, need.scratch + need.outputs]]
    : [
        [scratch, need.scratch],
        [store, need.outputs],
      ];
  return wanted.flatMap(([folder, bytes]) => {
    const { bavail, bfree, bsize } = statfsSync(folder);
    const free = (root ? bfree : bavail) * bsize;
    if (free >= bytes) return [];
    return [
      {
        code: "disk-full",
        message: `the builds need ${sizeText(bytes)} in ${folder}, where ${sizeText(free)} are free`,
        hint: `free some space (tlsforge gc removes old builds), or ${elsewhere}`,
      },
    ];
  });
}

/** The prefix that a path lies in, at whatever depth; null when it lies in none. */
export function prefixAbove(path: string): string | null {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const { layout, store } = prefixPaths(folder);
    if (existsSync(store) && isLayout(layout)) return folder;
  }
  return null;
}

function isLayout(file: string): boolean {
  try {
    return /^\d+\s*$/.test(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
}
