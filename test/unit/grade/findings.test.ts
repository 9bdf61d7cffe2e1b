import { describe, expect, test } from "vitest";
import { judge, rulebooks } from "../../../src/grade/index.ts";
import type { Finding, Rulebook } from "../../../src/grade/index.ts";
import type { FlawName, Observations } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, ecKey, failed, observations, observed, speaking, suites, tls12, tls13, untestable } = build;

function finding(id: string, changes: Partial<Observations> = {}): Finding {
  const found = judge(observations(changes)).findings.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}

const withLeaf = (...of: Parameters<typeof chain>): Partial<Observations> => ({
  certificates: observed([chain(...of)]),
});

/** Offers only TLS 1.3, with an EC key: of the old flaws none has what it needs. */
const modern: Partial<Observations> = { ...speaking({ "TLSv1.3": tls13 }), ...withLeaf({ key: ecKey(256) }) };
const cbc: Partial<Observations> = speaking({ "TLSv1.2": suites(["AES128-SHA"]), "TLSv1.3": tls13 });
const notLooked = untestable("this version does not look at it");
const probed: readonly FlawName[] = [
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
  "insecure-renegotiation",
];
const nobodyLooked = { flaws: build.flaws(Object.fromEntries(probed.map((name) => [name, notLooked]))) };
const tickets = { tickets: observed({ tls13: 0, tls12: true, earlyData: false }) };
const blind: Partial<Observations> = {
  protocols: Object.fromEntries(
    Object.keys(build.protocols([])).map((name) => [name, failed()]),
  ) as Observations["protocols"],
  cipherSuites: {},
  certificates: failed(),
  tickets: failed(),
  http: failed(),
};

describe("flaws that nobody looked for", () => {
  test.each(probed)("%s passes where what it needs is absent, with the reason", (name) => {
    const found = finding(`ssllabs.${name}`, { ...modern, ...nobodyLooked });
    expect(found.outcome).toBe("pass");
    expect(found.evidence).not.toBe("");
  });

  test.each(probed)("%s is unknown, harmlessly, where what it needs is there or not known", (name) => {
    for (const place of [{ ...cbc, ...tickets }, blind]) {
      const found = finding(`ssllabs.${name}`, { ...place, ...nobodyLooked });
      expect([found.outcome, found.severity]).toEqual(["unknown", "info"]);
      expect(found.evidence).toContain("this version does not look at it");
    }
  });

  test("they do not decide, and one finding names them", () => {
    const changes = { ...cbc, ...tickets, ...nobodyLooked };
    const found = finding("ssllabs.not-examined", changes);
    for (const title of ["Heartbleed", "ROBOT", "GOLDENDOODLE", "Revoked certificate", "DROWN"])
      expect(found.evidence).toContain(title);
    expect(found.message).toBe("The grade leaves out 14 rules of the guide that this version cannot examine here");
    expect(judge(observations(changes)).grades["ssllabs-2009r"]?.grade).toBe("B");
  });

  test("that it does not apply is an answer", () => {
    const flaws = build.flaws({ robot: untestable("not applicable: no RSA key exchange is offered") });
    expect(finding("ssllabs.robot", { ...cbc, flaws })).toMatchObject({
      outcome: "pass",
      message: "ROBOT: not possible here",
      evidence: "no RSA key exchange is offered",
    });
  });
});

describe("rules that observations cannot decide", () => {
  test.each(["drown", "debian-weak-key"])("%s passes without an RSA key, and is unknown with one", (id) => {
    expect(finding(`ssllabs.${id}`, modern).outcome).toBe("pass");
    expect(finding(`ssllabs.${id}`).outcome).toBe("unknown");
    expect(finding(`ssllabs.${id}`, blind).outcome).toBe("unknown");
  });

  test("a distrusted name is open, others pass", () => {
    expect(finding("ssllabs.distrusted-authority").outcome).toBe("pass");
    expect(finding("ssllabs.distrusted-authority", withLeaf({ issuer: "CN=GeoTrust RSA CA" })).outcome).toBe("unknown");
  });

  test("where no status is stapled, revocation is left out of the grade", () => {
    expect(finding("ssllabs.revocation", modern)).toMatchObject({ outcome: "unknown", severity: "info" });
    expect(finding("ssllabs.not-examined", modern).evidence).toBe(
      "Revoked certificate (needs the answer of the certificate's status responder; none is stapled)",
    );
    expect(judge(observations(modern)).grades["ssllabs-2009r"]?.grade).toBe("A+");
  });

  test("pins of good form are left out of the grade", () => {
    const pin = (letter: string): string => `pin-sha256="${letter.repeat(43)}="`;
    const http = observed({
      status: 200,
      headers: { "Public-Key-Pins": `max-age=1; ${pin("A")}; ${pin("B")}` },
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
    });
    expect(finding("ssllabs.hpkp", { http })).toMatchObject({ outcome: "unknown", severity: "info" });
    expect(judge(observations({ http })).grades["ssllabs-2009r"]?.grade).toBe("A+");
  });
});

describe("a report", () => {
  test("repeats target, time, cost and all that was seen", () => {
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

  test("every finding names its reference; every failed one its remedy, and what passes has none", () => {
    for (const changes of [{}, cbc, modern, blind, { ...cbc, http: build.noHsts, compression: observed(true) }]) {
      const { findings } = judge(observations(changes));
      expect(findings.filter(({ reference }) => reference.length < 5)).toEqual([]);
      expect(findings.filter(({ outcome, fix }) => outcome === "fail" && fix === null)).toEqual([]);
      expect(
        findings.filter(({ outcome, fix }) => (outcome === "pass" || outcome === "unknown") && fix !== null),
      ).toEqual([]);
    }
  });

  test("takes the rulebooks it is given, each under its id", () => {
    const strict: Rulebook = {
      id: "strict-1",
      title: "Strict",
      publisher: "nobody",
      date: "2026-01-01",
      reference: "none",
      judge: () => ({
        result: {
          grade: "F",
          gradeTrustIgnored: "F",
          bounds: null,
          boundsTrustIgnored: null,
          scores: null,
          caps: [],
          warnings: [],
          incomplete: [],
        },
        findings: [],
      }),
    };
    expect(Object.keys(judge(observations(), { rulebooks: [...rulebooks, strict] }).grades)).toEqual([
      "ssllabs-2009r",
      "mozilla-6.0",
      "ncsc-nl-2025",
      "strict-1",
    ]);
    expect(judge(observations(), { rulebooks: [strict] }).grades["strict-1"]?.grade).toBe("F");
  });
});
