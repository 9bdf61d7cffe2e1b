import { describe, expect, it } from "vitest";

import { cbcOfferOf, pickCombinations, type Combination } from "../../../src/probe/flaws/cbc-combinations.ts";
import { cbcFlaws, everyCbcFlaw, type CbcFlaw, type CbcOutcomes } from "../../../src/probe/flaws/cbc-flaws.ts";
import { mergeCbc, type CbcPart } from "../../../src/probe/flaws/cbc-merge.ts";
import { probeCbcOracles } from "../../../src/probe/flaws/cbc-oracles.ts";
import type { Known } from "../../../src/probe/flaws/known.ts";
import type { Look } from "../../../src/probe/look.ts";
import { failed, notApplicable, observed, untestable } from "../../../src/probe/outcome.ts";
import type { VersionSeen } from "../../../src/probe/suites/classic-suites.ts";
import { suiteSeen } from "../../../src/probe/suites/suite-seen.ts";
import type { FlawSeen, Outcome, SuiteSeen } from "../../../src/probe/types.ts";
import { suites } from "../../../src/wire/index.ts";

const named = (name: string): SuiteSeen =>
  suiteSeen(suites.find(({ opensslName }) => opensslName === name)!.id, undefined);
const [sha1, sha256, sha384] = ["ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384"] as const;
const [triple, camellia, camellia256] = ["DES-CBC3-SHA", "CAMELLIA128-SHA", "CAMELLIA128-SHA256"] as const;

const offered = (protocol: Combination["protocol"], ...names: readonly string[]): Combination[] =>
  names.map((name) => ({ protocol, suite: named(name), plain: false }));
const version = (...names: readonly string[]): VersionSeen => ({
  support: observed({ offered: true }),
  suites: observed({ suites: names.map(named), preference: "server", chachaException: null }),
  plain: false,
});
const refused: VersionSeen = {
  support: observed({ offered: false, answer: "alert", alert: 70 }),
  suites: undefined,
  plain: false,
};
const known = (changes: Partial<Known>): Known => ({
  tls12: refused,
  tls11: refused,
  tls10: refused,
  ssl3: refused,
  ...changes,
});

describe("combinations of version and suite", () => {
  const [v12, v11, v10] = ["TLSv1.2", "TLSv1.1", "TLSv1.0"] as const;
  it.each<[string, Combination[], string[]]>([
    ["nothing", [], []],
    ["one", offered(v12, sha1), [`${v12} ${sha1}`]],
    ["what adds nothing", offered(v12, "ECDHE-RSA-AES256-SHA", sha1, "AES128-SHA"), [`${v12} ECDHE-RSA-AES256-SHA`]],
    ["AES with SHA-1 first", offered(v12, triple, sha384, sha256, sha1), [sha1, triple, sha384].map(at(v12))],
    ["SHA-384 before SHA-256", offered(v12, sha1, sha256, sha384), [sha1, sha384, sha256].map(at(v12))],
    [
      "TLS 1.0 before TLS 1.1",
      [...offered(v12, sha1), ...offered(v11, sha1), ...offered(v10, sha1)],
      [v12, v10, v11].map((protocol) => `${protocol} ${sha1}`),
    ],
    [
      "a new version with a new cipher",
      [...offered(v12, sha1, triple, sha384), ...offered(v11, sha1, triple), ...offered(v10, sha1, triple)],
      [`${v12} ${sha1}`, `${v10} ${triple}`, `${v12} ${sha384}`],
    ],
    [
      "a family for each, three in all",
      [...offered(v12, sha1, triple, camellia, sha384), ...offered(v10, sha1, triple)],
      [`${v12} ${sha1}`, `${v10} ${triple}`, `${v12} ${camellia}`],
    ],
    ["a new MAC where families are alike", offered(v12, camellia, camellia256, sha1), [sha1, camellia256].map(at(v12))],
    [
      "AES with SHA-1, though only an older version has it",
      [...offered(v12, sha384, camellia256), ...offered(v10, sha1, triple)],
      [`${v10} ${sha1}`, `${v12} ${camellia256}`, `${v10} ${triple}`],
    ],
    [
      "the newest version of those alike",
      [...offered(v12, triple), ...offered(v11, triple), ...offered(v10, camellia)],
      [`${v12} ${triple}`, `${v10} ${camellia}`, `${v11} ${triple}`],
    ],
  ])("are picked: %s", (_name, from, expected) => {
    expect(pickCombinations(from).map(({ protocol, suite }) => `${protocol} ${suite.opensslName}`)).toEqual(expected);
  });

  function at(protocol: string) {
    return (name: string): string => `${protocol} ${name}`;
  }
});

describe("what a server offers with CBC", () => {
  it("is sorted by what can be computed here, and by what is not known", () => {
    const why = failed("no complete answer within 1 s");
    const half = { ...version(), suites: why };
    const offer = cbcOfferOf(
      known({
        tls12: version("ECDHE-RSA-AES128-GCM-SHA256", sha384, "SEED-SHA"),
        tls11: half,
        tls10: { ...refused, support: untestable("the budget of 4 connections is used up") },
        ssl3: version("DES-CBC3-SHA"),
      }),
    );
    expect(offer.computable.map(({ suite }) => suite.opensslName)).toEqual([sha384]);
    expect(offer.incomputable.map(({ opensslName }) => opensslName)).toEqual(["SEED-SHA"]);
    expect(offer.unknown).toEqual([
      { where: "TLSv1.1", outcome: why },
      { where: "TLSv1.0", outcome: untestable("the budget of 4 connections is used up") },
    ]);
  });
});

