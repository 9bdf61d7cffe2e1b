import { describe, expect, test } from "vitest";
import {
  audit,
  auditText,
  readAdvisories,
  verdict,
  type Installed,
  type RecipeWord,
} from "../../../src/audit/index.ts";
import { ForgeError } from "../../../src/errors.ts";
import { pageOf } from "../../../src/report/index.ts";
import { advisory, cve, openssl, osv, project, pypi } from "./records.ts";

const today = "2026-11-30";
const supported: RecipeWord = {
  recipe: "openssl",
  support: { status: "lts", until: "2030-04-08" },
  floor: null,
  flaws: [],
};
const page = pageOf({ colour: false, width: 120 });
const floor = { version: "3.5.7", reason: "CVE-2026-1 (high) is fixed in 3.5.7" };

function judge(installed: readonly Installed[], word: RecipeWord | null, records: readonly object[] = []) {
  return audit({ installed, recipes: new Map([["openssl", word]]), advisories: records.map(advisory), today });
}

/** The outcome of the only package, and the code that the command would end with, without and with `--strict`. */
function ends(judged: ReturnType<typeof judge>): readonly (string | undefined)[] {
  const code = (strict: boolean): string | undefined => verdict(judged, { strict })?.code;
  return [judged.packages[0]?.outcome, code(false), code(true)];
}

describe("the recipe's word", () => {
  test.each<readonly [string, Partial<RecipeWord>, readonly (string | undefined)[]]>([
    ["supported", {}, ["pass", undefined, undefined]],
    [
      "support ended by the recipe's word",
      { support: { status: "ended", until: "2027-01-01" } },
      ["hit", "vulnerable", "vulnerable"],
    ],
    [
      "support ended yesterday",
      { support: { status: "lts", until: "2026-11-29" } },
      ["hit", "vulnerable", "vulnerable"],
    ],
    [
      "the last day of support",
      { support: { status: "lts", until: "2026-11-30" } },
      ["warning", undefined, "vulnerable"],
    ],
    ["support for 90 days", { support: { status: "lts", until: "2027-02-28" } }, ["warning", undefined, "vulnerable"]],
    ["support for 91 days", { support: { status: "lts", until: "2027-03-01" } }, ["pass", undefined, undefined]],
    ["support without an end", { support: { status: "supported" } }, ["pass", undefined, undefined]],
    ["at the floor", { floor: { ...floor, below: false } }, ["pass", undefined, undefined]],
    ["below the floor", { floor: { ...floor, below: true } }, ["hit", "vulnerable", "vulnerable"]],
    ["a known hole", { flaws: [{ id: "CVE-2014-0160", name: "Heartbleed" }] }, ["hit", "vulnerable", "vulnerable"]],
    ["a version that the recipe has dropped", { support: null }, ["unknown", undefined, "incomplete"]],
  ])("%s", (_, word, expected) => {
    expect(ends(judge([openssl("3.5.7")], { ...supported, ...word }))).toEqual(expected);
  });

  test("a recipe that is gone, and a package that nobody speaks of, are unknown", () => {
    expect(ends(judge([openssl("3.5.7")], null))).toEqual(["unknown", undefined, "incomplete"]);
    const locked = judge([project("attrs", "26.1.0")], supported);
    expect(ends(locked)).toEqual(["unknown", undefined, "incomplete"]);
    expect(auditText(locked, page)).toContain(
      "unknown  no rule and no advisory speaks of 1 package:\n           attrs 26.1.0\n",
    );
  });

  test("a source of the user's own is never simply in order", () => {
    expect(ends(judge([{ ...openssl("3.5.7"), verified: false }], supported))).toEqual([
      "unknown",
      undefined,
      "incomplete",
    ]);
  });
});

