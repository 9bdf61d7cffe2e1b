import { describe, expect, test } from "vitest";
import type { GradeResult } from "../../../src/grade/index.ts";
import type { Observations } from "../../../src/probe/index.ts";
import { caps, flawed, graded } from "./graded.ts";
import { notValidNow } from "../../../src/grade/ssllabs/checks-certificate.ts";
import * as build from "./observations.ts";

const { chain, ecKey, failed, hsts, noHsts, observed, speaking, suite, suites, tls12, tls13, untestable } = build;

const leaf = (...of: Parameters<typeof chain>): Partial<Observations> => ({ certificates: observed([chain(...of)]) });
const untrusted = observed({ trusted: false, local: false, anchor: null, reason: "unknown authority" });
const withTls12 = (...list: Parameters<typeof suites>): Partial<Observations> =>
  speaking({ "TLSv1.2": suites(...list), "TLSv1.3": tls13 });

const stapled = (status: "good" | "revoked", problems: readonly string[] = []): Partial<Observations> =>
  leaf({}, { staple: observed({ status, thisUpdate: "2026-01-31T00:00:00Z", nextUpdate: null, problems }) });

describe("worked examples", () => {
  test("TLS 1.2 and 1.3, RSA-2048, X25519, AES of 128 and 256 bits, HSTS: 100, 90, 90, A+", () => {
    expect(graded()).toEqual({
      grade: "A+",
      gradeTrustIgnored: "A+",
      bounds: null,
      boundsTrustIgnored: null,
      scores: { protocol: 100, keyExchange: 90, cipher: 90, total: 93 },
      caps: [],
      warnings: [],
      incomplete: [],
    });
  });

  test.each<[string, Partial<Observations>, string, readonly string[]]>([
    ["without HSTS: A, neither A- nor A+", { http: noHsts }, "A", ["A ssllabs.hsts.long"]],
    ["HSTS one second short of 180 days", { http: hsts(15_551_999) }, "A", ["A ssllabs.hsts.long"]],
    ["HSTS of 180 days", { http: hsts(15_552_000) }, "A+", []],
    ["TLS 1.3 alone is no lack of TLS 1.2", speaking({ "TLSv1.3": tls13 }), "A+", []],
    [
      "DH of 1024 bits: 80 and B",
      withTls12(["ECDHE-RSA-AES256-GCM-SHA384", suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 1024 })]),
      "B",
      ["B ssllabs.key-exchange.dh-weak"],
    ],
    ["SSL 2.0", speaking({ "TLSv1.2": tls12, "TLSv1.3": tls13 }, ["SSLv2"]), "F", ["F ssllabs.protocol.ssl2"]],
    ["name mismatch", leaf({}, { nameMatches: observed(false) }), "M", ["M ssllabs.certificate.name"]],
  ])("%s", (_, changes, grade, expected) => {
    const result = graded(changes);
    expect(result.grade).toBe(grade);
    expect(caps(result)).toEqual(expected);
    expect(result.incomplete).toEqual([]);
  });

  test.each<[string, Partial<Observations>, Partial<NonNullable<GradeResult["scores"]>>]>([
    ["RSA-2048 with X25519", {}, { keyExchange: 90, total: 93 }],
    ["EC-256 certificate", leaf({ key: ecKey(256) }), { keyExchange: 90 }],
    ["EC-384 certificate, X25519: the group is the weakest", leaf({ key: ecKey(384) }), { keyExchange: 90 }],
    [
      "EC-384 certificate, P-384 and X448: 100",
      { ...leaf({ key: ecKey(384) }), groups: build.groups([build.group("P-384", 7680), build.group("X448", 7680)]) },
      { keyExchange: 100, total: 96 },
    ],
    [
      "RSA-4096 with P-384: 100",
      {
        ...leaf({ key: { type: "RSA", bits: 4096, curve: null, exponent: "65537" } }),
        groups: build.groups([build.group("P-384", 7680)]),
      },
      { keyExchange: 100 },
    ],
    ["DH 1024 counts 80", withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 1024 })]), { keyExchange: 80 }],
    ["DH 768 counts 40", withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 768 })]), { keyExchange: 40 }],
    [
      "export counts as 512 bits",
      withTls12(["ECDHE-RSA-AES256-GCM-SHA384", "EXP-RC4-MD5"]),
      { keyExchange: 40, cipher: 60 },
    ],
    ["anonymous: 0, and a total of 0", withTls12(["AECDH-AES128-SHA"]), { keyExchange: 0, total: 0 }],
    ["only 256 bits: 100", speaking({ "TLSv1.3": suites(["TLS_AES_256_GCM_SHA384"]) }), { cipher: 100, total: 97 }],
    ["only 128 bits: 80", speaking({ "TLSv1.3": suites(["TLS_AES_128_GCM_SHA256"]) }), { cipher: 80 }],
    [
      "3DES is scored as 168 bits",
      withTls12(["ECDHE-RSA-AES256-GCM-SHA384", suite("DES-CBC3-SHA", { bits: 112 })]),
      { cipher: 90 },
    ],
    ["no encryption: half of the strongest", withTls12(["ECDHE-RSA-AES256-GCM-SHA384", "NULL-SHA"]), { cipher: 50 }],
    [
      "best and worst protocol halved, total not rounded",
      speaking({ "TLSv1.1": suites(["AES128-SHA"]), "TLSv1.2": tls12 }),
      { protocol: 97.5, total: 92.25 },
    ],
    ["SSL 3.0 alone: 80", speaking({ SSLv3: suites(["AES128-SHA"]) }), { protocol: 80 }],
    ["SSL 2.0 alone with TLS 1.2: 50", speaking({ "TLSv1.2": tls12 }, ["SSLv2"]), { protocol: 50 }],
  ])("score: %s", (_, changes, scores) => {
    expect(graded(changes).scores).toMatchObject(scores);
  });
});

