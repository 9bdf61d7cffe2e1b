/** Locked packages of a recipe that the Python index has newer releases of. */
import { compareVersions } from "../../audit/index.ts";
import { projectFiles, type FetchOptions } from "../../fetch/index.ts";
import type { Recipe } from "../../recipe/index.ts";
import { versionOfFile } from "../installed.ts";
import type { LocationAnswer } from "./search.ts";

/** What the index says of a lock: packages that could be newer, and what it answered for each. */
export interface LockedSearch {
  readonly newer: readonly { readonly project: string; readonly locked: string; readonly newest: string }[];
  readonly answers: readonly LocationAnswer[];
}

/** Asks the index for every package of a lock. Releases alone count (PEP 440: no pre-release, no development release). */
export async function searchLocked(recipe: Recipe, options: FetchOptions): Promise<LockedSearch> {
  const locked = [...new Map(recipe.lock.map((entry) => [entry.project, entry])).values()];
  const asked = await Promise.all(locked.map((entry) => askFor(entry, options)));
  return { newer: asked.flatMap(({ newer }) => newer), answers: asked.map(({ answer }) => answer) };
}

async function askFor(
  { project, version }: Recipe["lock"][number],
  options: FetchOptions,
): Promise<{ readonly newer: LockedSearch["newer"]; readonly answer: LocationAnswer }> {
  const location = `Python package index, ${project}`;
  const index = options.bases.pypi;
  const files =
    index === null
      ? ({ state: "untestable", reason: "no Python package index is known on this machine" } as const)
      : await projectFiles({ index, project }, options);
  if (files.state === "untestable")
    return { newer: [], answer: { location, outcome: "untestable", detail: files.reason } };
  const releases = files.value
    .map(({ name }) => versionOfFile(name, project))
    .filter((release) => /^\d+(?:\.\d+)*(?:\.post\d+)?$/.test(release));
  const newest = releases.toSorted((a, b) => compareVersions("pep440", b, a) ?? 0)[0];
  if (newest === undefined)
    return { newer: [], answer: { location, outcome: "untestable", detail: "lists no release" } };
  const newer = (compareVersions("pep440", newest, version) ?? 0) > 0 ? [{ project, locked: version, newest }] : [];
  return { newer, answer: { location, outcome: "observed", detail: `newest release ${newest}, locked ${version}` } };
}
