/** What a provision is made from, told apart cheaply. Loads nothing heavy: this is on the path of a run that has nothing to do. */
import { createHash, randomUUID, type Hash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Manifest } from "../../store/index.ts";
import { largestText } from "../limits.ts";

/** The parts of a fingerprint that do not come from files. */
export interface FingerprintParts {
  /** The folder that the program runs from. */
  readonly code: string;
  readonly version: string;
  readonly recipes: string;
  readonly config: string | null;
  readonly stack: string | null;
  /** Node's own words for system and processor. */
  readonly machine: string;
  readonly prefix: string;
  readonly minGrade: string | null;
}

/**
 * Digest over tlsforge itself, every recipe, stack and site file (the bytes of texts, what `toolStamp` says of what is larger) and the given parts. Two runs with the same fingerprint, the same compilers and
 * the whole of the earlier run's results still in place have nothing to do.
 */
export function inputsFingerprint(parts: FingerprintParts): string {
  const hash = createHash("sha256");
  const { version, config, stack, machine, prefix, minGrade } = parts;
  hash.update(programDigest(parts.code));
  hash.update(JSON.stringify(["tlsforge.inputs/1", version, stack, machine, prefix, minGrade]));
  addFolder(hash, parts.recipes, "");
  hash.update(config === null ? "no site file" : contentOf(config));
  return hash.digest("hex");
}

/** What tlsforge itself is: the stamp that setup left beside the compiled program, else the bytes of all its files. */
function programDigest(folder: string): Buffer {
  const stamp = path.join(folder, ".setup-stamp");
  if (statSync(stamp, { throwIfNoEntry: false }) !== undefined) return readFileSync(stamp);
  const hash = createHash("sha256");
  addFolder(hash, folder, "");
  return hash.digest();
}

/** Path, size and time of a program or folder, to notice that it was replaced; null when it is gone. */
export function toolStamp(file: string): Manifest["tools"][number] | null {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? null : { path: file, size: found.size, mtimeMs: found.mtimeMs };
}

function addFolder(hash: Hash, folder: string, name: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (ignored.has(entry.name) || entry.name.startsWith(".")) continue;
    const file = path.join(folder, entry.name);
    const own = `${name}/${entry.name}`;
    if (entry.isDirectory()) addFolder(hash, file, own);
    else hash.update(`\0${own}\0`).update(contentOf(file));
  }
}

/** What stands for a file. Nothing that could have no end is read; what lies behind a link to a folder is never taken for the same. */
function contentOf(file: string): Buffer | string {
  const facts = statSync(file, { throwIfNoEntry: false });
  if (facts?.isDirectory() === true) return randomUUID();
  if (facts?.isFile() !== true) return "no regular file";
  return facts.size > largestText ? JSON.stringify(toolStamp(file)) : readFileSync(file);
}

/** What tools leave beside recipes, and the server's own tests: no build reads them. */
const ignored = new Set(["__pycache__", ".mypy_cache", ".pytest_cache", "tests"]);
