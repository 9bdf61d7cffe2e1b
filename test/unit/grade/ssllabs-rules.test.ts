import { describe, expect, test } from "vitest";
import { rules as rulebook } from "../../../src/grade/rulebooks/ssllabs-2009r-rules.ts";
import type { FlawName, Observations } from "../../../src/probe/index.ts";
import { caps, flawed, graded, warnings } from "./graded.ts";
import * as build from "./observations.ts";

const { chain, ecKey, failed, hsts, noHsts, observed, speaking, suite, suites, tls12, tls13, untestable } = build;

const leaf = (...of: Parameters<typeof chain>): Partial<Observations> => ({ certificates: observed([chain(...of)]) });
const untrusted = observed({ trusted: false, local: false, anchor: null, reason: "unknown authority" });
const withTls12 = (...list: Parameters<typeof suites>): Partial<Observations> =>
  speaking({ "TLSv1.2": suites(...list), "TLSv1.3": tls13 });

/** A rule, what makes it fail, and what is close to that and does not. */
const rules: readonly (readonly [string, Partial<Observations>, Partial<Observations>])[] = [
  ["M ssllabs.certificate.name", leaf({}, { nameMatches: observed(false) }), leaf()],
  ["T ssllabs.certificate.validity", leaf({}, { validNow: false }), leaf({}, { validNow: true })],
  ["T ssllabs.certificate.trust", leaf({ selfSigned: true }, { trust: untrusted }), leaf()],
  [
    "F ssllabs.certificate.md5",
    leaf({ signature: "md5WithRSAEncryption" }),
    leaf({ signature: "sha512WithRSAEncryption" }),
  ],
  ["T ssllabs.certificate.sha1", leaf({ signature: "ecdsa-with-SHA1" }), leaf({ signature: "ecdsa-with-SHA384" })],
  [
    "F ssllabs.certificate.key-insecure",
    leaf({ key: { type: "RSA", bits: 1023, curve: null, exponent: "65537" } }),
    leaf({ key: { type: "RSA", bits: 1024, curve: null, exponent: "65537" } }),
  ],
  ["B ssllabs.certificate.key-weak", leaf({ key: ecKey(192) }), leaf({ key: ecKey(224) })],
  [
    "F ssllabs.certificate.exponent",
    leaf({ key: { type: "RSA", bits: 2048, curve: null, exponent: "0x1" } }),
    leaf({ key: { type: "RSA", bits: 2048, curve: null, exponent: "0x10001" } }),
  ],
  [
    "B ssllabs.certificate.chain-incomplete",
    leaf({}, { certificates: [build.certificate()] }),
    leaf({}, { certificates: [build.certificate({ issuer: "C=NL, O=Example, CN=Example Root" })] }),
  ],
  ["F ssllabs.protocol.ssl2", speaking({ "TLSv1.3": tls13 }, ["SSLv2"]), speaking({ "TLSv1.3": tls13 })],
  [
    "F ssllabs.protocol.ssl3-best",
    speaking({ SSLv3: suites(["AES128-SHA"]) }),
    speaking({ SSLv3: suites(["AES128-SHA"]), "TLSv1.0": suites(["AES128-SHA"]) }),
  ],
  [
    "B ssllabs.protocol.ssl3",
    speaking({ SSLv3: suites(["RC4-SHA"]), "TLSv1.2": tls12 }),
    speaking({ "TLSv1.2": tls12 }),
  ],
  [
    "C ssllabs.protocol.poodle",
    speaking({ SSLv3: suites(["AES128-SHA"]), "TLSv1.2": tls12 }),
    speaking({ SSLv3: suites(["RC4-SHA"]), "TLSv1.2": tls12 }),
  ],
  [
    "B ssllabs.protocol.tls10",
    speaking({ "TLSv1.0": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.2": tls12 }),
    speaking({ "TLSv1.2": tls12 }),
  ],
  [
    "B ssllabs.protocol.tls11",
    speaking({ "TLSv1.1": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.2": tls12 }),
    speaking({ "TLSv1.2": tls12 }),
  ],
  [
    "C ssllabs.protocol.tls12-missing",
    speaking({ "TLSv1.1": suites(["ECDHE-RSA-AES128-SHA"]) }),
    speaking({ "TLSv1.3": tls13 }),
  ],
  [
    "C ssllabs.protocol.compression",
    { compression: observed(true) },
    { ...speaking({ "TLSv1.3": tls13 }), compression: observed(true) },
  ],
  [
    "F ssllabs.key-exchange.dh-insecure",
    withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 1023 })]),
    withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 1024 })]),
  ],
  [
    "B ssllabs.key-exchange.dh-weak",
    withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 2047 })]),
    withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 2048 })]),
  ],
  [
    "B ssllabs.key-exchange.forward-secrecy",
    withTls12(["AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"], "server"),
    withTls12(["AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"], "client"),
  ],
  [
    "F ssllabs.cipher.insecure",
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256", "NULL-SHA"]),
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256", "DES-CBC3-SHA"]),
  ],
  [
    "F ssllabs.cipher.rc4-only",
    speaking({ "TLSv1.2": suites(["RC4-SHA"], "single") }),
    speaking({ "TLSv1.2": suites(["RC4-SHA", "AES128-SHA"]) }),
  ],
  [
    "C ssllabs.cipher.rc4-modern",
    withTls12(["RC4-SHA", "AES128-SHA"], "server"),
    withTls12(["AES128-SHA", "RC4-SHA"], "server"),
  ],
  [
    "B ssllabs.cipher.rc4",
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256", "RC4-SHA"]),
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256"]),
  ],
  [
    "C ssllabs.cipher.small-blocks",
    withTls12(["DES-CBC3-SHA", "AES128-SHA"], "server"),
    withTls12(["DES-CBC3-SHA", "AES128-SHA"], "client"),
  ],
  [
    "B ssllabs.cipher.aead",
    withTls12(["ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-GCM-SHA256"], "server"),
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"], "server"),
  ],
  ["A ssllabs.hsts.long", { http: hsts(15_551_999) }, { http: hsts(15_552_000) }],
];

