import { newestFirst } from "./versions.ts";

/** A branch of a recipe: `3.5` of 3.5.9. Letters and pre-releases have none of their own. */
export function branchOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** The newest of each branch of some versions, by branch. */
export function newestByBranch(versions: readonly string[]): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const version of versions) {
    const known = newest.get(branchOf(version));
    if (known === undefined || newestFirst(version, known) < 0) newest.set(branchOf(version), version);
  }
  return newest;
}

/**
 * The versions in the names of a listing that a template of one name writes (`openssl_{version}.orig.tar.gz`, `{version}`, `v{version}`), releases
 * only: what has letters of a pre-release or a packager's mark does not fit.
 */
export function versionsIn(names: readonly string[], template: string): readonly string[] {
  const [before = "", after = ""] = template.split("{version}");
  const pattern = new RegExp(`^${literal(before)}(\\d{1,6}(?:\\.\\d{1,6}){1,3}[a-z]{0,2})${literal(after)}$`);
  return [...new Set(names.flatMap((name) => pattern.exec(name)?.[1] ?? []))];
}

/** What may come after a version, to be asked for one by one where nothing lists them: the next three of the branch. */
export function followers(version: string): readonly string[] {
  const [, head, last] = /^(\d+(?:\.\d+)+)\.(\d+)$/.exec(version) ?? [];
  if (head === undefined || last === undefined) return [];
  return [1, 2, 3].map((step) => `${head}.${Number(last) + step}`);
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
