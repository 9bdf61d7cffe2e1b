import { describe, expect, it } from "vitest";
import { lossesOf, policyFor } from "../../../src/server/index.ts";

describe("policyFor", () => {
  it("gives Mozilla 6.0 intermediate: TLS 1.2 and 1.3, six suites with forward secrecy, the hybrid group first", () => {
    const policy = policyFor("intermediate");
    expect([policy.minVersion, policy.maxVersion]).toEqual(["TLSv1.2", "TLSv1.3"]);
    expect(policy.ciphers.join(":")).toBe(
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" +
        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
    );
    expect(policy.groups).toEqual(["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"]);
    expect(policy.preference).toBe("client");
  });

  it("gives Mozilla 6.0 modern: TLS 1.3 alone, and no signatures that it cannot use", () => {
    const policy = policyFor("modern");
    expect([policy.minVersion, policy.ciphers.length]).toEqual(["TLSv1.3", 0]);
    expect(policy.ciphersuites).toEqual([
      "TLS_AES_128_GCM_SHA256",
      "TLS_AES_256_GCM_SHA384",
      "TLS_CHACHA20_POLY1305_SHA256",
    ]);
    expect(policy.signatureAlgorithms.filter((name) => name.startsWith("rsa_pkcs1"))).toEqual([]);
  });

  it.each(["intermediate", "modern"] as const)("%s has nothing weak, and options by name only", (profile) => {
    const policy = policyFor(profile);
    const all = [...policy.ciphers, ...policy.groups, ...policy.signatureAlgorithms].join(" ");
    expect(all).not.toMatch(/CBC|SHA1|sha1|RC4|3DES|^DHE|ffdhe|secp256k1/);
    expect(policy.ciphers.every((name) => name.startsWith("ECDHE-"))).toBe(true);
    expect(policy.options.toSorted()).toEqual(["NO_COMPRESSION", "NO_RENEGOTIATION", "NO_TICKET"]);
    expect(policy).toEqual(policyFor(profile));
  });

  const dhe = { group: "ffdhe2048" } as const;

  it.each(["intermediate", "compatible"] as const)("%s has DHE behind all else, where it is asked for", (profile) => {
    const policy = policyFor(profile, { dhe, tickets: null });
    expect(policy.dhe).toEqual(dhe);
    expect(policy.ciphers).toEqual([
      ...policyFor(profile).ciphers,
      "DHE-RSA-AES128-GCM-SHA256",
      "DHE-RSA-AES256-GCM-SHA384",
      "DHE-RSA-CHACHA20-POLY1305",
    ]);
    expect(policy.groups).toEqual(policyFor(profile).groups);
  });

  it("keeps to 256 bits where a profile does", () => {
    const { ciphers } = policyFor("ssllabs-100", { dhe, tickets: null });
    expect(ciphers.slice(-2)).toEqual(["DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"]);
    expect(ciphers.filter((name) => name.includes("AES128"))).toEqual([]);
  });

  it("has NO_TICKET exactly when there are no tickets", () => {
    const tickets = { rotateSeconds: 3600 };
    const policy = policyFor("modern", { dhe: null, tickets });
    expect(policy.tickets).toEqual(tickets);
    expect(policy.options).toEqual(["NO_COMPRESSION", "NO_RENEGOTIATION"]);
    expect(policyFor("modern").options).toContain("NO_TICKET");
  });
});

describe("lossesOf", () => {
  const of = (...args: Parameters<typeof lossesOf>) =>
    Object.fromEntries(lossesOf(...args).map((loss) => [loss.of, loss.why]));

  it("says nothing of what loses nothing", () => {
    expect(lossesOf("intermediate")).toEqual([]);
    expect(lossesOf("modern", { dhe: null })).toEqual([]);
  });

  it.each([
    [{ group: "ffdhe2048" }, "ffdhe2048 is insufficient"],
    [{ group: "ffdhe3072" }, "ffdhe3072 is to be phased out"],
    [{ parameters: "/etc/dh.pem" }, "Diffie-Hellman of a group of one's own is insufficient"],
  ] as const)("tells what DHE costs: %j", (dhe, why) => {
    expect(Object.keys(of("intermediate", { dhe }))).toEqual(["AAA", "mozilla-6.0", "ncsc-nl-2025"]);
    expect(of("intermediate", { dhe })["ncsc-nl-2025"]).toBe(why);
  });

  it("keeps what the profile loses itself", () => {
    const lost = lossesOf("ssllabs-100", { dhe: { group: "ffdhe3072" } });
    expect(lost).toEqual(expect.arrayContaining([...lossesOf("ssllabs-100")]));
    expect(lost.length).toBeGreaterThan(lossesOf("ssllabs-100").length);
  });
});
