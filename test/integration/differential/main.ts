/**
 * Looks at every fixture with our verifier and with the other programs, and compares:
 *
 *   npm run test:differential -- [--record] [--peer NAME] [FIXTURE…]
 *
 * Exit 1 when there is a difference that test/fixtures/differential/known.json does not explain. `--record` writes what was seen into
 * the repository. Fixtures and programs that this machine lacks are named and left out. SSLyze is taken from the venv in TLSFORGE_TEST_SSLYZE.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { factsOf } from "../../tools/fleet/facts.ts";
import { fixtureNamed, fixtures, type Fixture } from "../../tools/fleet/fixtures.ts";
import { lookAt } from "../../tools/fleet/look.ts";
import { needs } from "../../tools/needs.ts";
import { differences, judge, type Difference } from "./compare.ts";
import { peers } from "./peers.ts";
import { knownDifferences, recordFacts, recordOutput } from "./recorded.ts";

process.env["TLSFORGE_TEST_FLEET"] = "1";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: "boolean", default: false }, peer: { type: "string", multiple: true } },
});
const chosen = positionals.length === 0 ? fixtures : positionals.map(fixtureNamed);
const asked = peers.filter(({ name }) => values.peer === undefined || values.peer.includes(name));
let unexplained = 0;
for (const fixture of chosen) {
  const missing = needs(...fixture.needs);
  if (missing === null) unexplained += report(await compare(fixture));
  else say(`${fixture.name}: left out, ${missing}`);
}
say(`${unexplained} differences without an explanation`);
process.exitCode = unexplained === 0 ? 0 : 1;

async function compare(fixture: Fixture): Promise<Difference[]> {
  const folder = await mkdtemp(join(tmpdir(), "fleet-"));
  const server = await fixture.start(folder);
  try {
    const ours = factsOf(await lookAt(server.port));
    if (values.record) await recordFacts(fixture.name, ours);
    const found: Difference[] = [];
    for (const peer of asked) {
      if (peer.program() === null) {
        say(`${fixture.name}: ${peer.name} is not installed`);
        continue;
      }
      const trimmed = peer.trim(await peer.run(server.port));
      if (values.record) await recordOutput(peer, fixture.name, trimmed);
      found.push(...differences({ fixture: fixture.name, peer: peer.name, ours, theirs: peer.facts(trimmed) }));
    }
    return found;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(found: readonly Difference[]): number {
  const { unknown } = judge(found, knownDifferences());
  for (const { fixture, peer, fact, side, item } of unknown) say(`${fixture}: ${fact}: ${peer}: ${side}: ${item}`);
  return unknown.length;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
