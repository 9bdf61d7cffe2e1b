import { describe, expect, test } from "vitest";
import { matchAdvisory } from "../../../src/audit/match.ts";
import { advisory, cve, openssl, osv, project, pypi } from "./records.ts";

const said = (record: object, installed = project("cryptography", "42.0.0")): string | undefined =>
  matchAdvisory(advisory(record), installed)?.status;

describe("ranges of OSV", () => {
  const range = (...events: readonly Readonly<Record<string, string>>[]): object => osv(pypi("cryptography", events));

  test.each([
    ["introduced at 0, fixed later", [{ introduced: "0" }, { fixed: "42.0.1" }], "affected"],
    ["fixed in this version", [{ introduced: "0" }, { fixed: "42.0.0" }], "unaffected"],
    ["fixed in a pre-release of it", [{ introduced: "0" }, { fixed: "42.0.0rc1" }], "unaffected"],
    ["introduced later", [{ introduced: "43" }, { fixed: "44" }], "unaffected"],
    ["introduced in this version, never fixed", [{ introduced: "42" }], "affected"],
    ["last affected before", [{ introduced: "0" }, { last_affected: "41.9" }], "unaffected"],
    ["last affected is this version", [{ introduced: "0" }, { last_affected: "42.0" }], "affected"],
    ["between two stretches", [{ introduced: "1" }, { fixed: "2" }, { introduced: "43" }], "unaffected"],
    ["in the second stretch", [{ introduced: "1" }, { fixed: "2" }, { introduced: "41" }, { fixed: "43" }], "affected"],
    ["events out of order", [{ fixed: "43" }, { introduced: "41" }, { fixed: "2" }, { introduced: "1" }], "affected"],
    ["a boundary that is no version", [{ introduced: "0" }, { fixed: "next" }], "unknown"],
    ["before the limit", [{ introduced: "0" }, { limit: "42.0.1" }], "affected"],
    ["at the limit", [{ introduced: "0" }, { limit: "42.0" }], "unaffected"],
    ["after the limit", [{ introduced: "0" }, { limit: "41" }], "unaffected"],
    ["after the limit, whatever was introduced later", [{ limit: "41" }, { introduced: "41.5" }], "unaffected"],
    ["before one of two limits", [{ limit: "43" }, { introduced: "0" }, { limit: "41" }], "affected"],
    ["a limit beyond every version", [{ introduced: "0" }, { limit: "*" }], "affected"],
    ["fixed before the limit", [{ introduced: "0" }, { fixed: "41" }, { limit: "43" }], "unaffected"],
    ["a limit that is no version", [{ introduced: "0" }, { limit: "next" }], "unknown"],
    [
      "fixed, whatever a limit that is no version is",
      [{ introduced: "0" }, { fixed: "41" }, { limit: "next" }],
      "unaffected",
    ],
    ["a limit alone", [{ limit: "43" }], "unaffected"],
  ] as const)("%s", (_, events, status) => {
    expect(said(range(...events))).toBe(status);
  });

  test("names of the Python index are normalised, versions too; others are not", () => {
    const record = (name: string, ecosystem = "PyPI"): object =>
      osv({ package: { ecosystem, name }, versions: ["1.0"] });
    expect(said(record("Zope_Interface"), project("zope-interface", "1.0.0"))).toBe("affected");
    expect(said(record("zope.interface"), project("zope-interface", "1.0.1"))).toBe("unaffected");
    expect(said(record("OpenSSL", "Bitnami"), openssl("1.0"))).toBeUndefined();
    expect(said(record("openssl", "Bitnami:x"), openssl("1.0"))).toBe("affected");
  });

  test("another ecosystem's package of the same name is another package: a distribution counts its own versions", () => {
    const record = osv({
      package: { ecosystem: "Debian:12", name: "openssl" },
      ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }] }],
    });
    expect(said(record, openssl("3.5.7"))).toBeUndefined();
  });

  test("SEMVER is strict: a version that is none cannot be told", () => {
    const record = (events: object[]): object =>
      osv({ package: { ecosystem: "Bitnami", name: "openssl" }, ranges: [{ type: "SEMVER", events }] });
    const events = [{ introduced: "3.5.0" }, { fixed: "3.5.8" }];
    expect(said(record(events), openssl("3.5.7"))).toBe("affected");
    expect(said(record(events), openssl("3.5.8"))).toBe("unaffected");
    expect(said(record(events), openssl("1.0.2zb"))).toBe("unknown");
  });

  test("commits say nothing to who has no repository, unless the tags are listed", () => {
    const record = (versions: readonly string[]): object =>
      osv({
        ranges: [{ type: "GIT", repo: "https://github.com/openssl/openssl.git", events: [{ introduced: "0" }] }],
        versions,
      });
    expect(said(record([]), openssl("3.5.7"))).toBe("unknown");
    expect(said(record(["openssl-3.5.6", "openssl-3.5.7"]), openssl("3.5.7"))).toBe("affected");
    expect(said(record(["OpenSSL_1_0_2zb"]), openssl("1.0.2zb"))).toBe("affected");
    // A list that goes beyond this version knew it; one that ends before may be older than it.
    expect(said(record(["openssl-3.5.6", "openssl-3.6.0"]), openssl("3.5.7"))).toBe("unaffected");
    expect(said(record(["openssl-3.5.5", "openssl-3.5.6"]), openssl("3.5.7"))).toBe("unknown");
    const elsewhere = osv({
      ranges: [{ type: "GIT", repo: "https://example.org/other", events: [{ introduced: "0" }] }],
    });
    expect(said(elsewhere, openssl("3.5.7"))).toBeUndefined();
  });

  test("commits beside versions change nothing", () => {
    const record = osv({
      package: { ecosystem: "PyPI", name: "cryptography" },
      ranges: [
        { type: "GIT", repo: "https://example.org/x", events: [{ introduced: "0" }, { fixed: "abc" }] },
        { type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "41" }] },
      ],
    });
    expect(said(record)).toBe("unaffected");
  });

  test("a list of versions says nothing of what compares with none of them, nor when an entry may mean it", () => {
    const listing = (versions: readonly string[]): object =>
      osv({ package: { ecosystem: "PyPI", name: "cryptography" }, versions });
    const odd = project("cryptography", "x-file.tar.gz");
    expect(said(listing(["1.0", "2.0"]), odd)).toBe("unknown");
    expect(said(listing(["1.0", "x-file.tar.gz"]), odd)).toBe("affected");
    expect(said(listing(["41.0", "42.0-custom!"]))).toBe("unknown");
    expect(said(listing(["41.0", "custom 42.0.0.final"]))).toBe("unknown");
    expect(said(listing(["41.0", "41.0-custom!", "snapshot"]))).toBe("unaffected");
    const tags = osv({ package: { ecosystem: "Bitnami", name: "openssl" }, versions: ["FIPS_3_5_7_x", "3.6.0"] });
    expect([said(tags, openssl("3.5.7")), said(tags, openssl("3.5.6"))]).toEqual(["unknown", "unaffected"]);
  });

  test("a package without versions and ranges cannot be told", () => {
    expect(said(osv({ package: { ecosystem: "PyPI", name: "cryptography" } }))).toBe("unknown");
  });
});

