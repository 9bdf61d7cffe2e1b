import { expect, test } from "vitest";
import { certificateLines, certificateWarnings } from "../../../../src/cli/serve/served.ts";

const certificate = { names: ["a.example", "b.example"], notAfter: "2026-05-01T00:00:00Z", staple: null };
const now = new Date("2026-04-01T00:00:00Z");

test("a certificate is told with its end, its staple and what is odd about it", () => {
  expect(
    certificateLines([certificate, { ...certificate, staple: "good until tomorrow", notes: ["put in order"] }]),
  ).toEqual([
    "Certificate a.example, b.example, until 2026-05-01T00:00:00Z",
    "Certificate a.example, b.example, until 2026-05-01T00:00:00Z; OCSP staple: good until tomorrow",
    "            put in order",
  ]);
});

test("a renewal is due from the moment that the certificate says, and never without one", () => {
  const warned = (renewAfter?: string): boolean =>
    certificateWarnings([renewAfter === undefined ? certificate : { ...certificate, renewAfter }], "bin/tlsforge", now)
      .length > 0;
  expect(warned()).toBe(false);
  expect(warned("2026-04-01T00:00:01Z")).toBe(false);
  expect(warned("2026-04-01T00:00:00Z")).toBe(true);
  expect(certificateWarnings([{ ...certificate, renewAfter: "2026-03-01T00:00:00Z" }], "bin/tlsforge", now))
    .toMatchInlineSnapshot(`
    [
      "the certificate for a.example, b.example is due for renewal since 2026-03-01T00:00:00Z and ends at 2026-05-01T00:00:00Z: renew it, then run bin/tlsforge reload (which renews the local authority's by itself)",
    ]
  `);
});

test("a staple that is missing is told, one that does not apply is not", () => {
  const warnings = (staple: string | null): readonly string[] =>
    certificateWarnings([{ ...certificate, staple }], "bin/tlsforge", now);
  expect([warnings(null), warnings("good until tomorrow")]).toEqual([[], []]);
  expect(warnings("none: the responder is gone")).toEqual([
    "the certificate for a.example, b.example is served without an OCSP staple: none: the responder is gone",
  ]);
});
