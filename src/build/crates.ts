import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Source } from "../recipe/index.ts";
import type { BuildContext } from "./types.ts";

/** Whether the crates of a build are among its sources: then cargo needs no registry. */
export function hasLockedCrates({ derivation }: Pick<BuildContext, "derivation">): boolean {
  return derivation.recipe.sources.some(isCrate);
}

/** Tells cargo that an unpacked crate is the one whose digest its `Cargo.lock` names (The Cargo Book, "Directory Sources"). */
export async function sealCrate(source: Source, folder: string): Promise<void> {
  if (!isCrate(source)) return;
  // The archive's digest was compared; those of its files say nothing more, and a patch may change them.
  await writeFile(path.join(folder, ".cargo-checksum.json"), JSON.stringify({ files: {}, package: source.sha256 }));
}

/** Cargo's configuration for such a build: crates from the scratch folder, and from nowhere else. */
export function lockedCratesConfig(scratch: string): string {
  return [
    "[source.crates-io]",
    'replace-with = "locked"',
    "[source.locked]",
    `directory = ${JSON.stringify(path.join(scratch, "crates"))}`,
    "[net]",
    "offline = true",
    "",
  ].join("\n");
}

function isCrate({ locations }: Source): boolean {
  return locations.some(({ kind }) => kind === "crate");
}
