import { describe, expect, test } from "vitest";

import { judge } from "../../../src/grade/index.ts";
import { complete } from "../../../src/grade/complete.ts";
import type { Finding } from "../../../src/grade/index.ts";
import type { KeyShareReuse, Observations, RsaWeakness } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, failed, hsts, leafOf, observations, observed, speaking, suite, suites, tls13, untestable } = build;
type Changes = Partial<Observations>;

function finding(id: string, changes: Changes = {}): Finding {
  const found = judge(observations(changes)).findings.find((each) => each.id === `general.${id}`);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}
const brief = (...of: Parameters<typeof finding>): unknown[] => {
  const { outcome, severity, message } = finding(...of);
  return [outcome, severity, message];
};
const ofLeaf = (...of: Parameters<typeof leafOf>): Changes => ({
  certificates: observed([chain({}, { leaf: leafOf(...of) })]),
});
const trusted = (isTrusted: boolean, local: boolean) =>
  observed({ trusted: isTrusted, local, anchor: "CN=Some", reason: null });

describe("the server's own certificate", () => {
  test.each([
    [["2.23.140.1.2.2", "1.2.3"], "The RSA certificate was issued after an organization's validation (OV)"],
    [["1.2.3", "2.23.140.1.1", "2.23.140.1.2.1"], "The RSA certificate was issued after extended validation (EV)"],
    [["2.23.140.1.2.3"], "The RSA certificate was issued after an individual's validation (IV)"],
    [[], "The RSA certificate names no level of validation"],
  ])("level of %j", (policies, message) => {
    expect(brief("validation", ofLeaf({ policies }))).toEqual(["info", "info", message]);
  });

  test.each([
    ["2018-03-01", 825],
    ["2020-08-31", 825],
    ["2020-09-01", 398],
    ["2026-03-14", 398],
    ["2026-03-15", 200],
    ["2027-03-15", 100],
    ["2029-03-15", 47],
  ])("of %s may be valid for %i days, to the second", (from, days) => {
    const until = (seconds: number): string =>
      new Date(Date.parse(`${from}T00:00:00Z`) + (days * 86_400 + seconds) * 1000).toISOString();
    const lasting = (seconds: number, trust = trusted(true, false)): Changes => ({
      certificates: observed([chain({ notBefore: `${from}T00:00:00.000Z`, notAfter: until(seconds) }, { trust })]),
    });
    expect(finding("lifetime", lasting(-1)).outcome).toBe("pass");
    const long = finding("lifetime", lasting(0));
    expect([long.outcome, long.severity]).toEqual(["info", "medium"]);
    expect(long.message).toContain(`valid for ${days + 1} days, and may be for ${days}`);
    expect(long.fix).toBe(
      `Have the certificate issued for ${days} days at most: authorities may not issue it for longer`,
    );
    expect(finding("lifetime", lasting(0, trusted(true, true))).severity).toBe("info");
    expect(finding("lifetime", lasting(0, trusted(false, false))).severity).toBe("info");
    expect(
      finding("lifetime", {
        certificates: observed([
          chain({ notBefore: `${from}T00:00:00.000Z`, notAfter: until(0) }, { trust: failed() }),
        ]),
      }).outcome,
    ).toBe("unknown");
  });

  test("before the limits", () => {
    const old = { notBefore: "2018-02-28T23:59:59.000Z", notAfter: "2028-01-01T00:00:00.000Z" };
    expect(brief("lifetime", { certificates: observed([chain(old)]) })).toEqual([
      "info",
      "info",
      "The RSA certificate is valid for 3594 days, and was issued before 2018-03-01, from when on 825 days count",
    ]);
  });

  test("what it is for", () => {
    const outcome = (purposes: readonly string[] | null) => brief("purpose", ofLeaf({ purposes })).slice(0, 2);
    expect(outcome(["1.3.6.1.5.5.7.3.1"])).toEqual(["pass", "info"]);
    expect(outcome(["2.5.29.37.0"])).toEqual(["info", "low"]);
    expect(outcome(["1.3.6.1.5.5.7.3.2"])).toEqual(["info", "high"]);
    expect(outcome(null)).toEqual(["info", "info"]);
    expect(brief("purpose", { certificates: observed([chain({ isCa: true })]) }).slice(0, 2)).toEqual(["info", "low"]);
  });

  test.each<[RsaWeakness[], number, string]>([
    [["ROCA"], 2048, "The RSA key is of a kind that can be factored: ROCA"],
    [["ROCA"], 3071, "The RSA key is of a kind that can be factored: ROCA"],
    [["ROCA"], 3072, "The RSA key of 3072 bits is of a weak kind: ROCA"],
    [["close primes"], 4096, "The RSA key can be factored: close primes"],
    [["ROCA", "close primes"], 4096, "The RSA key can be factored: ROCA, close primes"],
  ])("a key with %j of %i bits fails", (weaknesses, bits, message) => {
    const key = { type: "RSA", bits, curve: null, exponent: "65537" } as const;
    const certificates = observed([chain({ key }, { leaf: leafOf({ weaknesses: observed(weaknesses) }) })]);
    expect(brief("weak-key", { certificates })).toEqual(["fail", "high", message]);
  });

  test("a key that was not looked into does not pass", () => {
    expect(finding("weak-key").outcome).toBe("pass");
    expect(finding("weak-key", ofLeaf({ weaknesses: untestable("not applicable: no RSA key") })).outcome).toBe("pass");
    expect(finding("weak-key", ofLeaf({ weaknesses: untestable("too long") })).outcome).toBe("unknown");
  });

  test("of an older recording nothing is known", () => {
    const { leaf: _, ...older } = chain();
    const seen = complete(observations({ certificates: observed([older as ReturnType<typeof chain>]) }));
    for (const id of ["validation", "purpose", "weak-key"])
      expect(finding(id, seen)).toMatchObject({ outcome: "unknown", evidence: "this version does not look at it" });
  });
});

