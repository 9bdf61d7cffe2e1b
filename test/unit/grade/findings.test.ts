import { describe, expect, test } from "vitest";
import { judge, rulebooks } from "../../../src/grade/index.ts";
import type { Finding, Rulebook } from "../../../src/grade/index.ts";
import type { Observations } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, ecKey, failed, observations, observed, speaking, suites, tls12, tls13 } = build;

function finding(id: string, changes: Partial<Observations> = {}): Finding {
  const found = judge(observations(changes)).findings.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}

const sharing = (distinct: number, seen: number): Partial<Observations> => ({
  keyShares: observed({ samples: [{ kind: "DHE", group: "DH 2048", seen, distinct }] }),
});
const withLeaf = (...of: Parameters<typeof chain>): Partial<Observations> => ({
  certificates: observed([chain(...of)]),
});

describe("findings of general interest", () => {
  test.each<[string, string, Partial<Observations>, string, Finding["severity"]]>([
    ["hybrid negotiated", "post-quantum", {}, "Post-quantum hybrid negotiated: X25519MLKEM768", "info"],
    [
      "no hybrid",
      "post-quantum",
      { groups: build.groups([build.group("X25519", 3072)]) },
      "No post-quantum group is offered",
      "low",
    ],
    [
      "hybrid offered, not negotiated",
      "post-quantum",
      { groups: build.groups([build.group("X25519", 3072), build.group("X25519MLKEM768", 3072)]) },
      "Post-quantum groups are offered but X25519 was negotiated",
      "low",
    ],
    ["fresh keys", "key-reuse", sharing(5, 5), "No ephemeral key was seen twice", "info"],
    ["reused keys", "key-reuse", sharing(4, 5), "Ephemeral keys are used more than once", "medium"],
    [
      "one key only",
      "key-reuse",
      sharing(1, 1),
      "Too few ephemeral keys were seen to tell whether they are reused",
      "info",
    ],
    ["no tickets", "tickets", {}, "No session ticket is issued", "info"],
    [
      "tickets",
      "tickets",
      { tickets: observed({ tls13: 2, tls12: null, earlyData: false }) },
      "Session tickets are issued; whether they resume was not tried",
      "info",
    ],
    [
      "tickets half seen",
      "tickets",
      { tickets: observed({ tls13: 0, tls12: null, earlyData: false }) },
      "No session ticket was seen",
      "info",
    ],
    [
      "early data",
      "tickets",
      { tickets: observed({ tls13: 2, tls12: null, earlyData: true }) },
      "Early data (0-RTT) is accepted: such requests can be replayed",
      "low",
    ],
    [
      "EMS missing",
      "extended-master-secret",
      { extendedMasterSecret: observed(false) },
      "Extended master secret is not supported",
      "medium",
    ],
    [
      "chain out of order",
      "chain-order",
      withLeaf({}, { ordered: false }),
      "The certificates are not in order, or some do not belong",
      "low",
    ],
    [
      "must-staple without",
      "stapling",
      withLeaf({ mustStaple: true }),
      "The RSA certificate demands a stapled status and none is sent",
      "high",
    ],
    [
      "stapled",
      "stapling",
      withLeaf({ mustStaple: true }, { stapled: observed(true) }),
      "The RSA certificate comes with its status",
      "info",
    ],
    [
      "on but unusable",
      "unusable-protocols",
      {
        protocols: {
          ...build.protocols(["TLSv1.2", "TLSv1.3"]),
          "TLSv1.0": observed({ offered: false, answer: "alert", alert: 80 }),
        },
      },
      "Turned on but unusable: TLSv1.0",
      "low",
    ],
  ])("%s", (_, id, changes, message, severity) => {
    expect(finding(`general.${id}`, changes)).toMatchObject({ outcome: "info", message, severity });
  });

  test.each<[string, Partial<Observations>]>([
    ["post-quantum", { groups: failed("timed out") }],
    ["key-reuse", { keyShares: failed("timed out") }],
    ["tickets", { tickets: failed("timed out") }],
    ["extended-master-secret", { extendedMasterSecret: failed("timed out") }],
    ["downgrade-sentinel", { downgradeSentinel: failed("timed out") }],
    ["alpn", { alpn: failed("timed out") }],
    ["chain-order", { certificates: failed("timed out") }],
    ["stapling", withLeaf({}, { stapled: failed("timed out") })],
  ])("%s is unknown where it was not seen", (id, changes) => {
    expect(finding(`general.${id}`, changes)).toMatchObject({ outcome: "unknown", evidence: "timed out" });
  });
});

test("a fact that cannot exist here is no unknown", () => {
  const changes = { downgradeSentinel: build.untestable("not applicable: nothing older is offered") };
  expect(finding("general.downgrade-sentinel", changes)).toMatchObject({
    outcome: "info",
    message: "Downgrade sentinel: does not apply here",
    evidence: "nothing older is offered",
  });
});

