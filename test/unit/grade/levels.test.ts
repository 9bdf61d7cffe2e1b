import { describe, expect, test } from "vitest";
import { judge } from "../../../src/grade/index.ts";
import type { Finding, LevelResult, Report } from "../../../src/grade/index.ts";
import type { Observations } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const {
  chain,
  ecKey,
  failed,
  hsts,
  noHsts,
  observations,
  observed,
  speaking,
  suite,
  suites,
  tls12,
  tls13,
  untestable,
} = build;

type Changes = Partial<Observations>;

const leaf = (...of: Parameters<typeof chain>): Changes => ({ certificates: observed([chain(...of)]) });
const withTls12 = (...list: Parameters<typeof suites>): Changes =>
  speaking({ "TLSv1.2": suites(...list), "TLSv1.3": tls13 });
const groups = (...names: readonly string[]): Changes => ({
  groups: build.groups(names.map((name) => build.group(name, 3072))),
});
const ecdsaLeaf = { key: ecKey(256), signature: "ecdsaWithSHA256" } as const;
const rsa = (bits: number) => ({ type: "RSA", bits, curve: null, exponent: "65537" }) as const;
const dhe = (dhBits: number | null) => suite("DHE-RSA-AES256-GCM-SHA384", { dhBits });
const parameters = (known: string | null): Changes => ({
  ...withTls12([dhe(3072)]),
  dhParameters: observed([{ bits: 3072, prime: "", known, generator: "2", safePrime: true }]),
});
const only13 = speaking({ "TLSv1.3": tls13 });
const local = observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null });

function level(report: Report, id: string): LevelResult {
  const result = report.grades[id];
  if (result === undefined || !("level" in result)) throw new Error(`${id} did not judge`);
  return result;
}

function found(report: Report, id: string): Finding {
  const finding = report.findings.find((each) => each.id === id);
  if (finding === undefined) throw new Error(`no finding ${id}`);
  return finding;
}