describe("what combinations show together", () => {
  const yes = observed({ present: true, evidence: "the answers differ" });
  const no = observed({ present: false, evidence: "every one is alike" });
  const [broke, kept] = [failed("the answers vary"), untestable("the time is used up")];
  const not = notApplicable("no suite with AES in CBC mode is offered");
  const nothingElse = { unknown: [], incomputable: [] };
  const part = (where: string, outcome: Outcome<FlawSeen>): CbcPart => ({
    where,
    outcomes: Object.fromEntries(cbcFlaws.map((flaw) => [flaw, outcome])) as CbcOutcomes,
  });
  const parts = (...outcomes: readonly Outcome<FlawSeen>[]): CbcPart[] =>
    outcomes.map((outcome, index) => part("ABC".charAt(index), outcome));
  const merged = (...outcomes: readonly Outcome<FlawSeen>[]): Outcome<FlawSeen> =>
    mergeCbc(parts(...outcomes), nothingElse)["zero-length"];

  it.each<[string, readonly Outcome<FlawSeen>[], Outcome<FlawSeen>]>([
    ["all sound", [no, no], observed({ present: false, evidence: "A, B: every one is alike" })],
    ["one flawed", [no, yes, no], observed({ present: true, evidence: "B: the answers differ; not seen with A, C" })],
    [
      "one flawed beside unknown ones",
      [broke, kept, yes],
      observed({
        present: true,
        evidence: "C: the answers differ; not known of A: the answers vary; B: the time is used up",
      }),
    ],
    ["one failed", [no, kept, broke], failed("C: the answers vary; B: the time is used up; not seen with A")],
    ["one not looked at", [kept, no], untestable("A: the time is used up; not seen with B")],
    ["all failed alike", [broke, broke], failed("A, B: the answers vary")],
    ["some not applicable", [not, no], observed({ present: false, evidence: "B: every one is alike" })],
    ["some not applicable beside what failed", [not, broke], failed("B: the answers vary")],
    ["none applicable", [not, not], not],
  ])("%s", (_name, outcomes, expected) => {
    expect(merged(...outcomes)).toEqual(expected);
    for (const outcome of Object.values(mergeCbc(parts(...outcomes), nothingElse))) expect(outcome).toEqual(expected);
  });

  it("is unknown where a version's suites are, unless the flaw was seen", () => {
    const unknown = [{ where: "TLSv1.1", outcome: failed("connection broken") }];
    const of = (outcome: Outcome<FlawSeen>) => mergeCbc(parts(outcome), { unknown, incomputable: [] })["poodle-tls"];
    expect(of(no)).toEqual(failed("TLSv1.1: connection broken; not seen with A"));
    expect(of(yes)).toMatchObject({ value: { present: true, evidence: expect.stringContaining("TLSv1.1") } });
    expect(of(not)).toEqual(failed("TLSv1.1: connection broken"));
  });

  it("names suites that cannot be computed here; alone they leave it unknown", () => {
    const incomputable = [named("SEED-SHA"), named("ADH-AES128-SHA")];
    const of = (outcomes: readonly CbcPart[], flaw: CbcFlaw) => mergeCbc(outcomes, { unknown: [], incomputable })[flaw];
    const beside = "A: every one is alike; not looked at, as they cannot be computed here:";
    expect(of(parts(no), "zero-length")).toMatchObject({ value: { evidence: `${beside} SEED-SHA, ADH-AES128-SHA` } });
    expect(of(parts(no), "lucky-minus-20")).toMatchObject({ value: { evidence: `${beside} ADH-AES128-SHA` } });
    expect(of(parts(broke), "zero-length").state).toBe("failed");
    expect(of([], "zero-length")).toEqual(untestable("SEED-SHA, ADH-AES128-SHA: cannot be computed here"));
    expect(of(parts(not), "lucky-minus-20")).toEqual(untestable("ADH-AES128-SHA: cannot be computed here"));
  });
});

describe("the look at several combinations", () => {
  const both = known({ tls12: version(sha1, triple), tls10: version(sha1, triple) });

  it("goes on side by side, and what fails in one leaves the whole unknown", async () => {
    let [open, most, count] = [0, 0, 0];
    const look = {
      target: { serverName: "example.org" },
      async talk() {
        most = Math.max(most, ++open);
        await Promise.resolve();
        open--;
        // The last combination's last record.
        return ++count === 11 ? { kind: "skipped", why: "no budget" } : { kind: "done", value: { seen: "alert 20" } };
      },
    } as unknown as Look;
    const seen = await probeCbcOracles(look, both);
    expect([count, most]).toEqual([11, 11]);
    expect(seen["zero-length"]).toEqual(
      untestable(`TLSv1.0 with ${triple}: no budget; not seen with TLSv1.2 with ${sha1}`),
    );
    expect(seen["lucky-minus-20"]).toEqual(
      observed({
        present: false,
        evidence: `TLSv1.2 with ${sha1}: every record that cannot be read is met by alert 20`,
      }),
    );
  });

  it("costs nothing where no suite can be computed", async () => {
    const look = {
      talk: () => {
        throw new Error("a connection");
      },
    } as unknown as Look;
    expect(await probeCbcOracles(look, known({ tls12: version("SEED-SHA") }))).toEqual({
      ...everyCbcFlaw(untestable("SEED-SHA: cannot be computed here")),
      "lucky-minus-20": notApplicable("no suite with AES in CBC mode is offered"),
    });
  });
});