/** Offers only TLS 1.3, with an EC key: of the old flaws none has what it needs. */
const modern: Partial<Observations> = { ...speaking({ "TLSv1.3": tls13 }), ...withLeaf({ key: ecKey(256) }) };
const cbc: Partial<Observations> = speaking({ "TLSv1.2": suites(["AES128-SHA"]), "TLSv1.3": tls13 });
const flaws = [
  "heartbleed",
  "ccs-injection",
  "ticketbleed",
  "robot",
  "poodle-tls",
  "zombie-poodle",
  "goldendoodle",
  "sleeping-poodle",
  "zero-length",
  "lucky-minus-20",
  "drown",
  "insecure-renegotiation",
  "debian-weak-key",
  "hpkp",
];

describe("rules that cannot be examined yet", () => {
  test.each(flaws)("%s passes where what it needs is absent, with the reason", (id) => {
    const found = finding(`ssllabs.${id}`, modern);
    expect(found.outcome).toBe("pass");
    expect(found.evidence).not.toBe("");
  });

  test.each(flaws)("%s is unknown where what it needs is there, or not known", (id) => {
    const there = {
      ...cbc,
      tickets: observed({ tls13: 0, tls12: true, earlyData: false }),
      http: observed({
        status: 200,
        headers: { "Public-Key-Pins": "x" },
        hsts: { present: true, raw: "", maxAge: 63_072_000, includeSubdomains: false, preload: false, problems: [] },
      }),
    };
    expect(finding(`ssllabs.${id}`, there).outcome).toBe("unknown");
    const blind = {
      protocols: Object.fromEntries(
        Object.keys(build.protocols([])).map((name) => [name, failed()]),
      ) as Observations["protocols"],
      cipherSuites: {},
      certificates: failed(),
      tickets: failed(),
      http: failed(),
    };
    expect(finding(`ssllabs.${id}`, blind).outcome).toBe("unknown");
  });

  test("revocation is open for every certificate; a distrusted name is open, others pass", () => {
    expect(finding("ssllabs.revocation", modern).outcome).toBe("unknown");
    expect(finding("ssllabs.distrusted-authority").outcome).toBe("pass");
    expect(finding("ssllabs.distrusted-authority", withLeaf({ issuer: "CN=GeoTrust RSA CA" })).outcome).toBe("unknown");
  });

  test("they never decide, and one finding names those that are open", () => {
    const found = finding("ssllabs.not-examined", cbc);
    expect(found).toMatchObject({ outcome: "info", severity: "info" });
    for (const title of ["Heartbleed", "ROBOT", "GOLDENDOODLE", "Revoked certificate"])
      expect(found.evidence).toContain(title);
    expect(finding("ssllabs.not-examined", modern).evidence).toBe(
      "Revoked certificate (needs the answer of the certificate's status responder)",
    );
    expect(judge(observations(cbc)).grades["ssllabs-2009r"]?.grade).toBe("B");
  });
});

describe("a report", () => {
  test("repeats target, time, cost and all that was seen; AAA is open", () => {
    const seen = observations();
    const report = judge(seen);
    const { schema: _, time, target, connections, bytesSent, bytesReceived, seconds, ...rest } = seen;
    expect(report).toMatchObject({
      schema: "tlsforge.report/1",
      time,
      target,
      connections,
      bytesSent,
      bytesReceived,
      seconds,
    });
    expect(report.observations).toEqual(rest);
    expect(report.aaa).toBeNull();
  });

  test("failed findings say what mends them, others do not", () => {
    const { findings } = judge(observations(speaking({ "TLSv1.0": tls12, "TLSv1.2": tls12 })));
    const ssllabs = findings.filter(({ id }) => id.startsWith("ssllabs."));
    expect(ssllabs.filter(({ outcome }) => outcome === "fail").map(({ id }) => id)).toEqual([
      "ssllabs.protocol.tls10",
      "ssllabs.protocol.tls13-missing",
    ]);
    expect(ssllabs.filter(({ outcome, fix }) => (outcome === "fail") !== (fix !== null))).toEqual([]);
  });

  test("takes the rulebooks it is given, each under its id", () => {
    const strict: Rulebook = {
      id: "strict-1",
      title: "Strict",
      publisher: "nobody",
      date: "2026-01-01",
      reference: "none",
      judge: () => ({
        result: { grade: "F", gradeTrustIgnored: "F", scores: null, caps: [], warnings: [], incomplete: [] },
        findings: [],
      }),
    };
    expect(Object.keys(judge(observations(), { rulebooks: [...rulebooks, strict] }).grades)).toEqual([
      "ssllabs-2009r",
      "strict-1",
    ]);
    expect(judge(observations(), { rulebooks: [strict] }).grades["strict-1"]?.grade).toBe("F");
  });
});