/** A rule of both profiles: what departs, what keeps to it, what leaves it open. */
const mozilla: readonly (readonly [string, Changes, Changes, Changes])[] = [
  [
    "protocols",
    speaking({ "TLSv1.1": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.3": tls13 }),
    only13,
    { protocols: { ...build.protocols(["TLSv1.3"]), "TLSv1.1": failed("timed out") } },
  ],
  [
    "suites",
    withTls12(["ECDHE-RSA-AES128-SHA"]),
    only13,
    { cipherSuites: { "TLSv1.2": failed("timed out"), "TLSv1.3": tls13 } },
  ],
  [
    "groups",
    groups("X25519", "P-521"),
    groups("X25519MLKEM768", "X25519", "P-256", "P-384"),
    { groups: failed("timed out") },
  ],
  ["certificate-key", leaf({ key: ecKey(521) }), leaf({ key: ecKey(384) }), { certificates: failed("timed out") }],
  [
    "certificate-signature",
    leaf({ signature: "sha384WithRSAEncryption" }),
    leaf({ signature: "ecdsaWithSHA384" }),
    { certificates: failed("timed out") },
  ],
  [
    "certificate-lifespan",
    leaf({ notAfter: "2027-01-02T00:00:01.000Z" }),
    leaf({ notAfter: "2026-04-01T00:00:00.000Z" }),
    leaf({ notAfter: "never" }),
  ],
  ["hsts", { http: hsts(63_071_999) }, { http: hsts(63_072_000) }, { http: failed("timed out") }],
  [
    "stapling",
    leaf({ ocspUrls: ["http://ocsp.example"] }),
    leaf({ ocspUrls: ["http://ocsp.example"] }, { stapled: observed(true) }),
    leaf({ ocspUrls: ["http://ocsp.example"] }, { stapled: failed("timed out") }),
  ],
];

describe("Mozilla 6.0", () => {
  describe.each(["modern", "intermediate"])("%s", (profile) => {
    test.each(mozilla)("%s: departs, keeps, unknown", (id, bad, good, open) => {
      const outcome = (changes: Changes) => found(judge(observations(changes)), `mozilla-6.0-${profile}.${id}`);
      expect(outcome(bad)).toMatchObject({ outcome: "fail", severity: "low" });
      expect(outcome(bad).fix).not.toBeNull();
      expect(outcome(good)).toMatchObject({ outcome: "pass", fix: null });
      expect(outcome(open)).toMatchObject({ outcome: "unknown", fix: null });
    });
  });

  test.each<[string, Changes, string | null]>([
    ["TLS 1.2 and RSA 2048", {}, "intermediate"],
    ["TLS 1.3 alone, ECDSA", { ...only13, ...leaf(ecdsaLeaf) }, "modern"],
    ["TLS 1.3 alone, RSA", only13, "intermediate"],
    ["no TLS 1.3", speaking({ "TLSv1.2": tls12 }), "none"],
    ["RSA 2047", leaf({ key: rsa(2047) }), "none"],
    ["91 days", { ...only13, ...leaf({ ...ecdsaLeaf, notAfter: "2026-04-02T00:00:00.000Z" }) }, "intermediate"],
    ["no HSTS", { http: noHsts }, "none"],
    ["must-staple without a responder and without a status", leaf({ mustStaple: true }), "none"],
    ["Ed25519", leaf({ key: { type: "Ed25519", bits: 256, curve: null, exponent: null } }), "none"],
    ["the server chooses the suite", { ...only13, ...leaf(ecdsaLeaf) }, "modern"],
    ["groups that no suite uses", { ...speaking({ "TLSv1.2": suites(["AES128-SHA"]) }), ...groups("P-521") }, "none"],
    ["unknown groups", { groups: failed("timed out") }, null],
    ["unknown groups, and no HSTS", { groups: failed("timed out"), http: noHsts }, "none"],
    ["unknown where only modern could be", { ...only13, ...leaf(ecdsaLeaf), http: failed("timed out") }, null],
  ])("%s", (_, changes, expected) => {
    const result = level(judge(observations(changes)), "mozilla-6.0");
    expect(result.level).toBe(expected);
    expect(result.incomplete.length > 0).toBe(expected === null);
  });

  test("says what keeps the server from each profile, the worse level first", () => {
    const { limits, profiles } = level(judge(observations({ http: noHsts })), "mozilla-6.0");
    expect(profiles).toEqual({ modern: false, intermediate: false });
    expect(limits.map((limit) => `${limit.level} ${limit.finding}`)).toEqual([
      "none mozilla-6.0-intermediate.hsts",
      "intermediate mozilla-6.0-modern.protocols",
      "intermediate mozilla-6.0-modern.suites",
      "intermediate mozilla-6.0-modern.certificate-key",
      "intermediate mozilla-6.0-modern.certificate-signature",
      "intermediate mozilla-6.0-modern.hsts",
    ]);
    expect(limits[0]).toMatchObject({
      reason: "HSTS: no Strict-Transport-Security header",
      reference: "Mozilla Server Side TLS 6.0, intermediate: hsts_min_age",
    });
  });
});

/** An item: what is insufficient or to be phased out, what is at least sufficient, what leaves it open. */
const ncsc: readonly (readonly [string, Changes, string, Changes, Changes])[] = [
  [
    "protocols",
    speaking({ "TLSv1.0": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.3": tls13 }),
    "insufficient",
    {},
    { protocols: { ...build.protocols(["TLSv1.3"]), "TLSv1.1": failed("timed out") } },
  ],
  [
    "suites",
    withTls12(["DHE-RSA-AES256-GCM-SHA384"]),
    "phase-out",
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256"]),
    { cipherSuites: { "TLSv1.2": failed("timed out"), "TLSv1.3": tls13 } },
  ],
  [
    "groups",
    groups("X25519", "P-224"),
    "phase-out",
    groups("X25519MLKEM768", "X448", "brainpoolP384r1tls13"),
    groups("X25519", "MLKEM768"),
  ],
  [
    "dh-parameters",
    parameters("ffdhe3072"),
    "phase-out",
    {},
    { ...withTls12([dhe(3072)]), dhParameters: failed("timed out") },
  ],
  [
    "certificate-key",
    leaf({ key: rsa(2048) }),
    "phase-out",
    leaf({ key: rsa(3072) }),
    leaf({ key: { ...rsa(0), type: "other" } }),
  ],
  [
    "certificate-signature",
    leaf({ signature: "sha1WithRSAEncryption" }),
    "insufficient",
    leaf({ signature: "sha512WithRSAEncryption" }),
    leaf({ signature: "rsassaPss" }),
  ],
  [
    "signature-hash",
    { signatureSchemes: { "TLSv1.2": observed(["ecdsa_sha224"]), "TLSv1.3": observed(["ed25519"]) } },
    "phase-out",
    {},
    { signatureSchemes: { "TLSv1.3": observed(["ed25519"]) } },
  ],
  ["compression", { compression: observed(true) }, "insufficient", {}, { compression: failed("timed out") }],
  [
    "renegotiation",
    { clientRenegotiation: observed(true) },
    "phase-out",
    {},
    { clientRenegotiation: failed("timed out") },
  ],
  [
    "extended-master-secret",
    { extendedMasterSecret: observed(false) },
    "phase-out",
    {},
    { extendedMasterSecret: failed("timed out") },
  ],
  [
    "early-data",
    { tickets: observed({ tls13: 1, tls12: null, earlyData: true }) },
    "insufficient",
    {},
    { tickets: failed("timed out") },
  ],
];

describe("NCSC-NL 2025", () => {
  test.each(ncsc)("%s: too low, enough, unknown", (id, bad, lowest, good, open) => {
    const outcome = (changes: Changes) => found(judge(observations(changes)), `ncsc-nl-2025.${id}`);
    expect(outcome(bad)).toMatchObject({ outcome: "fail", severity: lowest === "insufficient" ? "medium" : "low" });
    expect(outcome(bad).message).toMatch(new RegExp(`: ${lowest}$`));
    expect(outcome(good)).toMatchObject({ outcome: "pass", fix: null });
    expect(outcome(open)).toMatchObject({ outcome: "unknown", fix: null });
  });

  test("stapling is good, and sufficient without; unknown where it was not seen", () => {
    const named = { ocspUrls: ["http://ocsp.example"] };
    const message = (changes: Changes) => found(judge(observations(changes)), "ncsc-nl-2025.stapling").message;
    expect(message(leaf(named, { stapled: observed(true) }))).toMatch(/: good$/);
    expect(message(leaf(named))).toMatch(/: sufficient$/);
    expect(message(leaf(named, { stapled: failed() }))).toMatch(/: not known$/);
    expect(message({})).toMatch(/: good$/);
  });

  test.each<[string, Changes, string | null]>([
    ["RSA 2048", {}, "phase-out"],
    ["ECDSA", leaf(ecdsaLeaf), "sufficient"],
    ["RSA 3072", leaf({ key: rsa(3072) }), "sufficient"],
    ["RSA 2047", leaf({ key: rsa(2047) }), "insufficient"],
    ["secp256k1", leaf({ key: { type: "EC", bits: 256, curve: "secp256k1", exponent: null } }), "insufficient"],
    ["CBC with SHA-1", withTls12(["ECDHE-RSA-AES128-SHA"]), "insufficient"],
    ["ffdhe2048", groups("X25519", "ffdhe2048"), "insufficient"],
    ["a finite field of its own", parameters(null), "insufficient"],
    ["DHE of 2048 bits", withTls12([dhe(2048)]), "insufficient"],
    ["SHA-1 in signatures", { signatureSchemes: { "TLSv1.2": observed(["rsa_pkcs1_sha1"]) } }, "insufficient"],
    ["insecure renegotiation", { secureRenegotiation: observed(false) }, "insufficient"],
    ["renegotiation that is not looked at", { ...leaf(ecdsaLeaf), clientRenegotiation: untestable("no") }, null],
    [
      "what does not apply",
      { ...leaf(ecdsaLeaf), ...only13, clientRenegotiation: untestable("not applicable: 1.3") },
      "sufficient",
    ],
    ["nothing is offered", { protocols: build.protocols([]), cipherSuites: {} }, null],
    [
      "unknown, and insufficient anyway",
      { http: failed(), groups: failed(), compression: observed(true) },
      "insufficient",
    ],
  ])("%s", (_, changes, expected) => {
    const result = level(judge(observations(changes)), "ncsc-nl-2025");
    expect(result.level).toBe(expected);
    expect(result.incomplete.length > 0).toBe(expected === null);
  });

  test("says what holds it there, worst first", () => {
    const { limits } = level(judge(observations({ compression: observed(true) })), "ncsc-nl-2025");
    expect(limits.map((limit) => `${limit.level}: ${limit.reason}`)).toEqual([
      "insufficient: TLS compression: on: yes",
      "phase-out: certificate key: RSA 2048",
      "sufficient: protocols: TLSv1.2",
      "sufficient: cipher suites: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256",
      "sufficient: certificate signatures: sha256WithRSAEncryption",
    ]);
  });
});

describe("AAA", () => {
  const best: Changes = leaf(ecdsaLeaf);

  test.each<[string, Changes, boolean | null]>([
    ["all four", best, true],
    ["with a local authority", leaf(ecdsaLeaf, { trust: local }), true],
    ["modern", { ...best, ...only13 }, true],
    ["not A+", { ...best, http: hsts(15_552_000 - 1) }, false],
    [
      "a chain that nobody trusts",
      leaf(ecdsaLeaf, { trust: observed({ trusted: false, local: false, anchor: null, reason: "x" }) }),
      false,
    ],
    ["not Mozilla's", { ...best, http: hsts(15_552_000) }, false],
    ["NCSC-NL: phase-out", {}, false],
    ["no hybrid", { ...best, ...groups("X25519") }, false],
    ["hybrid offered, not negotiated", { ...best, ...groups("X25519", "X25519MLKEM768") }, false],
    ["a flaw unknown", { ...best, flaws: build.flaws({ robot: failed() }) }, null],
    ["groups unknown", { ...best, groups: failed() }, null],
    ["NCSC-NL unknown", { ...best, clientRenegotiation: failed() }, null],
    ["NCSC-NL unknown, and too low anyway", { clientRenegotiation: failed() }, false],
    ["one unknown, another false", { ...best, groups: failed(), http: hsts(1) }, false],
  ])("%s", (_, changes, expected) => {
    const report = judge(observations(changes));
    const of = (outcome: string) =>
      report.findings.filter((each) => each.id.startsWith("aaa.") && each.outcome === outcome);
    expect(report.aaa).toBe(expected);
    expect(of("fail").length > 0).toBe(expected === false);
    expect(expected !== null || of("unknown").length > 0).toBe(true);
  });

  test("where a rulebook did not judge there is none", () => {
    const report = judge(observations(best), { rulebooks: [] });
    expect(report.aaa).toBeNull();
    expect(report.findings.filter(({ id }) => id.startsWith("aaa."))).toEqual([]);
  });
});
