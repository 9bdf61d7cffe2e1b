import { describe, expect, it } from "vitest";

import { judge, type Finding } from "../../../src/grade/index.ts";
import type { CaaRecordSeen, HttpsRecordSeen, Observations, TlsaRecordSeen } from "../../../src/probe/index.ts";
import { chain, failed, observations, observed, untestable } from "./observations.ts";

type Dns = Observations["dns"];

function finding(id: string, changes: Partial<Observations>): Finding {
  const found = judge(observations(changes)).findings.find((each) => each.id === `general.${id}`);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}

const withDns = (changes: Partial<Dns>): Partial<Observations> => ({ dns: { ...observations().dns, ...changes } });
const issue = (tag: string, value: string, critical = false): CaaRecordSeen => ({ tag, value, critical });
const caa = (...records: readonly CaaRecordSeen[]) =>
  withDns({ caa: observed({ name: "example.org", authenticated: false, records }) });

describe("CAA", () => {
  it.each([
    [[issue("issue", "ca.example; validationmethods=dns-01")], "CAA: certificates may come from ca.example"],
    [[issue("issue", ";")], "CAA: certificates may come from nobody"],
    [
      [issue("issue", "a.example"), issue("issue", "b.example"), issue("issuewild", ";")],
      "CAA: certificates may come from a.example, b.example; wildcards: nobody",
    ],
    [[issue("iodef", "mailto:a@example.org")], "CAA: any authority may issue certificates"],
    [[issue("strange", "1", true)], "CAA: critical properties that few authorities know: strange"],
  ])("%j", (records, message) => {
    expect(finding("dns-caa", caa(...records))).toMatchObject({ outcome: "info", message });
  });

  it("is advised where there is none, and unknown where it was not seen", () => {
    expect(finding("dns-caa", {})).toMatchObject({ outcome: "info", fix: expect.stringContaining("Publish") });
    expect(finding("dns-caa", withDns({ caa: failed("SERVFAIL") })).outcome).toBe("unknown");
    expect(finding("dns-caa", withDns({ caa: untestable("not applicable: an address") })).outcome).toBe("pass");
  });
});

const own = "ab".repeat(32);
const record = (matches: TlsaRecordSeen["matches"]): TlsaRecordSeen => ({
  usage: 3,
  selector: 1,
  matching: 1,
  data: "00",
  matches,
});
const tlsa = (authenticated: boolean, ...records: readonly TlsaRecordSeen[]) =>
  withDns({ tlsa: observed({ name: "_443._tcp.www.example.org", authenticated, records }) });

describe("TLSA", () => {
  it.each<[string, Partial<Observations>, Partial<Finding>]>([
    ["none", {}, { outcome: "info", severity: "info" }],
    ["one that fits", tlsa(true, record(observed([own]))), { outcome: "pass" }],
    ["one that fits beside an old one", tlsa(true, record(observed([])), record(observed([own]))), { outcome: "pass" }],
    ["none that fits", tlsa(true, record(observed([])), record(observed([]))), { outcome: "info", severity: "high" }],
    ["one that nobody vouches for", tlsa(false, record(observed([own]))), { outcome: "unknown" }],
    ["a wrong one that nobody vouches for", tlsa(false, record(observed([]))), { outcome: "unknown" }],
    ["one that cannot be compared", tlsa(true, record(untestable("an authority"))), { outcome: "unknown" }],
    [
      "no certificate to compare with",
      { ...tlsa(true, record(observed([own]))), certificates: failed("timed out") },
      { outcome: "unknown" },
    ],
    [
      "a second certificate that none fits",
      { ...tlsa(true, record(observed([own]))), certificates: observed([chain(), chain({ sha256: "cd".repeat(32) })]) },
      { outcome: "info", severity: "high", evidence: expect.stringContaining("cdcd") },
    ],
    ["not seen", withDns({ tlsa: failed("timed out") }), { outcome: "unknown" }],
  ])("%s", (_name, changes, expected) => {
    expect(finding("dns-tlsa", changes)).toMatchObject(expected);
  });
});

describe("the HTTPS record", () => {
  const of = (changes: Partial<HttpsRecordSeen>): HttpsRecordSeen => ({
    priority: 1,
    target: ".",
    alpn: [],
    noDefaultAlpn: false,
    port: null,
    ech: false,
    ipv4Hints: [],
    ipv6Hints: [],
    ...changes,
  });
  const https = (...records: readonly HttpsRecordSeen[]) =>
    withDns({ https: observed({ name: "www.example.org", authenticated: false, records }) });

  it.each<[Partial<Observations>, string, string]>([
    [{}, "No HTTPS record is published", "www.example.org"],
    [
      https(of({ alpn: ["h3", "h2"], ech: true, port: 8443 })),
      "HTTPS record: Encrypted Client Hello is published",
      "1 . alpn h3,h2 port 8443 ech",
    ],
    [https(of({})), "HTTPS record: Encrypted Client Hello is not published", "1 ."],
    [https(of({ priority: 0, target: "other.example" })), "The HTTPS record is an alias", "of other.example"],
  ])("%#", (changes, message, evidence) => {
    expect(finding("dns-https", changes)).toMatchObject({ outcome: "info", message, evidence });
  });

  it("that was not seen is unknown", () => {
    expect(finding("dns-https", withDns({ https: failed("timed out") })).outcome).toBe("unknown");
  });
});

describe("HTTP/3", () => {
  it.each<[Observations["http3"], Partial<Finding>]>([
    [
      observed({ versions: ["v1", "v2"], advertised: observed('h3=":443"') }),
      { outcome: "info", message: "QUIC is answered on UDP: v1, v2", evidence: 'Alt-Svc: h3=":443"' },
    ],
    [observed({ versions: [], advertised: observed(null) }), { message: expect.stringContaining("only reserved") }],
    [observed({ versions: null, advertised: failed("x") }), { message: expect.stringContaining("is not offered") }],
    [untestable("silence"), { outcome: "unknown", evidence: "silence" }],
  ])("%#", (http3, expected) => {
    expect(finding("http3", { http3 })).toMatchObject(expected);
  });

  it.each([
    ['h3=":443"', "is advertised, and"],
    ['h3="www.EXAMPLE.org.:443"; ma=60', "is advertised, and"],
    ['h3=":8443"', "elsewhere"],
    ['h3="cdn.example:443"', "elsewhere"],
    ["h3=1", "cannot be read"],
  ])("advertised by %s, with the UDP port closed", (field, message) => {
    const found = finding("http3", { http3: observed({ versions: null, advertised: observed(field) }) });
    expect(found).toMatchObject({ outcome: "info", message: expect.stringContaining(message) });
  });
});
