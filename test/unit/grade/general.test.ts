import { describe, expect, test } from "vitest";
import { judge } from "../../../src/grade/index.ts";
import type { Finding } from "../../../src/grade/index.ts";
import type { Observations, TimestampSeen } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, failed, hsts, observations, observed, speaking, suite, suites, tls12, tls13, untestable } = build;

type Changes = Partial<Observations>;

function finding(id: string, changes: Changes = {}): Finding {
  const found = judge(observations(changes)).findings.find((each) => each.id === `general.${id}`);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}

const leaf = (...of: Parameters<typeof chain>): Changes => ({ certificates: observed([chain(...of)]) });
const withTls12 = (...list: Parameters<typeof suites>): Changes =>
  speaking({ "TLSv1.2": suites(...list), "TLSv1.3": tls13 });
const cbc = withTls12(["ECDHE-RSA-AES128-SHA"]);
const sharing = (distinct: number, seen: number): Changes => ({
  keyShares: observed({ samples: [{ kind: "DHE", group: "DH 2048", seen, distinct }] }),
});
const dhe = (dhBits: number | null): Changes => withTls12([suite("DHE-RSA-AES256-GCM-SHA384", { dhBits })]);
const parameters = (bits: number, known: string | null, safePrime: boolean): Changes => ({
  ...dhe(bits),
  dhParameters: observed([{ bits, prime: "ab".repeat(32), known, generator: "2", safePrime }]),
});
const sct = (logId: string, valid: TimestampSeen["valid"]): TimestampSeen => ({
  logId,
  log: logId,
  time: "2026-01-01T00:00:00Z",
  source: "certificate",
  valid,
});
const staple = (status: "good" | "revoked" | "unknown", problems: readonly string[] = []): Changes =>
  leaf({}, { stapled: observed(true), staple: observed({ status, thisUpdate: "", nextUpdate: null, problems }) });
const headers = (of: Readonly<Record<string, string>>): Changes => {
  const seen = hsts(63_072_000);
  return seen.state === "observed" ? { http: observed({ ...seen.value, headers: of }) } : {};
};
const resuming = (lifetimeSeconds: number | null): Changes => ({
  resumption: {
    sessionId: observed({ resumes: false, lifetimeSeconds: null }),
    ticket: untestable("not applicable: none is issued"),
    psk: observed({ resumes: true, lifetimeSeconds }),
  },
});
const noSuites: Changes = { cipherSuites: { "TLSv1.2": failed("timed out"), "TLSv1.3": tls13 } };
const noHttp: Changes = { http: failed("timed out") };