describe("trust", () => {
  test("expired: T, with the letter beside it", () => {
    const result = graded(leaf({}, { validNow: false }));
    expect([result.grade, result.gradeTrustIgnored, result.incomplete]).toEqual(["T", "A+", []]);
  });

  test("expired: the evidence names the certificate that is", () => {
    const dates = { notBefore: "2024-01-01T00:00:00.000Z", notAfter: "2025-01-01T00:00:00.000Z" };
    const issuer = build.certificate({ subject: "CN=Old issuer", isCa: true, ...dates });
    const changes = leaf({}, { validNow: false, certificates: [build.certificate(), issuer] });
    expect(notValidNow({ ...build.observations(), ...changes })).toMatchObject({
      evidence: "CN=Old issuer: 2024-01-01T00:00:00.000Z to 2025-01-01T00:00:00.000Z",
    });
  });

  test("a local authority is no public trust, and the letter stands beside it", () => {
    const result = graded(
      leaf({}, { trust: observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null }) }),
    );
    expect([result.grade, result.gradeTrustIgnored]).toEqual(["T", "A+"]);
  });

  test("the wrong name stays wrong when trust is ignored; T hides M", () => {
    expect(graded(leaf({}, { nameMatches: observed(false) })).gradeTrustIgnored).toBe("M");
    const both = graded(
      leaf(
        { selfSigned: true },
        { nameMatches: observed(false), trust: untrusted, certificates: [build.certificate({ selfSigned: true })] },
      ),
    );
    expect([both.grade, both.gradeTrustIgnored]).toEqual(["T", "M"]);
  });

  test("SHA-1 costs trust, and without regard to trust the A+", () => {
    const result = graded(leaf({ signature: "sha1WithRSAEncryption" }));
    expect([result.grade, result.gradeTrustIgnored]).toEqual(["T", "A"]);
  });

  test("SHA-1 on a root that is sent along does not matter", () => {
    const root = build.certificate({ selfSigned: true, signature: "sha1WithRSAEncryption", isCa: true });
    expect(graded(leaf({}, { certificates: [build.certificate(), root] })).grade).toBe("A+");
  });

  test("one bad chain of two is enough", () => {
    const result = graded({ certificates: observed([chain(), chain({ key: ecKey(256) }, { validNow: false })]) });
    expect(result.grade).toBe("T");
  });

  test("an unknown authority leaves open whether an intermediate is missing", () => {
    const result = graded(leaf({}, { trust: untrusted }));
    expect(result.grade).toBe("T");
    expect(result.gradeTrustIgnored).toBeNull();
    expect(result.incomplete).toEqual([
      "ssllabs.certificate.chain-incomplete: its end is not known here; give the authority to tell",
    ]);
  });
});