describe("CVE records", () => {
  const product = (versions: readonly object[], defaultStatus?: string): object =>
    cve({ vendor: "OpenSSL", product: "OpenSSL", versions, ...(defaultStatus === undefined ? {} : { defaultStatus }) });
  const between = (version: string, lessThan: string): object => ({
    version,
    lessThan,
    status: "affected",
    versionType: "custom",
  });

  test("letters of 1.0.2 are compared as OpenSSL counts them", () => {
    const record = product([between("3.5.0", "3.5.5"), between("1.0.2", "1.0.2zn")], "unaffected");
    const answers = ["1.0.2", "1.0.2k", "1.0.2z", "1.0.2zm", "1.0.2zn", "1.0.2zo", "1.1.1w", "3.5.4", "3.5.5"];
    expect(answers.map((version) => said(record, openssl(version)))).toEqual([
      ...Array.from({ length: 4 }, () => "affected"),
      ...Array.from({ length: 3 }, () => "unaffected"),
      "affected",
      "unaffected",
    ]);
  });

  test("without a default, what no entry names is unknown", () => {
    expect(said(product([between("3.0.0", "3.0.9")]), openssl("3.5.7"))).toBe("unknown");
    expect(said(product([], "unaffected"), openssl("3.5.7"))).toBe("unknown");
    expect(said(product([], "affected"), openssl("3.5.7"))).toBe("affected");
  });

  test("a single version, a last one, any, changes in the middle, and what nobody knows", () => {
    const one = (entry: object): string | undefined =>
      said(product([{ status: "affected", ...entry }], "unaffected"), openssl("3.5.7"));
    expect(one({ version: "3.5.7" })).toBe("affected");
    expect(one({ version: "3.5.6" })).toBe("unaffected");
    expect(one({ version: "3.0.0", lessThanOrEqual: "3.5.7" })).toBe("affected");
    expect(one({ version: "0", lessThan: "*" })).toBe("affected");
    expect(one({ version: "*" })).toBe("affected");
    expect(one({ version: "3.0.0", lessThan: "4", changes: [{ at: "3.5.0", status: "unaffected" }] })).toBe(
      "unaffected",
    );
    expect(one({ version: "3.0.0", lessThan: "4", changes: [{ at: "3.5.9", status: "unaffected" }] })).toBe("affected");
    expect(one({ version: "3.0.0", lessThan: "4", status: "unknown" })).toBe("unknown");
    expect(one({ version: "abc123", lessThan: "def", versionType: "git" })).toBe("unknown");
  });

  test("vendor and product are those of the recipe", () => {
    const other = cve({ vendor: "OpenSSL", product: "openssl-fips-historical", defaultStatus: "affected" });
    expect(said(other, openssl("3.5.7"))).toBeUndefined();
  });
});
