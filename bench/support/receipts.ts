/** What the receipts of a prefix say of its builds. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../../src/errors.ts";
import type { Manifest, Receipt } from "../../src/store/index.ts";

/** Receipts of the current generation, in build order; of everything in the store when no generation is there yet. */
export function readReceipts(prefix: string): readonly Receipt[] {
  const manifest = path.join(prefix, "current/manifest.json");
  const outputs = existsSync(manifest)
    ? readJson<Manifest>(manifest).builds.map((build) => build.out)
    : folders(path.join(prefix, "store"));
  return outputs
    .map((out) => path.join(out, "receipt.json"))
    .filter((file) => existsSync(file))
    .map((file) => readJson<Receipt>(file))
    .toSorted((a, b) => (a.finished < b.finished ? -1 : 1));
}

/** Seconds in which at least one of these builds went on: independent builds run at the same time, and their wall seconds must not be added. */
export function elapsedSeconds(builds: readonly Pick<Receipt, "wallSeconds" | "finished">[]): number {
  const spans = builds
    .map(({ wallSeconds, finished }) => ({
      from: Date.parse(finished) / 1000 - wallSeconds,
      to: Date.parse(finished) / 1000,
    }))
    .toSorted((a, b) => a.from - b.from);
  let elapsed = 0;
  let reached = -Infinity;
  for (const { from, to } of spans) {
    elapsed += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return elapsed;
}

/** A JSON file; ForgeError `not-found` when it is not there. */
export function readJson<T>(file: string): T {
  if (!existsSync(file)) throw new ForgeError("not-found", `${file} is not there`);
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

function folders(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
}
