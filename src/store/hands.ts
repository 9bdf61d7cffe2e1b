/** Who could change a prefix besides its owner. For root that must be nobody: what is in it is run as root. */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ForgeError } from "../errors.ts";
import { explained, hasCode } from "./disk.ts";

/** Whether we are root. */
export function isRoot(): boolean {
  try {
    return userInfo().uid === 0;
  } catch {
    // A user without a name; the machine's list of users says nothing about root either.
    return lstatSync("/proc/self", { throwIfNoEntry: false })?.uid === 0;
  }
}

/**
 * Refuses, for root, paths that another user could put something else in the place of: every folder on the way, through links too, must be
 * root's and writable by nobody else. In a folder that is sticky (`/tmp`) others can neither remove nor rename what is root's, so that
 * something in it which is root's is safe. What is not there yet is judged by the folder that it would be made in.
 * Throws `prefix-unusable` with the folder and what to do.
 */
export function refuseOtherHands(paths: readonly string[]): void {
  const judged = new Set<string>();
  for (const path of paths) {
    const problem = problemOf(resolve(path), judged);
    if (problem !== null) {
      throw new ForgeError("prefix-unusable", `${path} is not safe for root: ${problem.what}`, {
        hint: `${problem.remedy}, or choose a folder that only root can change with --prefix or TLSFORGE_PREFIX`,
      });
    }
  }
}

/** Whether nobody but root could put something else in the place of a path. */
export function inSafeHands(path: string): boolean {
  return problemOf(resolve(path), new Set()) === null;
}

interface Problem {
  readonly what: string;
  readonly remedy: string;
}

/** How many links a path may lead through, as on Linux. */
const mostLinks = 40;

function problemOf(path: string, judged: Set<string>): Problem | null {
  let rest = path.split("/").filter((name) => name !== "");
  let links = 0;
  let here = "/";
  let above = factsOf("/");
  while (above !== null) {
    const problem = judged.has(here) ? null : folderProblem(here, above);
    if (problem !== null) return problem;
    judged.add(here);
    const [name, ...others] = rest;
    // In our own folders nobody else may even add something.
    if (name === undefined) return writableProblem(here, above);
    if (name === "..") {
      here = dirname(here);
      above = factsOf(here);
      rest = others;
      continue;
    }
    const next = join(here, name);
    const facts = factsOf(next);
    const inSticky = facts === null ? null : stickyProblem(here, above, { path: next, facts });
    if (inSticky !== null) return inSticky;
    if (facts?.isSymbolicLink() === true) {
      links += 1;
      if (links > mostLinks)
        return { what: `${path} leads through more than ${mostLinks} links`, remedy: "Remove them" };
      const target = readlinkSync(next)
        .split("/")
        .filter((part) => part !== "" && part !== ".");
      if (readlinkSync(next).startsWith("/")) here = "/";
      above = factsOf(here);
      rest = [...target, ...others];
      continue;
    }
    here = next;
    above = facts;
    rest = others;
  }
  return null;
}

function folderProblem(path: string, facts: Stats): Problem | null {
  if (facts.uid !== 0) {
    return {
      what: `${path} belongs to the user ${facts.uid}, who can change what is below it`,
      remedy: `Give it to root (chown root ${path})`,
    };
  }
  return isSticky(facts) ? null : writableProblem(path, facts);
}

function writableProblem(path: string, facts: Stats): Problem | null {
  if ((facts.mode & 0o022) === 0) return null;
  const who = (facts.mode & 0o002) === 0 ? `the group ${facts.gid}` : "everybody";
  return { what: `${path} is writable by ${who}`, remedy: `Take that right away (chmod go-w ${path})` };
}

function isSticky(facts: Stats): boolean {
  return (facts.mode & 0o1000) !== 0;
}

/** A sticky folder protects only what is root's in it. */
function stickyProblem(
  folder: string,
  facts: Stats,
  item: { readonly path: string; readonly facts: Stats },
): Problem | null {
  if ((facts.mode & 0o022) === 0 || item.facts.uid === 0) return null;
  return {
    what: `${item.path}, in ${folder}, which others can write to, belongs to the user ${item.facts.uid}`,
    remedy: `Give it to root (chown -h root ${item.path})`,
  };
}

function factsOf(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    // A file where a folder should be is told by whoever makes the folders.
    if (hasCode(error, "ENOTDIR")) return null;
    throw explained(error, path);
  }
}
