import { failedRecord, keptBuilds, type KeptBuild } from "./failed.ts";
import type { Reason } from "./garbage.ts";

/** Whether what a failed build left at a path stays: what it is, why it is there, and what removes it. `removing`: failed builds go as well. */
export function judgeFailed(build: KeptBuild, path: string, removing: boolean): Reason {
  const { recipe, version, failed, scratch } = build;
  const day = failed.slice(0, 10);
  const places: Readonly<Record<string, string>> = {
    [scratch]: `the folder that ${recipe} ${version} failed in on ${day}`,
    [failedRecord(scratch)]: `the record of how ${recipe} ${version} failed on ${day}`,
  };
  const what = places[path] ?? `what ${recipe} ${version} had of its output when it failed on ${day}`;
  if (removing) return { keep: false, why: `${what}; --failed removes it` };
  const cause = `--keep-failed keeps it for tlsforge shell ${recipe}`;
  const end = `until tlsforge gc --failed, the next build of it, or ${keptBuilds} newer failures`;
  return { keep: true, why: `${what}; ${cause}, ${end}` };
}
