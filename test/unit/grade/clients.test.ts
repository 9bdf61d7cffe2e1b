import { describe, expect, test } from "vitest";
import { before13, currentBrowsers } from "../../../src/grade/clients/reference.ts";
import { negotiate, simulate } from "../../../src/grade/clients/simulate.ts";
import type { ClientProfile } from "../../../src/grade/clients/types.ts";
import type { Observations } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, ecKey, failed, observations, observed, speaking, suite, suites, tls12, tls13 } = build;

function client(start: string): ClientProfile {
  const found = [...currentBrowsers, ...before13].find(({ id }) => id.startsWith(start));
  if (found === undefined) throw new Error(`no client ${start}`);
  return found;
}

const chrome = client("chrome");
const firefox = client("firefox-147");
const safari = client("safari-26.0.1");
const ios = client("safari-26.0-ios");
const old = client("firefox-31");

function got(profile: ClientProfile, changes: Partial<Observations> = {}): string {
  const result = simulate(profile, observations(changes));
  if (result.state === "connects") return `${result.protocol} ${result.suite.name} ${result.group ?? "no group"}`;
  return result.state === "refused"
    ? `refused: ${result.why}`
    : `unknown: ${result.possible.map(({ name }) => name).join(", ")}`;
}

const tls12Only = (...list: Parameters<typeof suites>): Partial<Observations> =>
  speaking({ "TLSv1.2": suites(...list) });
const edKey = { type: "Ed25519", bits: 256, curve: null, exponent: null } as const;

describe("the reference browsers", () => {
  test("are five or more, recent, each with source and date", () => {
    expect(currentBrowsers.length).toBeGreaterThanOrEqual(5);
    for (const { id, date, source, suites: own, groups, signatureSchemes, alpn } of currentBrowsers) {
      expect(id).toMatch(/^[a-z0-9.-]+$/);
      expect(Date.parse(date)).toBeGreaterThan(Date.parse("2025-01-01"));
      expect(source.length).toBeGreaterThan(10);
      expect(new Set(own).size).toBe(own.length);
      expect(new Set(groups).size).toBe(groups.length);
      expect(signatureSchemes).toContain("ecdsa_secp256r1_sha256");
      expect(alpn).toEqual(["h2", "http/1.1"]);
    }
    expect(new Set(currentBrowsers.map(({ id }) => id)).size).toBe(currentBrowsers.length);
  });
});

describe("a client", () => {
  test("takes the newest protocol that both have, the server's first suite and its first group", () => {
    expect(got(chrome)).toBe("TLSv1.3 TLS_AES_256_GCM_SHA384 X25519MLKEM768");
    expect(got(ios)).toBe("TLSv1.3 TLS_AES_256_GCM_SHA384 X25519");
    expect(got(old)).toBe("refused: TLSv1.2: no suite, group and certificate in common");
  });

  test("takes its own order where the server leaves it the choice", () => {
    const free = speaking({
      "TLSv1.3": suites(["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"], "client"),
    });
    expect(got(chrome, free)).toContain("TLS_AES_128_GCM_SHA256");
    expect(got(safari, free)).toContain("TLS_AES_256_GCM_SHA384");
  });

  test("gets ChaCha20 from a server that makes the exception, where it puts that first", () => {
    const server = {
      suites: [suite("TLS_AES_256_GCM_SHA384"), suite("TLS_CHACHA20_POLY1305_SHA256")],
      preference: "server",
    } as const;
    const phone: ClientProfile = { ...chrome, suites: [0x1303, 0x1302] };
    const seen = (chachaException: boolean | null) => speaking({ "TLSv1.3": observed({ ...server, chachaException }) });
    expect(got(phone, seen(true))).toContain("CHACHA20");
    expect(got(phone, seen(false))).toContain("AES_256");
    expect(got(phone, seen(null))).toContain("AES_256");
    expect(got(chrome, seen(true))).toContain("AES_256");
  });

  test("needs a group in common, and takes no hybrid before TLS 1.3", () => {
    const p521 = { groups: build.groups([build.group("P-521", 15360)]) };
    const tls13P521 = {
      ...speaking({ "TLSv1.3": suites([suite("TLS_AES_128_GCM_SHA256", { group: "P-521" })]) }),
      ...p521,
    };
    expect(got(chrome, tls13P521)).toMatch(/^refused/);
    expect(got(firefox, tls13P521)).toBe("TLSv1.3 TLS_AES_128_GCM_SHA256 P-521");
    expect(got(chrome, tls12Only(["ECDHE-RSA-AES128-GCM-SHA256"]))).toBe(
      "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 X25519",
    );
    const fallback = tls12Only([suite("ECDHE-RSA-AES128-GCM-SHA256", { group: "P-521" }), "AES128-GCM-SHA256"]);
    expect(got(chrome, { ...fallback, ...p521 })).toBe("TLSv1.2 TLS_RSA_WITH_AES_128_GCM_SHA256 no group");
  });

  test("needs a certificate that it can verify", () => {
    const leaf = (key: ReturnType<typeof ecKey>) => ({ certificates: observed([chain({ key })]) });
    expect(got(chrome, leaf(edKey))).toMatch(/^refused/);
    expect(got(chrome, leaf({ ...ecKey(521), curve: "secp521r1" }))).toMatch(/^refused/);
    expect(got(firefox, leaf({ ...ecKey(521), curve: "secp521r1" }))).toMatch(/^TLSv1.3/);
    const both = { certificates: observed([chain({ key: edKey }), chain({ key: ecKey(256) })]) };
    expect(got(chrome, both)).toMatch(/^TLSv1.3/);
  });

  test("is not known where protocols, suites, or what matters of groups and certificates are not", () => {
    const open = { protocols: { ...build.protocols(["TLSv1.2"]), "TLSv1.3": failed() } };
    expect(got(chrome, open)).toBe("unknown: ");
    expect(
      got(old, {
        protocols: { ...build.protocols(["TLSv1.2"]), "TLSv1.3": failed() },
        cipherSuites: { "TLSv1.2": failed() },
      }),
    ).toBe("unknown: ");
    const blind = {
      groups: failed(),
      ...tls12Only([suite("ECDHE-RSA-AES128-GCM-SHA256", { group: null }), "AES128-SHA", "AES128-GCM-SHA256"]),
    };
    expect(got(chrome, blind)).toBe("unknown: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA");
    expect(got(chrome, { certificates: failed() })).toMatch(/^unknown: /);
  });

  test("can be held to an older protocol that the server offers", () => {
    const seen = observations({ ...speaking({ "TLSv1.2": tls12, "TLSv1.3": tls13 }) });
    expect(negotiate(chrome, seen, "TLSv1.2")).toMatchObject({ state: "connects", protocol: "TLSv1.2" });
  });

  test("without a protocol in common is refused", () => {
    expect(got(chrome, speaking({ "TLSv1.0": suites(["AES128-SHA"]) }))).toBe("refused: no protocol in common");
    expect(got(old, speaking({ "TLSv1.0": suites(["RC4-SHA", "AES128-SHA"]) }))).toBe(
      "TLSv1.0 TLS_RSA_WITH_RC4_128_SHA no group",
    );
  });
});