/** A finding; what makes it worry (with how much), what makes it pass or inform, and what leaves it open. */
const rules: readonly (readonly [string, Changes, Finding["severity"], string, Changes, "pass" | "info", Changes])[] = [
  [
    "post-quantum",
    { groups: build.groups([build.group("X25519", 3072)]) },
    "low",
    "No post-quantum group is offered",
    {},
    "info",
    { groups: failed("timed out") },
  ],
  [
    "key-reuse",
    sharing(4, 5),
    "medium",
    "Ephemeral keys are used more than once",
    sharing(5, 5),
    "info",
    { keyShares: failed("timed out") },
  ],
  [
    "dh-parameters",
    parameters(2048, null, false),
    "medium",
    "A Diffie-Hellman prime is not a safe prime",
    parameters(2048, "ffdhe2048", true),
    "info",
    { ...dhe(2048), dhParameters: failed("timed out") },
  ],
  ["sweet32", withTls12(["DES-CBC3-SHA"]), "medium", "SWEET32, exposed by configuration", {}, "pass", noSuites],
  ["freak", withTls12(["EXP-RC4-MD5"]), "high", "FREAK, exposed", cbc, "pass", noSuites],
  ["logjam", dhe(1024), "high", "LOGJAM, exposed", dhe(1025), "pass", dhe(null)],
  [
    "beast",
    speaking({ "TLSv1.0": suites(["AES128-SHA"]), "TLSv1.2": tls12 }),
    "low",
    "BEAST, exposed",
    cbc,
    "pass",
    speaking({ "TLSv1.0": failed("timed out"), "TLSv1.2": tls12 }),
  ],
  ["lucky13", cbc, "low", "LUCKY13, exposed", {}, "pass", noSuites],
  ["rc4", withTls12(["RC4-SHA"]), "medium", "RC4 suites are offered", cbc, "pass", noSuites],
  ["null-suites", withTls12(["NULL-SHA"]), "critical", "Suites without encryption are offered", cbc, "pass", noSuites],
  [
    "anonymous-suites",
    withTls12(["AECDH-AES128-SHA"]),
    "critical",
    "Suites without authentication are offered",
    cbc,
    "pass",
    noSuites,
  ],
  ["export-suites", withTls12(["EXP-RC4-MD5"]), "critical", "Export suites are offered", cbc, "pass", noSuites],
  ["forward-secrecy", withTls12(["AES128-GCM-SHA256"]), "low", "Suites without forward secrecy", cbc, "pass", noSuites],
  [
    "poodle-ssl",
    speaking({ SSLv3: suites(["AES128-SHA"]), "TLSv1.2": tls12 }),
    "high",
    "POODLE, exposed",
    speaking({ SSLv3: suites(["RC4-SHA"]), "TLSv1.2": tls12 }),
    "pass",
    speaking({ SSLv3: failed("timed out"), "TLSv1.2": tls12 }),
  ],
  [
    "crime",
    { compression: observed(true) },
    "high",
    "CRIME, exposed",
    {},
    "pass",
    { compression: failed("timed out") },
  ],
  [
    "drown",
    speaking({ "TLSv1.2": tls12 }, ["SSLv2"]),
    "critical",
    "DROWN, exposed",
    {},
    "pass",
    { protocols: { ...build.protocols(["TLSv1.2", "TLSv1.3"]), SSLv2: failed("timed out") } },
  ],
  [
    "early-data",
    { tickets: observed({ tls13: 2, tls12: null, earlyData: true }) },
    "low",
    "Early data (0-RTT) is accepted: such requests can be replayed",
    {},
    "pass",
    { tickets: failed("timed out") },
  ],
  [
    "resumption",
    resuming(604_801),
    "low",
    "Sessions may be resumed for longer than seven days",
    resuming(604_800),
    "info",
    { resumption: { sessionId: failed("timed out"), ticket: failed("timed out"), psk: failed("timed out") } },
  ],
  [
    "client-renegotiation",
    { clientRenegotiation: observed(true) },
    "low",
    "Clients may renegotiate",
    {},
    "pass",
    { clientRenegotiation: failed("timed out") },
  ],
  [
    "key-update",
    { keyUpdate: observed(false) },
    "low",
    "A request for new keys",
    {},
    "pass",
    { keyUpdate: failed("timed out") },
  ],
  [
    "fallback-scsv",
    { fallbackScsv: observed(false) },
    "low",
    "A fallback to an older version",
    {},
    "pass",
    { fallbackScsv: failed("timed out") },
  ],
  [
    "extended-master-secret",
    { extendedMasterSecret: observed(false) },
    "medium",
    "Extended master secret is not supported",
    {},
    "pass",
    { extendedMasterSecret: failed("timed out") },
  ],
  [
    "encrypt-then-mac",
    { ...cbc, encryptThenMac: observed(false) },
    "low",
    "CBC suites are offered without encrypt-then-MAC",
    { encryptThenMac: observed(false) },
    "pass",
    { ...cbc, encryptThenMac: failed("timed out") },
  ],
  [
    "heartbeat",
    { heartbeat: observed(true) },
    "low",
    "The heartbeat extension is on",
    {},
    "pass",
    { heartbeat: failed("timed out") },
  ],
  [
    "downgrade-sentinel",
    { downgradeSentinel: observed(false) },
    "low",
    "A downgrade",
    {},
    "pass",
    { downgradeSentinel: failed("timed out") },
  ],
  [
    "signature-schemes",
    {
      signatureSchemes: { "TLSv1.2": observed(["rsa_pkcs1_sha1", "rsa_pkcs1_sha256"]), "TLSv1.3": failed("timed out") },
    },
    "low",
    "The server signs with rsa_pkcs1_sha1",
    {},
    "pass",
    { signatureSchemes: { "TLSv1.3": observed(["rsa_pss_rsae_sha256"]) } },
  ],
  [
    "application-protocols",
    { applicationProtocols: observed(["http/1.1", "spdy/3"]) },
    "low",
    "Outdated application protocols: spdy/3",
    {},
    "info",
    { applicationProtocols: failed("timed out") },
  ],
  [
    "chain-order",
    leaf({}, { ordered: false }),
    "low",
    "The certificates are not in order",
    {},
    "pass",
    { certificates: failed("timed out") },
  ],
  [
    "stapling",
    leaf({ mustStaple: true }),
    "high",
    "The RSA certificate demands a stapled status and none is sent",
    leaf({ mustStaple: true }, { stapled: observed(true) }),
    "info",
    leaf({}, { stapled: failed("timed out") }),
  ],
  [
    "staple",
    staple("revoked"),
    "critical",
    "The RSA certificate is revoked",
    staple("good"),
    "pass",
    leaf({}, { staple: failed("broken") }),
  ],
  [
    "transparency",
    leaf({}, { timestamps: [sct("a", observed(false)), sct("b", observed(true)), sct("c", observed(true))] }),
    "medium",
    "A timestamp of the RSA certificate is not valid",
    leaf({}, { timestamps: [sct("a", observed(true)), sct("b", observed(true))] }),
    "pass",
    leaf({}, { timestamps: [sct("a", observed(true)), sct("b", untestable("a log that is not known"))] }),
  ],
  [
    "hsts-preload",
    { http: hsts(63_072_000, { preload: true }) },
    "low",
    "The policy is not fit for the preload list: no includeSubDomains",
    {
      http: hsts(63_072_000, { preload: true, includeSubdomains: true }),
      redirect: observed("https://www.example.org/"),
    },
    "pass",
    noHttp,
  ],
  [
    "redirect",
    { redirect: observed("http://www.example.org/") },
    "low",
    "Port 80 leads to an address without TLS",
    { redirect: observed("https://www.example.org/") },
    "pass",
    { redirect: failed("timed out") },
  ],
  ["breach", headers({ "Content-Encoding": "gzip" }), "low", "Answers are compressed", headers({}), "pass", noHttp],
  [
    "tolerance",
    { tolerance: [{ name: "GREASE", tolerant: observed(false), evidence: "alert 47" }] },
    "low",
    "The server does not bear: GREASE",
    { tolerance: [{ name: "GREASE", tolerant: observed(true), evidence: "a ServerHello" }] },
    "pass",
    { tolerance: [{ name: "GREASE", tolerant: failed("timed out"), evidence: "" }] },
  ],
  [
    "reference-browsers",
    leaf({ key: { type: "Ed25519", bits: 256, curve: null, exponent: null } }),
    "medium",
    "Current browsers that cannot connect",
    {},
    "info",
    { protocols: { ...build.protocols(["TLSv1.2"]), "TLSv1.3": failed("timed out") } },
  ],
];

