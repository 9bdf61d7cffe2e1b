import { join } from "node:path";

import { beforeAll, expect, it } from "vitest";

import { judge } from "../../../src/grade/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { issue, look, offered, openssl, scratch, suiteNames, value, withServer, type Issued } from "./support.ts";

describeWith(["openssl"], "observe, against OpenSSL's s_server", () => {
  let folder: string;
  let rsa: Issued;
  let ecdsa: Issued;
  let rsaArgs: string[];
  let ecdsaArgs: string[];

  beforeAll(async () => {
    folder = await scratch();
    [rsa, ecdsa] = await Promise.all([
      issue(folder, { name: "localhost", key: "rsa:2048" }),
      issue(folder, { name: "localhost" }),
    ]);
    rsaArgs = ["-cert", rsa.certificate, "-key", rsa.key];
    ecdsaArgs = ["-cert", ecdsa.certificate, "-key", ecdsa.key];
  });

  it("knows that a server with anonymous suites alone has no certificate, and gives it an F", async () => {
    const argv = ["-nocert", "-cipher", "aNULL:@SECLEVEL=0", "-tls1_2"];
    const seen = await withServer(argv, (port) => look(port));
    expect(seen.certificates).toEqual({
      state: "untestable",
      why: "not applicable: only anonymous suites are offered, which have no certificate",
    });
    expect(judge(seen).grades["ssllabs-2009r"]).toMatchObject({ grade: "F", incomplete: [] });
  });

  it("sees a hardened server as it is, in few connections", async () => {
    const ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";
    const argv = [...ecdsaArgs, "-cipher", ciphers, "-groups", "X25519:P-256:P-384", "-serverpref", "-www"];
    const seen = await withServer(argv, (port) => look(port));
    expect(offered(seen)).toEqual(["TLSv1.2", "TLSv1.3"]);
    expect(seen.protocols["SSLv2"]).toMatchObject({ state: "observed", value: { offered: false, answer: "alert" } });
    expect(seen.protocols["TLSv1.0"]).toMatchObject({ state: "observed", value: { offered: false } });
    expect(suiteNames(seen, "TLSv1.2")).toEqual(ciphers.split(":"));
    expect(suiteNames(seen, "TLSv1.3")).toEqual([
      "TLS_AES_256_GCM_SHA384",
      "TLS_CHACHA20_POLY1305_SHA256",
      "TLS_AES_128_GCM_SHA256",
    ]);
    expect(value(seen.cipherSuites["TLSv1.2"])).toMatchObject({ preference: "server", chachaException: false });
    expect(value(seen.groups)).toMatchObject({ order: "server", negotiated: "X25519" });
    expect(value(seen.groups).groups.map(({ name }) => name)).toEqual(["X25519", "P-256", "P-384"]);
    expect(value(seen.compression)).toBe(false);
    expect(value(seen.secureRenegotiation)).toBe(true);
    expect(value(seen.extendedMasterSecret)).toBe(true);
    expect(value(seen.downgradeSentinel)).toBe(true);
    expect(value(seen.tickets)).toEqual({ tls13: 2, tls12: true, earlyData: false });
    expect(value(seen.alpn)).toBeNull();
    expect(value(seen.http)).toMatchObject({ status: 200, hsts: { present: false } });
    for (const { kind, seen: count, distinct } of value(seen.keyShares).samples)
      expect({ kind, count }).toEqual({ kind, count: distinct });
    expect(value(seen.keyShares).samples).toContainEqual(
      expect.objectContaining({ kind: "ECDHE", seen: expect.toSatisfy((seen: number) => seen >= 5) }),
    );
    expect(seen.connections).toBeLessThan(70);
  });

  it("follows the client's order, and knows ChaCha20's exception", async () => {
    const ciphers = ["-cipher", "ECDHE+AESGCM:ECDHE+CHACHA20", "-no_tls1_3", "-www"];
    const follows = await withServer([...rsaArgs, ...ciphers], (port) => look(port));
    expect(value(follows.cipherSuites["TLSv1.2"])).toMatchObject({ preference: "client", chachaException: null });
    const excepts = await withServer([...rsaArgs, ...ciphers, "-serverpref", "-prioritize_chacha"], (port) =>
      look(port),
    );
    expect(value(excepts.cipherSuites["TLSv1.2"])).toMatchObject({ preference: "server", chachaException: true });
  });

  it("completes TLS 1.2 itself where there is nothing newer", async () => {
    const seen = await withServer([...rsaArgs, "-no_tls1_3", "-www", "-alpn", "http/1.1"], (port) => look(port));
    expect(offered(seen)).toEqual(["TLSv1.2"]);
    expect(seen.protocols["TLSv1.3"]).toMatchObject({
      state: "observed",
      value: { offered: false, answer: "alert", alert: 70 },
    });
    expect(value(seen.http).status).toBe(200);
    expect(value(seen.alpn)).toBe("http/1.1");
    expect(value(seen.tickets)).toEqual({ tls13: null, tls12: true, earlyData: false });
    expect(value(seen.groups).groups.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["X25519", "P-256", "X448", "P-384", "P-521"]),
    );
    expect(seen.downgradeSentinel).toMatchObject({
      state: "untestable",
      why: expect.stringContaining("not applicable"),
    });
    const dhe = value(seen.cipherSuites["TLSv1.2"]).suites.filter(({ keyExchange }) => keyExchange === "DHE");
    expect(new Set(dhe.map(({ dhBits }) => dhBits))).toEqual(new Set([2048]));
  });

  it("completes TLS 1.2 with AEADs and with CBC, with ECDHE, DHE and RSA, and says when it cannot", async () => {
    for (const cipher of [
      "ECDHE-RSA-AES128-GCM-SHA256",
      "ECDHE-RSA-AES256-GCM-SHA384",
      "ECDHE-RSA-CHACHA20-POLY1305",
      "DHE-RSA-AES128-SHA256",
      "AES128-SHA",
    ]) {
      const seen = await withServer([...rsaArgs, "-no_tls1_3", "-cipher", cipher, "-www"], (port) => look(port));
      expect([suiteNames(seen, "TLSv1.2"), value(seen.http).status]).toEqual([[cipher], 200]);
    }
    const rare = ["-cipher", "ARIA128-GCM-SHA256", "-www"];
    const seen = await withServer([...rsaArgs, "-no_tls1_3", ...rare], (port) => look(port));
    expect(seen.http).toMatchObject({ state: "untestable" });
    expect(value(seen.cipherSuites["TLSv1.2"])).toMatchObject({ preference: "single" });
    expect(value(seen.groups).groups).toEqual([]);
    expect(seen.keyShares).toMatchObject({ state: "untestable", why: expect.stringContaining("not applicable") });
  });

  it("sees TLS 1.3 alone, its tickets, and what does not apply", async () => {
    const seen = await withServer([...ecdsaArgs, "-tls1_3", "-num_tickets", "0", "-www"], (port) => look(port));
    expect(offered(seen)).toEqual(["TLSv1.3"]);
    expect(value(seen.tickets)).toEqual({ tls13: 0, tls12: null, earlyData: false });
    for (const outcome of [seen.secureRenegotiation, seen.extendedMasterSecret, seen.downgradeSentinel]) {
      expect(outcome).toMatchObject({ state: "untestable", why: expect.stringMatching(/^not applicable/) });
    }
  });

  it("completes TLS 1.3 with each of its suites", async () => {
    for (const suite of [
      "TLS_AES_128_GCM_SHA256",
      "TLS_AES_256_GCM_SHA384",
      "TLS_CHACHA20_POLY1305_SHA256",
      "TLS_AES_128_CCM_SHA256",
      "TLS_AES_128_CCM_8_SHA256",
    ]) {
      const seen = await withServer([...ecdsaArgs, "-tls1_3", "-ciphersuites", suite, "-www"], (port) => look(port));
      expect([suiteNames(seen, "TLSv1.3"), value(seen.http).status]).toEqual([[suite], 200]);
    }
  });

  it("completes TLS 1.3 with groups other than X25519, and finds the order", async () => {
    for (const groups of [["P-256"], ["P-384", "P-256"], ["P-521"], ["X448"]]) {
      const seen = await withServer([...ecdsaArgs, "-tls1_3", "-groups", groups.join(":"), "-www"], (port) =>
        look(port),
      );
      expect([value(seen.groups).groups.map(({ name }) => name), value(seen.http).status]).toEqual([groups, 200]);
    }
  });

  it("sees early data where it is on", async () => {
    const seen = await withServer([...ecdsaArgs, "-early_data"], (port) => look(port, { timeoutMs: 700 }));
    expect(value(seen.tickets)).toMatchObject({ earlyData: true });
    expect(seen.http.state).toBe("failed");
  });

  it("tells the protocol that was agreed on", async () => {
    expect(value((await withServer([...ecdsaArgs, "-alpn", "h2,http/1.1", "-www"], (port) => look(port))).alpn)).toBe(
      "h2",
    );
  });

  it("sees old versions and weak suites where they are on", async () => {
    const parameters = join(folder, "dh1024.pem");
    // A fixed group, as making one takes seconds: RFC 2409's second Oakley group.
    await openssl(["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:modp_1536", "-out", parameters]);
    const argv = [
      ...rsaArgs,
      "-cipher",
      "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
      "-dhparam",
      parameters,
      "-min_protocol",
      "TLSv1",
      "-serverpref",
      "-www",
    ];
    const seen = await withServer(argv, (port) => look(port));
    expect(offered(seen)).toEqual(["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);
    const all = value(seen.cipherSuites["TLSv1.2"]).suites;
    const names = all.map(({ opensslName }) => opensslName);
    expect(names).toEqual(
      expect.arrayContaining([
        "AECDH-NULL-SHA",
        "NULL-MD5",
        "ADH-AES128-SHA",
        "AES128-CCM8",
        "ARIA256-GCM-SHA384",
        "CAMELLIA128-SHA",
        "ECDHE-ARIA256-GCM-SHA384",
      ]),
    );
    expect(all.find(({ opensslName }) => opensslName === "NULL-MD5")).toMatchObject({ bits: 0, forwardSecrecy: false });
    expect(all.find(({ opensslName }) => opensslName === "DHE-RSA-AES128-SHA")).toMatchObject({
      dhBits: 1536,
      keyExchange: "DHE",
    });
    // What the program itself says it would take with this certificate, apart from keys that are shared beforehand.
    const listed = await openssl(["ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    const expected = listed
      .trim()
      .split(":")
      .filter((name) => !/^TLS_|ECDSA|DSS|PSK|SRP/.test(name));
    expect(new Set(names)).toEqual(new Set(expected));
    expect(names).toHaveLength(expected.length);
    expect(value(seen.cipherSuites["TLSv1.0"]).suites.every(({ aead }) => !aead)).toBe(true);
    expect(value(seen.downgradeSentinel)).toBe(true);
  });
});