describe("exposures that follow from others", () => {
  const old = (...list: Parameters<typeof suites>): Changes => speaking({ "TLSv1.2": suites(...list) });
  const called = (server: string | undefined): Changes => {
    const seen = hsts(0);
    if (seen.state !== "observed") return {};
    return { http: observed({ ...seen.value, headers: server === undefined ? {} : { server } }) };
  };

  const noTls13 = speaking({ "TLSv1.2": suites(["AES128-SHA"]) }).protocols;

  test.each([
    ["TLS 1.3", {}, "pass"],
    ["TLS 1.3 before IIS of 2003", called("Microsoft-IIS/6.0"), "pass"],
    ["IIS without the update's suites", { ...old(["AES128-SHA"]), ...called("Microsoft-IIS/8.5") }, "unknown"],
    ["HTTP.SYS without them", { ...old(["AES128-SHA"]), ...called("Microsoft-HTTPAPI/2.0") }, "unknown"],
    ["IIS of 2008 R2 without them", { ...old(["AES128-SHA"]), ...called("Microsoft-IIS/7.5") }, "unknown"],
    ["IIS of 2008 R2 with them", { ...old(["AES128-GCM-SHA256"]), ...called("Microsoft-IIS/7.5") }, "pass"],
    ["IIS of 2012 with them", { ...old(["DHE-RSA-AES256-GCM-SHA384"]), ...called("Microsoft-IIS/8.0") }, "pass"],
    ["IIS of 2012 R2 with them", { ...old(["AES128-GCM-SHA256"]), ...called("Microsoft-IIS/8.5") }, "unknown"],
    ["IIS of 2003", { ...old(["AES128-SHA"]), ...called("Microsoft-IIS/6.0") }, "unknown"],
    ["IIS of 2003 with them", { ...old(["AES128-GCM-SHA256"]), ...called("Microsoft-IIS/6.0") }, "unknown"],
    ["HTTP.SYS with them", { ...old(["AES128-GCM-SHA256"]), ...called("Microsoft-HTTPAPI/2.0") }, "unknown"],
    ["a later IIS", { ...old(["AES128-SHA"]), ...called("Microsoft-IIS/10.0") }, "unknown"],
    ["another server", { ...old(["AES128-SHA"]), ...called("nginx") }, "unknown"],
    ["another server with them", { ...old(["AES128-GCM-SHA256"]), ...called("Apache/7.5") }, "unknown"],
    ["suites not known", { cipherSuites: {}, protocols: noTls13, ...called("Microsoft-IIS/7.5") }, "unknown"],
    ["no name", { ...old(["AES128-SHA"]), ...called(undefined) }, "unknown"],
    ["no answer", { ...old(["AES128-SHA"]), http: failed() }, "unknown"],
    ["suites of no such Windows", { ...old(["ECDHE-RSA-AES128-GCM-SHA256"]), http: failed() }, "pass"],
  ] satisfies [string, Changes, string][])("Winshock: %s", (_, changes, outcome) => {
    expect(finding("winshock", changes).outcome).toBe(outcome);
  });

  test("Raccoon needs Diffie-Hellman values that repeat; DHEat only Diffie-Hellman", () => {
    const dhe = speaking({ "TLSv1.2": suites([suite("DHE-RSA-AES256-GCM-SHA384")]), "TLSv1.3": tls13 });
    const values = (seen: number, distinct: number): Changes => {
      const samples: KeyShareReuse["samples"] = [{ kind: "DHE", group: "DH 2048", seen, distinct }];
      return { ...dhe, keyShares: observed({ samples }) };
    };
    expect(brief("raccoon", values(5, 1)).slice(0, 2)).toEqual(["info", "medium"]);
    expect(finding("raccoon", values(5, 5)).outcome).toBe("pass");
    expect(finding("raccoon", values(1, 1)).outcome).toBe("unknown");
    expect(finding("raccoon", { ...dhe, keyShares: failed() }).outcome).toBe("unknown");
    expect(finding("raccoon").outcome).toBe("pass");
    expect([finding("dheat", dhe).severity, finding("dheat").outcome]).toEqual(["low", "pass"]);
  });

  test("Raccoon: static Diffie-Hellman uses its value for every handshake", () => {
    const fixed = suite("AES128-GCM-SHA256", { name: "TLS_DH_RSA_WITH_AES_128_GCM_SHA256", keyExchange: "DH" });
    const changes = { ...speaking({ "TLSv1.2": suites([fixed]) }), keyShares: failed() };
    expect(brief("raccoon", changes).slice(0, 2)).toEqual(["info", "medium"]);
    expect(finding("raccoon", changes).evidence).toContain("TLS_DH_RSA_WITH_AES_128_GCM_SHA256");
  });

  test("DHEat: groups of TLS 1.3 count too", () => {
    const finite = build.groups([build.group("X25519", 3072), build.group("ffdhe3072", 3072, 257)]);
    expect(brief("dheat", { groups: finite }).slice(0, 2)).toEqual(["info", "low"]);
    expect(finding("dheat", { groups: finite }).evidence).toContain("ffdhe3072 (TLSv1.3)");
    expect(finding("dheat", { groups: failed() })).toMatchObject({ outcome: "unknown", evidence: "groups: timed out" });
    expect(finding("dheat", { ...old(["AES128-SHA"]), groups: failed() }).outcome).toBe("pass");
    const protocols = { ...observations().protocols, "TLSv1.3": failed() };
    expect(finding("dheat", { protocols }).outcome).toBe("unknown");
  });
});

