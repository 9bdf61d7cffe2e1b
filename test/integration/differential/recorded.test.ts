import { describe, expect, it } from "vitest";

import type { Facts } from "../../tools/fleet/facts.ts";
import { fixtures } from "../../tools/fleet/fixtures.ts";
import { differences, judge, type Difference, type KnownDifference } from "./compare.ts";
import { peers } from "./peers.ts";
import { knownDifferences, recordedFacts, recordedOutput } from "./recorded.ts";

const known = knownDifferences();

/** Everything that was recorded of one peer. */
function recorded(peer: (typeof peers)[number]): { fixture: string; found: Difference[]; compared: number }[] {
  return fixtures.flatMap(({ name: fixture }) => {
    const [ours, output] = [recordedFacts(fixture), recordedOutput(peer, fixture)];
    if (ours === null || output === null) return [];
    const theirs = peer.facts(output);
    const compared = Object.keys(theirs).length;
    return [{ fixture, found: differences({ fixture, peer: peer.name, ours, theirs }), compared }];
  });
}

describe.each(peers)("$name, as recorded", (peer) => {
  const runs = recorded(peer);

  it("was recorded on enough fixtures, with enough facts in each", () => {
    expect(runs.length).toBeGreaterThanOrEqual(8);
    for (const { fixture, compared } of runs) expect([fixture, compared >= 9]).toEqual([fixture, true]);
  });

  it.each(runs)("differs from us on $fixture in nothing that is not explained", ({ found }) => {
    expect(judge(found, known).unknown).toEqual([]);
  });

  it("still differs in everything that is explained", () => {
    const entries = known.filter((entry) => entry.peer === peer.name);
    const found = runs.flatMap((run) => run.found);
    expect(judge(found, entries).stale).toEqual([]);
  });
});

describe("the comparison itself", () => {
  const ours: Facts = { "TLSv1.0": true, groups: ["X25519", "P-256"], compression: false };
  const compare = (theirs: Facts): string[] =>
    differences({ fixture: "f", peer: "p", ours, theirs }).map(({ fact, side, item }) => `${fact} ${side} ${item}`);

  it("sees what differs, whatever the order, and what we have not", () => {
    expect(compare({ "TLSv1.0": true, groups: ["P-256", "X25519"] })).toEqual([]);
    expect(compare({ "TLSv1.0": false })).toEqual(["TLSv1.0 theirs false"]);
    expect(compare({ groups: ["P-256", "P-384"] })).toEqual(["groups ours X25519", "groups theirs P-384"]);
    expect(compare({ heartbeat: false })).toEqual(["heartbeat missing false"]);
  });

  it("takes an entry for exactly what it says, and tells which are no longer needed", () => {
    const entry: KnownDifference = {
      peer: "p",
      fixtures: "f|g",
      fact: "groups",
      side: "ours",
      item: "X25519",
      reason: "",
      evidence: "",
    };
    const found = differences({ fixture: "f", peer: "p", ours, theirs: { groups: ["P-256"] } });
    expect(judge(found, [entry])).toEqual({ unknown: [], stale: [] });
    for (const other of [
      { peer: "q" },
      { fixtures: "g" },
      { fact: "group" },
      { side: "theirs" as const },
      { item: "X255" },
    ]) {
      const wrong = { ...entry, ...other };
      expect(judge(found, [wrong])).toEqual({ unknown: found, stale: [wrong] });
    }
  });

  it("has a reason and evidence for each entry", () => {
    for (const entry of known) {
      expect(entry.reason.length).toBeGreaterThan(20);
      expect(entry.evidence.length).toBeGreaterThan(10);
    }
  });
});
