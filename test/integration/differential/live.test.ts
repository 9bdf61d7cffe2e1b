import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import type { Observations } from "../../../src/probe/index.ts";
import { factsOf, type Facts } from "../../tools/fleet/facts.ts";
import { fixtures, liveFixtures } from "../../tools/fleet/fixtures.ts";
import { lookAt } from "../../tools/fleet/look.ts";
import type { Server } from "../../tools/fleet/process.ts";
import { describeWith, needs } from "../../tools/needs.ts";
import { differences, judge } from "./compare.ts";
import { knownDifferences, recordedFacts } from "./recorded.ts";
import { sslscan } from "./sslscan.ts";

/** `npm run test:fleet` starts them all. */
const all = process.env["TLSFORGE_TEST_FLEET"] === "1";

for (const fixture of fixtures.filter(({ name }) => all || liveFixtures.includes(name))) {
  describeWith(fixture.needs, `a live look at ${fixture.name}`, () => {
    let folder: string;
    let server: Server;
    let seen: Observations;
    let ours: Facts;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "fleet-"));
      server = await fixture.start(folder);
      seen = await lookAt(server.port);
      ours = factsOf(seen);
    }, 180_000);

    afterAll(async () => {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it("sees the facts that are known of it", () => {
      expect(ours).toMatchObject(recordedFacts(fixture.name) ?? { "recorded facts": true });
    });

    it("loses none of its connections", () => {
      expect(Object.entries(seen.protocols).filter(([, outcome]) => outcome.state !== "observed")).toEqual([]);
    });

    const lacking = needs("sslscan");
    it.skipIf(lacking !== null)(
      `agrees with sslscan${lacking === null ? "" : ` (${lacking})`}`,
      async () => {
        const theirs = sslscan.facts(sslscan.trim(await sslscan.run(server.port)));
        expect(Object.keys(theirs).length).toBeGreaterThan(8);
        const found = differences({ fixture: fixture.name, peer: sslscan.name, ours, theirs });
        expect(judge(found, knownDifferences()).unknown).toEqual([]);
      },
      180_000,
    );
  });
}
