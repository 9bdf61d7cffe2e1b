import { describe, expect, test } from "vitest";
import { judge } from "../../../src/grade/index.ts";
import type { Finding } from "../../../src/grade/index.ts";
import type { Observations, TimestampSeen } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, ecKey, failed, hsts, noHsts, observations, observed, speaking, suite, suites, tls13, untestable } =
  build;

type Changes = Partial<Observations>;

function finding(id: string, changes: Changes = {}): Finding {
  const found = judge(observations(changes)).findings.find((each) => each.id === `general.${id}`);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
}

const leaf = (...of: Parameters<typeof chain>): Changes => ({ certificates: observed([chain(...of)]) });
const withTls12 = (...list: Parameters<typeof suites>): Changes =>
  speaking({ "TLSv1.2": suites(...list), "TLSv1.3": tls13 });
const sharing = (distinct: number, seen: number): Changes => ({
  keyShares: observed({ samples: [{ kind: "DHE", group: "DH 2048", seen, distinct }] }),
});
const exportDhe = suite("EXP-RC4-MD5", {
  id: 0x14,
  name: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
  keyExchange: "DHE",
  dhBits: 512,
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
const unreadable: TimestampSeen = { logId: null, log: null, time: null, source: "staple", valid: failed("broken") };
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
const noHttp: Changes = { http: failed("timed out") };

describe("what is said", () => {
  test.each<[string, string, Changes, string]>([
    ["hybrid", "post-quantum", {}, "Post-quantum hybrid negotiated: X25519MLKEM768"],
    [
      "hybrid offered, not negotiated",
      "post-quantum",
      { groups: build.groups([build.group("X25519", 3072), build.group("X25519MLKEM768", 3072)]) },
      "Post-quantum groups are offered but X25519 was negotiated",
    ],
    ["fresh keys", "key-reuse", sharing(5, 5), "No ephemeral key was seen twice"],
    ["one key", "key-reuse", sharing(1, 1), "Too few ephemeral keys were seen to tell whether they are reused"],
    ["curve of a hybrid", "curve", {}, "Curve in use: X25519MLKEM768 (SafeCurves: X25519 is safe)"],
    [
      "curve",
      "curve",
      { groups: build.groups([build.group("P-256", 3072)]) },
      "Curve in use: P-256 (SafeCurves: not safe)",
    ],
    [
      "curve, not assessed",
      "curve",
      { groups: build.groups([build.group("P-521", 15360)]) },
      "Curve in use: P-521 (SafeCurves: not assessed)",
    ],
    ["no DH", "dh-parameters", { dhParameters: failed() }, "No finite-field Diffie-Hellman is offered"],
    [
      "DH below 1024",
      "dh-parameters",
      parameters(768, null, true),
      "Diffie-Hellman parameters of 768 bits can be broken",
    ],
    [
      "DH that all share",
      "dh-parameters",
      parameters(1024, "RFC 2409 group 2", true),
      "Diffie-Hellman parameters of 1024 bits that many servers share (RFC 2409 group 2)",
    ],
    [
      "DH of its own",
      "dh-parameters",
      parameters(1024, null, true),
      "Diffie-Hellman parameters of 1024 bits are short",
    ],
    [
      "export DHE",
      "logjam",
      withTls12([exportDhe]),
      "LOGJAM, exposed by configuration: Diffie-Hellman of 1024 bits or less is offered",
    ],
    ["no tickets", "tickets", {}, "No session ticket is issued"],
    [
      "tickets",
      "tickets",
      { tickets: observed({ tls13: 2, tls12: null, earlyData: false }) },
      "Session tickets are issued",
    ],
    [
      "half seen",
      "tickets",
      { tickets: observed({ tls13: 0, tls12: null, earlyData: false }) },
      "No session ticket was seen",
    ],
    ["no resumption", "resumption", {}, "Sessions are not resumed"],
    ["resumption", "resumption", resuming(7200), "Sessions are resumed by pre-shared key"],
    ["no ALPN", "alpn", { alpn: observed(null) }, "No application protocol is negotiated"],
    ["order", "suite-order", {}, "Who chooses the suite: TLSv1.2 server, TLSv1.3 server"],
    ["ECH", "encrypted-client-hello", { encryptedClientHello: observed(true) }, "Encrypted ClientHello is offered"],
    ["same without a name", "without-server-name", {}, "Without a server name the same certificate is sent"],
    [
      "another without a name",
      "without-server-name",
      { withoutServerName: observed("00") },
      "Without a server name another certificate is sent",
    ],
    [
      "refused without a name",
      "without-server-name",
      { withoutServerName: observed(null) },
      "Without a server name the handshake is refused",
    ],
    [
      "certificates of clients",
      "client-certificate",
      { clientCertificateRequested: observed(true) },
      "Clients are asked for a certificate",
    ],
    [
      "a status that does not hold",
      "staple",
      staple("good", ["expired"]),
      "The stapled status of the RSA certificate does not hold",
    ],
    ["a status of nobody", "staple", staple("unknown"), "The responder does not know the RSA certificate"],
    ["no timestamps", "transparency", {}, "The RSA certificate carries valid timestamps of no log"],
    [
      "one log twice",
      "transparency",
      leaf({}, { timestamps: [sct("a", observed(true)), sct("a", observed(true))] }),
      "The RSA certificate carries valid timestamps of one log only",
    ],
    [
      "two logs beside a list that cannot be read",
      "transparency",
      leaf({}, { timestamps: [sct("a", observed(true)), unreadable, sct("b", observed(true))] }),
      "The RSA certificate carries valid timestamps of 2 logs",
    ],
    [
      "no timestamps, local",
      "transparency",
      leaf({}, { trust: observed({ trusted: true, local: true, anchor: "CN=Local", reason: null }) }),
      "The RSA certificate carries no timestamps, and no public authority asks for them",
    ],
    ["no policy", "hsts-preload", { http: noHsts }, "HSTS preload: no policy is sent"],
    [
      "policy without a redirect",
      "hsts-preload",
      { http: hsts(100), redirect: observed(null) },
      "The policy is not fit for the preload list: max-age below 31536000, no includeSubDomains, no preload, no redirect from port 80 to HTTPS",
    ],
    ["no redirect", "redirect", {}, "Port 80 answers without leading to HTTPS"],
    [
      "headers",
      "security-headers",
      headers({
        "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
      }),
      "Protecting headers that are not sent: X-Content-Type-Options: nosniff",
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
    ],
    [
      "refused in silence",
      "silent-refusal",
      {
        protocols: {
          ...build.protocols(["TLSv1.3"]),
          SSLv2: observed({ offered: false, answer: "closed" }),
          "TLSv1.2": observed({ offered: false, answer: "closed" }),
        },
      },
      "Versions are refused by the end of the connection, without an alert: where something stands between, it may be that which refuses",
    ],
    ["browsers", "reference-browsers", leaf({ key: ecKey(256) }), "All 5 reference browsers connect"],
  ])("%s", (_, id, changes, message) => {
    expect(finding(id, changes).message).toBe(message);
  });

  test("security headers: all there, and not known", () => {
    const all = headers({
      "content-security-policy": "default-src 'self'",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
    });
    expect(finding("security-headers", all).outcome).toBe("pass");
    expect(finding("security-headers", noHttp).outcome).toBe("unknown");
  });

  test.each(["encrypted-client-hello", "without-server-name", "client-certificate", "alpn"])(
    "%s is unknown where it was not seen",
    (id) => {
      const blank = {
        encryptedClientHello: failed("timed out"),
        withoutServerName: failed("timed out"),
        clientCertificateRequested: failed("timed out"),
        alpn: failed("timed out"),
      };
      expect(finding(id, blank)).toMatchObject({ outcome: "unknown", evidence: "timed out" });
    },
  );

  test("a fact that cannot exist here is no unknown", () => {
    const changes = { downgradeSentinel: untestable("not applicable: nothing older is offered") };
    expect(finding("downgrade-sentinel", changes)).toMatchObject({
      outcome: "pass",
      message: "Downgrade sentinel: does not apply here",
      evidence: "nothing older is offered",
    });
  });

  test("where nobody looked, it is said", () => {
    const nobody = untestable("this version does not look at it");
    const changes = { resumption: { sessionId: nobody, ticket: nobody, psk: nobody }, tolerance: [] };
    for (const id of ["resumption", "tolerance"])
      expect(finding(id, changes)).toMatchObject({ outcome: "unknown", evidence: "this version does not look at it" });
  });
});

test.each([[[]], [[sct("a", observed(true))]]])(
  "a list of timestamps that cannot be read is unknown beside %j",
  (rest) => {
    for (const local of [true, false]) {
      const trust = observed({ trusted: true, local, anchor: "CN=Some", reason: null });
      const { outcome, evidence } = finding("transparency", leaf({}, { trust, timestamps: [unreadable, ...rest] }));
      expect(outcome).toBe("unknown");
      expect(evidence).toContain("a list (staple): broken");
    }
  },
);