describe.each(rules)("%s", (id, bad, severity, message, good, fine, open) => {
  test("worries", () => {
    const found = finding(id, bad);
    expect([found.outcome, found.severity]).toEqual(["info", severity]);
    expect(found.message).toContain(message);
  });

  test("does not worry", () => {
    expect(finding(id, good)).toMatchObject({ outcome: fine, severity: "info" });
  });

  test("is unknown where it was not seen", () => {
    const found = finding(id, open);
    expect(found).toMatchObject({ outcome: "unknown", severity: "info" });
    expect(found.evidence).not.toBe("");
  });
});

describe("CVE-2011-0014", () => {
  const flaw = (state: Observations["flaws"]["robot"]): Changes => ({
    flaws: build.flaws({ "ocsp-extension": state }),
  });

  test("fails, passes and is unknown", () => {
    const present = flaw(observed({ present: true, evidence: "a ServerHello" }));
    expect(finding("ocsp-extension", present)).toMatchObject({ outcome: "fail", severity: "critical" });
    expect(finding("ocsp-extension").outcome).toBe("pass");
    expect(finding("ocsp-extension", flaw(failed("timed out")))).toMatchObject({
      outcome: "unknown",
      evidence: "timed out",
    });
  });

  test("costs no letter: no rulebook has a rule for it", () => {
    const report = judge(observations(flaw(observed({ present: true, evidence: "" }))));
    expect(report.grades["ssllabs-2009r"]?.grade).toBe("A+");
  });
});
