/** Sources that the user brings with `--source`. */
import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { FetchedSource } from "../../fetch/index.ts";

/** Refuses a folder inside of the prefix, or around it: a run writes there, so that it could not be copied as it is. Throws `usage`. */
export async function refuseOwnAround(prefix: string, sources: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, given] of Object.entries(sources)) {
    const facts = await stat(given).catch(() => null);
    if (facts?.isDirectory() !== true) continue;
    const [own, root] = [await realOf(given), await realOf(prefix)];
    const inside = isBelow(own, root) ? "lies in the prefix" : isBelow(root, own) ? "holds the prefix" : null;
    if (inside === null) continue;
    throw new ForgeError("usage", `the folder given for ${name} ${inside} (${given})`, {
      hint: "this run writes there: give a folder elsewhere, or choose another prefix with --prefix",
    });
  }
}

/** Refuses own sources that are not what the build was planned with. Throws `source-mismatch`. */
export function refuseChanged(fetched: readonly FetchedSource[], digests: Readonly<Record<string, string>>): void {
  const changed = fetched.find(
    ({ source, sha256, location }) =>
      location === "user" && digests[source.name] !== undefined && digests[source.name] !== sha256,
  );
  if (changed === undefined) return;
  throw new ForgeError(
    "source-mismatch",
    `${changed.path}, given for ${changed.source.name}, has changed since this run began to look at it`,
    {
      hint: "run again when nothing writes there any more",
    },
  );
}

/** The real path of what may not be there yet. */
async function realOf(place: string): Promise<string> {
  const known = await realpath(place).catch(() => null);
  if (known !== null || path.dirname(place) === place) return known ?? place;
  return path.join(await realOf(path.dirname(place)), path.basename(place));
}

function isBelow(place: string, folder: string): boolean {
  return place === folder || place.startsWith(`${folder.replace(/\/$/, "")}/`);
}
