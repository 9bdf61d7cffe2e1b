import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareVersions } from "../../../src/audit/order.ts";
import type { Scheme } from "../../../src/audit/types.ts";

/** Oldest first. */
const orders: readonly (readonly [Scheme, readonly string[]])[] = [
  // PEP 440, "Summary of permitted suffixes and relative ordering".
  [
    "pep440",
    [
      "1.dev0",
      "1.0.dev456",
      "1.0a1",
      "1.0a2.dev456",
      "1.0a12.dev456",
      "1.0a12",
      "1.0b1.dev456",
      "1.0b2",
      "1.0b2.post345.dev456",
      "1.0b2.post345",
      "1.0rc1.dev456",
      "1.0rc1",
      "1.0",
      "1.0+abc.5",
      "1.0+abc.7",
      "1.0+5",
      "1.0.post456.dev34",
      "1.0.post456",
      "1.0.15",
      "1.1.dev1",
      "3.13.4",
      "3.14.0b3",
      "3.14.0",
      "26.3",
      "1!0.1",
    ],
  ],
  [
    "openssl",
    [
      "0.9.8y",
      "0.9.8za",
      "0.9.8zh",
      "1.0.1",
      "1.0.2-beta1",
      "1.0.2-beta3",
      "1.0.2",
      "1.0.2a",
      "1.0.2k",
      "1.0.2z",
      "1.0.2za",
      "1.0.2zb",
      "1.0.2zn",
      "1.0.2zz",
      "1.0.2zza",
      "1.1.0",
      "1.1.1w",
      "1.1.1za",
      "3.0.0-alpha1",
      "3.0.0-alpha17",
      "3.0.0-beta2",
      "3.0.0",
      "3.0.9",
      "3.0.20",
      "3.5.7",
      "4.0.0",
    ],
  ],
  ["dotted", ["3.4.8", "3.5.0-rc1", "3.5", "3.5.2", "3.5.2.1", "3.10"]],
  ["semver", ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.11", "1.0.0", "1.0.1", "10.0.0"]],
];

test.each(orders)("the order by %s", (scheme, sorted) => {
  for (const [index, version] of sorted.entries()) {
    const signs = sorted.map((other) => Math.sign(compareVersions(scheme, version, other) ?? Number.NaN));
    expect([version, signs]).toEqual([version, sorted.map((_, other) => Math.sign(index - other))]);
  }
});

test.each<readonly [Scheme, string, string]>([
  ["pep440", "1.0", "1"],
  ["pep440", "v1.0-ALPHA.1", "1a1"],
  ["pep440", "1.0-1", "1.post1"],
  ["pep440", "1.0-r4", "1.0.post4"],
  ["pep440", "1.1.dev", "1.1.0.dev0"],
  ["pep440", "1.0+Ubuntu-1", "1.0+ubuntu.1"],
  ["openssl", "3.5", "3.5.0"],
  ["dotted", "v3.5.2", "3.5.2.0"],
])("%s takes %s and %s for the same", (scheme, a, b) => {
  expect(compareVersions(scheme, a, b)).toBe(0);
});

test.each<readonly [Scheme, string]>([
  ["pep440", "1.0.2zb"],
  ["pep440", "1.0-custom"],
  ["pep440", ""],
  ["pep440", "9".repeat(300)],
  ["openssl", "1.0.2k-fips"],
  ["openssl", "1.0.2ab"],
  ["openssl", "3.0.7a"],
  ["openssl", "openssl-3.0.7"],
  ["dotted", "3.5.2-1.deb12"],
  ["dotted", "master"],
  ["semver", "1.0"],
])("%s cannot compare %s, which is not the same as equal", (scheme, version) => {
  expect(compareVersions(scheme, version, "1.0.0")).toBeNull();
  expect(compareVersions(scheme, "1.0.0", version)).toBeNull();
});

const number = fc.nat({ max: 30 });
const release = fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
const suffix = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(fc.constant(""), text);
const pep440 = fc
  .tuple(
    release,
    suffix(fc.tuple(fc.constantFrom("a", "b", "rc"), number).map((parts) => parts.join(""))),
    suffix(number.map((serial) => `.post${serial}`)),
    suffix(number.map((serial) => `.dev${serial}`)),
    suffix(fc.constantFrom("+1", "+abc", "+abc.1")),
  )
  .map((parts) => parts.join(""));
const letters = fc.oneof(
  fc.constant(""),
  fc.constantFrom("a", "b", "k", "y", "z"),
  fc.constantFrom("za", "zm", "zz", "zzb"),
);
const openssl = fc.oneof(
  fc.tuple(fc.constantFrom("0.9.8", "1.0.2", "1.1.1"), letters).map((parts) => parts.join("")),
  fc
    .tuple(fc.integer({ min: 3, max: 4 }), number, number, suffix(fc.constantFrom("-alpha1", "-beta2")))
    .map(([major, minor, patch, stage]) => `${major}.${minor}.${patch}${stage}`),
);

describe.each<readonly [Scheme, fc.Arbitrary<string>]>([
  ["pep440", pep440],
  ["openssl", openssl],
])("%s", (scheme, version) => {
  const compare = (a: string, b: string): number => Math.sign(compareVersions(scheme, a, b) ?? Number.NaN);

  test("is a total order", () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compare(a, a)).toBe(0);
        expect(compare(a, b)).toBe(-compare(b, a) + 0);
        const [low = "", middle = "", high = ""] = [a, b, c].toSorted(compare);
        expect(compare(low, middle)).toBeLessThanOrEqual(0);
        expect(compare(middle, high)).toBeLessThanOrEqual(0);
        expect(compare(low, high)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("a newer number is newer, whatever follows", () => {
    fc.assert(
      fc.property(number, version, (minor, other) => {
        const tail = /^[01]\.\d+\.\d+(.*)$/.exec(other)?.[1] ?? "";
        expect(compare(`1.${minor}.0${tail}`, `1.${minor + 1}.0${tail}`)).toBe(-1);
      }),
    );
  });
});
