/** Recorded outputs of the peers and our own facts, as files of the repository. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Facts } from "../../tools/fleet/facts.ts";
import type { KnownDifference } from "./compare.ts";
import type { Peer } from "./peers.ts";

const fixturesFolder = join(import.meta.dirname, "..", "..", "fixtures");

/** Our facts as they were checked; null for a fixture that has none yet. */
export function recordedFacts(fixture: string): Facts | null {
  const path = factsPath(fixture);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Facts) : null;
}

export async function recordFacts(fixture: string, facts: Facts): Promise<void> {
  await write(factsPath(fixture), `${JSON.stringify(facts, null, 1)}\n`);
}

/** A peer's trimmed output; null where it has not been run on this fixture. */
export function recordedOutput(peer: Peer, fixture: string): string | null {
  const path = outputPath(peer, fixture);
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

export async function recordOutput(peer: Peer, fixture: string, trimmed: string): Promise<void> {
  await write(outputPath(peer, fixture), trimmed);
}

export function knownDifferences(): readonly KnownDifference[] {
  return JSON.parse(readFileSync(join(fixturesFolder, "differential", "known.json"), "utf8")) as KnownDifference[];
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function factsPath(fixture: string): string {
  return join(fixturesFolder, "fleet", "facts", `${fixture}.json`);
}

function outputPath(peer: Peer, fixture: string): string {
  return join(fixturesFolder, "differential", peer.name, `${fixture}.${peer.file}`);
}