describe("unknowns", () => {
  test.each<[string, Partial<Observations>, string]>([
    [
      "a protocol",
      { protocols: { ...build.protocols(["TLSv1.2", "TLSv1.3"]), "TLSv1.0": failed("timed out") } },
      "TLSv1.0: timed out",
    ],
    ["suites", { cipherSuites: { "TLSv1.2": failed("reset"), "TLSv1.3": tls13 } }, "TLSv1.2 suites: reset"],
    ["suites never looked at", { cipherSuites: { "TLSv1.3": tls13 } }, "TLSv1.2 suites: not looked at"],
    [
      "a suite without registration",
      withTls12([suite("AES128-SHA", { name: "unknown_0xfefe", bits: 0 })]),
      "nothing is known of suite unknown_0xfefe",
    ],
    ["groups", { groups: failed("timed out") }, "key exchange score: groups: timed out"],
    [
      "a group of unknown strength",
      { groups: build.groups([build.group("unknown_0x1234", 0)]) },
      "group unknown_0x1234 of unknown strength",
    ],
    ["DH parameters", withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: null })]), "parameters not seen"],
    ["the certificate", { certificates: failed("timed out") }, "certificates: timed out"],
    ["no certificate at all", { certificates: observed([]) }, "no certificate was seen"],
    ["trust", leaf({}, { trust: untestable("no store") }), "ssllabs.certificate.trust: no store"],
    [
      "the name",
      leaf({}, { nameMatches: untestable("no name to check") }),
      "ssllabs.certificate.name: no name to check",
    ],
    ["a signature that does not tell its hash", leaf({ signature: "rsassaPss" }), "rsassaPss does not tell its hash"],
    ["a key of unknown size", leaf({ key: ecKey(0) }), "key of unknown strength"],
    ["compression", { compression: failed() }, "ssllabs.protocol.compression: timed out"],
    ["renegotiation", { secureRenegotiation: failed() }, "ssllabs.protocol.secure-renegotiation: timed out"],
    ...flawed.map((name): [string, Partial<Observations>, string] => [
      name,
      { flaws: build.flaws({ [name]: failed("timed out") }) },
      `ssllabs.${name}: timed out`,
    ]),
    [
      "a flaw that could not be looked for from here",
      { flaws: build.flaws({ robot: untestable("no time left") }) },
      "ssllabs.robot: no time left",
    ],
    [
      "a stapled status that could not be read",
      leaf({}, { staple: failed("broken") }),
      "ssllabs.revocation: stapled status: broken",
    ],
    [
      "a revocation that does not hold",
      stapled("revoked", ["signed by another"]),
      "says revoked, but signed by another",
    ],
    ["HSTS", { http: untestable("no HTTP") }, "ssllabs.hsts.valid: no HTTP"],
    [
      "no protocol offered",
      { protocols: build.protocols([]), cipherSuites: {} },
      "protocol score: no protocol is offered",
    ],
  ])("%s: no grade, and it is said", (_, changes, reason) => {
    const result = graded(changes);
    expect(result.grade).toBeNull();
    expect(result.incomplete.join("\n")).toContain(reason);
  });

  test.each<[string, Partial<Observations>, readonly [string, string]]>([
    ["HTTP that is none", { http: failed("the answer is not HTTP/1") }, ["A-", "A+"]],
    ["a flaw", { flaws: build.flaws({ robot: failed("timed out") }) }, ["F", "A+"]],
    ["a flaw and HTTP", { flaws: build.flaws({ robot: failed() }), http: failed() }, ["F", "A+"]],
    ["groups, which scores rest on", { groups: failed("timed out") }, ["F", "A+"]],
    ["HTTP, with SHA-1 aside", { ...leaf({ signature: "rsassaPss" }), http: failed() }, ["T", "A+"]],
    ["the name", leaf({}, { nameMatches: untestable("no name to check") }), ["M", "A+"]],
  ])("%s: the letter lies between the best and the worst of it", (_, changes, [worst, best]) => {
    const { grade, bounds } = graded(changes);
    expect([grade, bounds]).toEqual([null, { best, worst }]);
  });

  test("of a T that is certain the letter behind it has bounds", () => {
    const local = observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null });
    const { grade, bounds, boundsTrustIgnored } = graded({ ...leaf({}, { trust: local }), http: failed() });
    expect([grade, bounds, boundsTrustIgnored]).toEqual(["T", null, { best: "A+", worst: "A-" }]);
  });

  test("what cannot change the letter does not block it", () => {
    const f = graded({
      ...speaking({ "TLSv1.2": tls12 }, ["SSLv2"]),
      compression: failed(),
      http: failed(),
      groups: failed(),
    });
    expect([f.grade, f.scores, f.incomplete]).toEqual(["F", null, []]);
    const b = graded({ ...speaking({ "TLSv1.1": tls12, "TLSv1.2": tls12 }), http: failed() });
    expect([b.grade, b.incomplete]).toEqual(["B", []]);
    const tls13Only = graded({
      ...speaking({ "TLSv1.3": tls13 }),
      compression: failed(),
      secureRenegotiation: failed(),
    });
    expect(tls13Only.grade).toBe("A+");
  });

  test("T is certain while the letter behind it is not", () => {
    const result = graded({ ...leaf({}, { validNow: false }), http: failed("timed out") });
    expect([result.grade, result.gradeTrustIgnored]).toEqual(["T", null]);
    expect(result.incomplete).toEqual([
      "ssllabs.hsts.valid: timed out",
      "ssllabs.hsts.long: timed out",
      "ssllabs.hpkp: timed out",
    ]);
  });
});
