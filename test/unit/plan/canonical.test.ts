import fc from "fast-check";
import { expect, it } from "vitest";
import { fingerprint, type Json } from "../../../src/plan/index.ts";

it("gives equal digests for equal parts, whatever the order of keys, and others for others", () => {
  const property = fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    expect(fingerprint(reversed(a as Json))).toBe(fingerprint(a as Json));
    const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
    expect(fingerprint(a as Json) === fingerprint(b as Json)).toBe(same);
  });
  fc.assert(property);
});

it("counts an undefined part as absent, and refuses what JSON cannot say", () => {
  expect(fingerprint({ a: 1, b: undefined })).toBe(fingerprint({ a: 1 }));
  expect(fingerprint({ a: null })).not.toBe(fingerprint({}));
  expect(() => fingerprint([Number.NaN])).toThrow("NaN cannot be digested");
});

function reversed(value: Json): Json {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toReversed());
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]);
  return { entries };
}