describe("what hellos tell", () => {
  test("NPN", () => {
    expect(brief("next-protocols", { nextProtocols: observed(["spdy/3", "http/1.1"]) })).toEqual([
      "info",
      "info",
      "NPN, which ALPN replaced, is still supported: spdy/3, http/1.1",
    ]);
    expect(brief("next-protocols", { nextProtocols: observed([]) })).toEqual([
      "info",
      "info",
      "NPN, which ALPN replaced, is still supported: without a protocol",
    ]);
    expect([finding("next-protocols").outcome, finding("next-protocols", { nextProtocols: failed() }).outcome]).toEqual(
      ["pass", "unknown"],
    );
  });

  test("random values and the clock in them", () => {
    const random = (seen: number, distinct: number, clockSkewSeconds: number | null, seconds = 0.1) =>
      brief("server-random", { serverRandom: observed({ seen, distinct, clockSkewSeconds }), seconds });
    expect(random(9, 8, null).slice(0, 2)).toEqual(["info", "high"]);
    expect(random(9, 9, null)[0]).toBe("pass");
    expect(random(1, 1, null)[0]).toBe("info");
    expect(random(9, 9, -61)).toEqual([
      "info",
      "low",
      "The random values of the server begin with its clock, which is 61 s behind",
    ]);
    expect(random(9, 9, 60)[1]).toBe("info");
    expect(random(9, 9, 61)[1]).toBe("low");
    // Half an hour at a gentle pace: who is right at its end seems that much ahead of its beginning.
    expect(random(9, 9, 1800, 1799.5)).toEqual([
      "info",
      "info",
      "The random values of the server begin with its clock, which is the same as here, as far as a look of this length can tell",
    ]);
    expect(random(9, 9, 1859, 1799.5)[1]).toBe("info");
    expect(random(9, 9, 1860, 1799.5).slice(1)).toEqual([
      "low",
      "The random values of the server begin with its clock, which is 61 to 1860 s ahead",
    ]);
    expect(random(9, 9, -61, 1799.5)[1]).toBe("low");
    expect(finding("server-random", { serverRandom: failed() }).outcome).toBe("unknown");
  });

  test("authorities of clients, and a cookie", () => {
    const asked = { clientCertificateRequested: observed(true) };
    const evidence = (clientAuthorities: Observations["clientAuthorities"]) =>
      finding("client-certificate", { ...asked, clientAuthorities }).evidence;
    expect(evidence(observed(["CN=Some CA"]))).toBe("of CN=Some CA");
    expect(evidence(observed([]))).toBe("of no authority by name");
    expect(evidence(failed())).toBe("of which authorities: timed out");
    expect([finding("retry-cookie").outcome, finding("retry-cookie", { retryCookie: observed(true) }).outcome]).toEqual(
      ["pass", "info"],
    );
  });
});
