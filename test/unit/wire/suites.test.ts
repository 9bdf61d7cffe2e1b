import { describe, expect, it } from "vitest";

import { groupOf, groups, suiteOf, suites } from "../../../src/wire/index.ts";

describe("cipher suites", () => {
  it("are at least 350, each number once, ascending", () => {
    expect(suites.length).toBeGreaterThanOrEqual(350);
    const ids = suites.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted((one, other) => one - other));
  });

  it.each([
    [0x1301, "TLS_AES_128_GCM_SHA256", "any any AES_128_GCM 128 TLSv1.3 aead fs"],
    [0x1303, "TLS_CHACHA20_POLY1305_SHA256", "any any CHACHA20_POLY1305 256 TLSv1.3 aead fs"],
    [0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE ECDSA AES_256_GCM 256 TLSv1.2 aead fs"],
    [0xcca8, "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE RSA CHACHA20_POLY1305 256 TLSv1.2 aead fs"],
    [0xc0af, "ECDHE-ECDSA-AES256-CCM8", "ECDHE ECDSA AES_256_CCM_8 256 TLSv1.2 aead fs"],
    [0x009e, "DHE-RSA-AES128-GCM-SHA256", "DHE RSA AES_128_GCM 128 TLSv1.2 aead fs"],
    [0x002f, "AES128-SHA", "RSA RSA AES_128_CBC 128 SSLv3 - -"],
    [0x003c, "AES128-SHA256", "RSA RSA AES_128_CBC 128 TLSv1.2 - -"],
    [0x000a, "DES-CBC3-SHA", "RSA RSA 3DES_EDE_CBC 168 SSLv3 - -"],
    [0x0005, "RC4-SHA", "RSA RSA RC4_128 128 SSLv3 - -"],
    [0x0003, "EXP-RC4-MD5", "RSA RSA RC4_40 40 SSLv3 - -"],
    [0x0014, "EXP-EDH-RSA-DES-CBC-SHA", "DHE RSA DES40_CBC 40 SSLv3 - fs"],
    [0x0002, "NULL-SHA", "RSA RSA NULL 0 SSLv3 - -"],
    [0x0018, "ADH-RC4-MD5", "anon anon RC4_128 128 SSLv3 - -"],
    [0xc017, "AECDH-DES-CBC3-SHA", "anon anon 3DES_EDE_CBC 168 SSLv3 - -"],
    [0xc004, "ECDH-ECDSA-AES128-SHA", "ECDH ECDSA AES_128_CBC 128 SSLv3 - -"],
    [0x0032, "DHE-DSS-AES128-SHA", "DHE DSS AES_128_CBC 128 SSLv3 - fs"],
    [0x00c0, "CAMELLIA256-SHA256", "RSA RSA CAMELLIA_256_CBC 256 TLSv1.2 - -"],
    [0xc05d, "ECDHE-ECDSA-ARIA256-GCM-SHA384", "ECDHE ECDSA ARIA_256_GCM 256 TLSv1.2 aead fs"],
    [0x008c, "PSK-AES128-CBC-SHA", "PSK other AES_128_CBC 128 SSLv3 - -"],
    [0x00aa, "DHE-PSK-AES128-GCM-SHA256", "PSK other AES_128_GCM 128 TLSv1.2 aead fs"],
  ])("0x%s is %s", (id, openssl, facts) => {
    const suite = suiteOf(id);
    expect(suite.opensslName).toBe(openssl);
    const { keyExchange, authentication, encryption, bits, since, aead, forwardSecrecy } = suite;
    expect(
      [keyExchange, authentication, encryption, bits, since, aead ? "aead" : "-", forwardSecrecy ? "fs" : "-"].join(
        " ",
      ),
    ).toBe(facts);
  });

  it("gives every suite that encrypts its bits, and none to the others", () => {
    const wrong = suites.filter(
      (suite) => (suite.encryption === "NULL") !== (suite.bits === 0) && !suite.name.includes("FORTEZZA"),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it("answers for a number that nobody registered", () => {
    expect(suiteOf(0xabcd)).toMatchObject({ name: "unknown_0xabcd", keyExchange: "other", bits: 0, opensslName: null });
  });
});

describe("groups", () => {
  it("know the hybrids and what they rest on", () => {
    expect(groupOf(0x11ec)).toMatchObject({
      name: "X25519MLKEM768",
      postQuantum: true,
      rsaBits: null,
      classicalRsaBits: 3072,
    });
    expect(groupOf(0x11ed)).toMatchObject({ name: "SecP384r1MLKEM1024", classicalRsaBits: 7680 });
    expect(groupOf(29)).toMatchObject({ name: "X25519", postQuantum: false, rsaBits: 3072 });
    expect(groupOf(25)).toMatchObject({ name: "P-521", rsaBits: 15360 });
    expect(groupOf(257)).toMatchObject({ name: "ffdhe3072", rsaBits: 3072 });
    expect(groupOf(0x7777)).toMatchObject({ name: "unknown_0x7777", rsaBits: null, classicalRsaBits: 0 });
  });

  it("have each number once", () => {
    expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length);
  });
});
