import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import path from "node:path";
import { ownNames } from "../../store/index.ts";
import { shortened } from "./findings.ts";
import type { GateResult } from "../types.ts";

/** What a look at an output needs to know. Paths absolute. */
export interface Surroundings {
  readonly out: string;
  /** Outputs that this one may use. */
  readonly inputs: readonly string[];
}

/**
 * Every output, whatever its recipe's gates say: it holds something, every link leads to the output itself or to one of its inputs, nothing
 * runs with another user's rights, nothing can be changed by everybody, everything can be read by its owner, there are only files, folders
 * and links, and none has a name that tlsforge's own has there. Nothing else runs meanwhile, so the files are looked at without waiting for each.
 */
export function checkContents(around: Surroundings): GateResult {
  const roots = realRoots(around);
  const findings: string[] = [];
  let count = 0;
  for (const entry of entriesOf(around.out)) {
    count += 1;
    const name = path.relative(around.out, entry.path);
    const finding = entry.unreadable ?? (ownNames.includes(name) ? taken : judge(entry, roots));
    if (finding !== null) findings.push(`${name}: ${finding}`);
  }
  if (count === 0)
    return {
      outcome: "fail",
      detail: "the output is empty",
      findings: [],
      hint: "see in the log where it was installed",
    };
  if (findings.length === 0) return { outcome: "pass", detail: `${count} files, folders and links` };
  return {
    outcome: "fail",
    detail: `${findings.length} of ${count} files, folders and links must not be as they are`,
    findings: shortened(findings),
    hint: "correct the step that made them, or add one that mends them",
  };
}

const taken = "tlsforge writes a file of this name there itself: have it installed into a folder of the output";

/** Where the output and its inputs really are: a prefix may be reached by way of a link. */
export function realRoots({ out, inputs }: Surroundings): readonly string[] {
  return [out, ...inputs].map((root) => realpathSync(root));
}

/** Whether a path is a folder or lies in it. */
export function inside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}

interface Entry {
  readonly path: string;
  readonly facts: Stats;
  /** Why it could not be looked into. */
  readonly unreadable: string | null;
}

function* entriesOf(folder: string): Generator<Entry> {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const facts = lstatSync(file);
    const closed = facts.isDirectory() && (facts.mode & 0o500) !== 0o500;
    yield { path: file, facts, unreadable: closed ? "its owner cannot look into this folder" : null };
    if (facts.isDirectory() && !closed) yield* entriesOf(file);
  }
}

function judge({ path: file, facts }: Entry, roots: readonly string[]): string | null {
  const { mode } = facts;
  if (facts.isSymbolicLink()) return judgeLink(file, roots);
  if (!facts.isFile() && !facts.isDirectory()) return "is neither file nor folder nor link";
  // A folder inherits the group's bit where the one above has it; there it means something else.
  if (facts.isFile() && (mode & 0o6000) !== 0)
    return `runs with the rights of its ${(mode & 0o4000) === 0 ? "group" : "owner"} (setuid or setgid)`;
  if ((mode & 0o002) !== 0) return "everybody may change it";
  if ((mode & 0o400) === 0) return "its owner cannot read it";
  return null;
}

function judgeLink(file: string, roots: readonly string[]): string | null {
  const target = readlinkSync(file);
  try {
    const end = realpathSync(file);
    return roots.some((root) => inside(end, root))
      ? null
      : `is a link to ${target}, outside of the output and its inputs`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return `is a link to ${target}, which is not there`;
    if (code === "ELOOP") return `is a link to ${target}, which leads in a circle`;
    throw error;
  }
}
