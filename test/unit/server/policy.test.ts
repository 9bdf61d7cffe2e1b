import { describe, expect, it } from "vitest";
import { policyFor } from "../../../src/server/index.ts";

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
});