describe("advisories", () => {
  const hole = osv(pypi("twisted", [{ introduced: "0" }, { fixed: "26.10.1" }]), { aliases: ["CVE-2026-7"] });

  test("a hit names the flaw, its aliases and what mends it", () => {
    const judged = judge([project("twisted", "26.10.0")], supported, [hole]);
    expect(ends(judged)).toEqual(["hit", "vulnerable", "vulnerable"]);
    expect(judged.findings).toMatchObject([{ rule: "advisory", id: "TEST-2026-1", fix: "fixed in 26.10.1" }]);
    expect(auditText(judged, page)).toMatch(
      /^hit {6}twisted 26\.10\.0: TEST-2026-1, CVE-2026-7: a flaw of the tests$/m,
    );
  });

  test("one that speaks of a package and clears it is a rule: the package passes", () => {
    expect(ends(judge([project("twisted", "26.10.1")], supported, [hole]))).toEqual(["pass", undefined, undefined]);
  });

  test("the same flaw in two records is told once", () => {
    const again = osv(pypi("Twisted", [{ introduced: "0" }]), { id: "CVE-2026-7" });
    expect(judge([project("twisted", "26.10.0")], supported, [hole, again]).findings).toHaveLength(1);
  });

  test("what one record clears is not left open by another that cannot be compared", () => {
    const commits = osv(
      { ranges: [{ type: "GIT", repo: "https://github.com/openssl/openssl", events: [{ introduced: "0" }] }] },
      { id: "PSF-1", aliases: ["CVE-2026-11111"] },
    );
    const versions = [{ version: "3.5.0", lessThan: "3.5.7", status: "affected", versionType: "semver" }];
    const product = cve({ vendor: "OpenSSL", product: "OpenSSL", defaultStatus: "unaffected", versions });
    expect(ends(judge([openssl("3.5.7")], supported, [commits, product]))).toEqual(["pass", undefined, undefined]);
    const many = [1, 2, 3, 4, 5, 6, 7].map((number) => ({ ...commits, id: `PSF-${number}`, aliases: [] }));
    expect(auditText(judge([openssl("3.5.7")], supported, many), page)).toMatch(
      /^unknown {2}openssl 3\.5\.7: 7 advisories \(PSF-1, PSF-2, PSF-3, PSF-4, PSF-5 and 2 more\): it tells commits/m,
    );
  });

  test("a withdrawn and a rejected record say nothing", () => {
    const gone = { ...hole, withdrawn: "2026-11-02T00:00:00Z" };
    expect(ends(judge([project("twisted", "26.10.0")], supported, [gone]))).toEqual([
      "unknown",
      undefined,
      "incomplete",
    ]);
    const rejected = cve({ vendor: "OpenSSL", product: "OpenSSL", defaultStatus: "affected" }, "REJECTED");
    expect(ends(judge([openssl("3.5.7")], supported, [rejected]))).toEqual(["pass", undefined, undefined]);
  });

  test("what cannot be compared is told, and is no pass", () => {
    const open = osv(pypi("twisted", [{ introduced: "0" }, { fixed: "soon" }]));
    const judged = judge([project("twisted", "26.10.0")], supported, [open]);
    expect(ends(judged)).toEqual(["unknown", undefined, "incomplete"]);
    expect(judged.findings[0]?.message).toContain("cannot be compared");
  });

  test("a flaw of what only built is a warning", () => {
    const record = osv(pypi("pip", [{ introduced: "0" }]));
    expect(ends(judge([project("pip", "26.3", "build")], supported, [record]))).toEqual([
      "warning",
      undefined,
      "vulnerable",
    ]);
  });

  test("a CVE record of OpenSSL's own shape, with its severity", () => {
    const record = cve({
      vendor: "OpenSSL",
      product: "OpenSSL",
      defaultStatus: "unaffected",
      versions: [{ version: "3.5.0", lessThan: "3.5.8", status: "affected", versionType: "semver" }],
    });
    expect(judge([openssl("3.5.7")], supported, [record]).findings).toMatchObject([
      { outcome: "hit", id: "CVE-2026-11111", severity: "Moderate", fix: "fixed in 3.5.8" },
    ]);
  });
});

describe("files of advisories", () => {
  const record = osv(pypi("twisted", [{ introduced: "0" }]));

  test("a record, a list, and an answer of OSV", () => {
    const counts = [record, [record, record], { vulns: [record] }].map(
      (value) => readAdvisories(`\uFEFF${JSON.stringify(value)}`, "x").length,
    );
    expect(counts).toEqual([1, 2, 1]);
  });

  test("a summary is one line that is fit for a terminal; one that was withdrawn by a time is out of force", () => {
    const text = JSON.stringify({
      ...record,
      summary: "red \u001b[31m\u202e\nsecond",
      withdrawn: "2026-01-02T03:04:05Z",
    });
    expect(readAdvisories(text, "x")).toMatchObject([{ summary: "red \ufffd[31m\ufffd", withdrawn: true }]);
  });

  test.each([
    ["", "is empty"],
    ["  \n", "is empty"],
    ["{", "is not JSON"],
    ["[]", "holds no record"],
    ['{"vulns": []}', "holds no record"],
    ["{}", "is no OSV record: id is missing"],
    ['{"id": "A-1"}', "is no OSV record: modified is missing"],
    ['{"id": "A-1", "modified": 5}', "is no OSV record: modified has to be a text"],
    ['{"id": "A 1", "modified": "x"}', "is no OSV record: id has to be one word, as CVE-2026-1234 is"],
    ["null", "is no OSV record: the whole has to be a mapping"],
    ["7", "is no OSV record: the whole"],
    [JSON.stringify({ ...record, id: "CVE-1\u001b[31m\npass" }), "is no OSV record: id"],
    [JSON.stringify({ ...record, aliases: ["CVE-1\n"] }), "is no OSV record: aliases"],
    [JSON.stringify({ ...record, withdrawn: "yes" }), "is no OSV record: withdrawn has to be a time"],
    [JSON.stringify([record, { ...record, id: "" }]), "record 2: is no OSV record: id"],
    [
      JSON.stringify({ ...record, affected: [{ ranges: [{ type: "LINES", events: [] }] }] }),
      "affected.0.ranges.0.type has to be SEMVER or ECOSYSTEM or GIT",
    ],
    [
      JSON.stringify({ ...record, affected: [{ ranges: [{ type: "GIT", events: [] }] }] }),
      "affected.0.ranges.0.events is empty",
    ],
    [
      JSON.stringify({ dataType: "CVE_RECORD", dataVersion: "4.0" }),
      "is no CVE record of JSON 5: dataVersion has to be a version 5",
    ],
    ['{"CVE_data_meta": {"ID": "CVE-2014-0160"}}', "is no OSV record"],
  ])("%s is refused: %s", (text, problem) => {
    expect(() => readAdvisories(text, "file.json")).toThrow(ForgeError);
    expect(() => readAdvisories(text, "file.json")).toThrow(problem);
  });
});