const has = (name: FlawName): Partial<Observations> => ({
  flaws: build.flaws({ [name]: observed({ present: true, evidence: "it answered" }) }),
});
const hasNot = (name: FlawName): Partial<Observations> => ({
  flaws: build.flaws({ [name]: untestable("not applicable: what it needs is absent") }),
});
const stapled = (status: "good" | "revoked", problems: readonly string[] = []): Partial<Observations> =>
  leaf({}, { staple: observed({ status, thisUpdate: "2026-01-31T00:00:00Z", nextUpdate: null, problems }) });
const pins = (header: string): Partial<Observations> => ({
  http: observed({
    status: 200,
    headers: { "public-key-pins": header },
    hsts: {
      present: true,
      raw: "",
      maxAge: 63_072_000,
      includeSubdomains: false,
      preload: false,
      problems: [],
      preloadProblems: [],
    },
    security: [],
    cookies: [],
  }),
});
const goodPins = `max-age=5184000; pin-sha256="${"A".repeat(43)}="; pin-sha256="${"B".repeat(43)}="`;

const announced: typeof rules = [
  ...flawed.map((name) => [`F ssllabs.${name}`, has(name), hasNot(name)] as const),
  ["F ssllabs.revocation", stapled("revoked"), stapled("good")],
  ["A ssllabs.hpkp", pins("max-age=5184000"), pins(goodPins)],
];

const warned: readonly (readonly [string, Partial<Observations>, Partial<Observations>])[] = [
  ["ssllabs.protocol.tls13-missing", speaking({ "TLSv1.2": tls12 }), speaking({ "TLSv1.3": tls13 })],
  [
    "ssllabs.protocol.secure-renegotiation",
    { secureRenegotiation: observed(false) },
    { ...speaking({ "TLSv1.3": tls13 }), secureRenegotiation: observed(false) },
  ],
  ["ssllabs.hsts.valid", { http: hsts(0) }, { http: noHsts }],
];

describe("rules", () => {
  test.each([...rules, ...announced])("%s fires and limits the grade", (rule, bad, good) => {
    const result = graded(bad);
    expect(caps(result)).toContain(rule);
    expect(result.grade).not.toBe("A+");
    expect(caps(graded(good))).not.toContain(rule);
  });

  test.each(warned)("%s makes an A an A-", (rule, bad, good) => {
    expect(warnings(graded(bad))).toEqual([rule]);
    expect(graded(bad).grade).toBe("A-");
    expect(warnings(graded(good))).toEqual([]);
  });

  test("every rule of the rulebook has an example here", () => {
    const shown = [...[...rules, ...announced].map(([rule]) => rule.slice(2)), ...warned.map(([rule]) => rule)];
    expect(shown.toSorted()).toEqual(rulebook.map(({ id }) => id).toSorted());
  });

  test.each<[string, Partial<Observations>]>([
    ["HSTS without max-age", { http: hsts(null) }],
    ["HSTS with a broken directive", { http: hsts(63_072_000, { problems: ["max-age is given twice"] }) }],
    ["HSTS max-age=0", { http: hsts(0) }],
  ])("%s: A-", (_, changes) => {
    expect(graded(changes).grade).toBe("A-");
  });

  test("what is no web server needs no HSTS, and loses nothing", () => {
    const http = untestable("not applicable: what begins TLS by STARTTLS is no web server");
    const result = graded({ http });
    expect([result.grade, result.caps, result.warnings, result.incomplete]).toEqual(["A+", [], [], []]);
    expect(graded({ http: failed("not applicable: it says") }).grade).toBeNull();
  });

  test("warnings do not worsen what is capped lower", () => {
    const result = graded({
      ...speaking({ "TLSv1.0": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.2": tls12 }),
      http: hsts(0),
    });
    expect(result.grade).toBe("B");
    expect(warnings(result)).toEqual(["ssllabs.protocol.tls13-missing", "ssllabs.hsts.valid"]);
  });

  test("a low total counts where no cap is lower", () => {
    const result = graded(speaking({ "TLSv1.2": suites(["AECDH-AES128-SHA"]) }));
    expect(result.grade).toBe("F");
  });

  test("caps come worst first, each with reason and reference", () => {
    const result = graded(
      speaking({ SSLv3: suites(["AES128-SHA"]), "TLSv1.0": suites(["AES128-SHA"]), "TLSv1.2": tls12 }),
    );
    expect(caps(result)).toEqual(["C ssllabs.protocol.poodle", "B ssllabs.protocol.ssl3", "B ssllabs.protocol.tls10"]);
    for (const cap of result.caps) expect([cap.reason, cap.reference].every((text) => text.length > 5)).toBe(true);
  });

  test("browsers that find no suite of theirs: the answer stands where it is the same for all", () => {
    const aria = graded(withTls12(["ECDHE-ARIA128-GCM-SHA256"]));
    expect(aria.grade).toBe("A+");
    const mixed = graded(
      withTls12([
        "ECDHE-ARIA128-GCM-SHA256",
        suite("AES128-SHA", { id: 0xfe01, name: "TLS_RSA_WITH_PRIVATE_CBC_SHA" }),
      ]),
    );
    expect(mixed.grade).toBeNull();
    expect(mixed.incomplete.join()).toContain("ssllabs.key-exchange.forward-secrecy");
  });
});
