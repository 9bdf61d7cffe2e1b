import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createPlainServer, type AddressInfo } from "node:net";
import { join } from "node:path";

import { beforeAll, describe, expect, it } from "vitest";

import { harvestDh } from "../../../src/probe/keys/dh.ts";
import type { Observations, ToleranceSeen } from "../../../src/probe/index.ts";
import { readDer } from "../../../src/wire/der.ts";
import { findExtension, type ClientHello, type ServerKeyExchange } from "../../../src/wire/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { flightOf } from "../../unit/probe/flights.ts";
import { goodExtensions, mockTls, withMock, type MockTls } from "./mock.ts";
import { mockModern, type MockModern } from "./mock-modern.ts";
import { issue, look, openssl, read, scratch, value, withServer, type Issued } from "./support.ts";

const yes = { state: "observed", value: true };
const no = { state: "observed", value: false };
const notApplicable = { state: "untestable", why: expect.stringMatching(/^not applicable: /) };

/** Mocks say nothing more after what they know: not worth waiting for. */
const quick = (port: number): Promise<Observations> => look(port, { timeoutMs: 400 });

describeWith(["openssl"], "what a server can do, against OpenSSL's s_server", () => {
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
    // Few suites: each costs connections that say nothing here.
    rsaArgs = ["-cert", rsa.certificate, "-key", rsa.key, "-www", "-cipher", "ECDHE+AES128"];
    ecdsaArgs = ["-cert", ecdsa.certificate, "-key", ecdsa.key, "-www", "-cipher", "ECDHE+AESGCM"];
  });

  function serve(argv: readonly string[]): Promise<Observations> {
    return withServer(argv, (port) => look(port));
  }

  it("resumes in all ways, renews keys, takes what is asked of ALPN, and wants a certificate", async () => {
    const seen = await serve([
      ...rsaArgs,
      "-alpn",
      "http/1.1,h2",
      "-verify",
      "1",
      "-CAfile",
      rsaArgs[1]!,
      "-nextprotoneg",
      "http/1.1",
      "-serverpref",
    ]);
    expect(value(seen.resumption.sessionId)).toEqual({ resumes: true, lifetimeSeconds: null });
    expect(value(seen.resumption.ticket)).toEqual({ resumes: true, lifetimeSeconds: 7200 });
    expect(value(seen.resumption.psk)).toEqual({ resumes: true, lifetimeSeconds: 7200 });
    expect(value(seen.keyUpdate)).toBe(true);
    expect(value(seen.applicationProtocols)).toEqual(["h2", "http/1.1"]);
    expect(value(seen.clientCertificateRequested)).toBe(true);
    expect(value(seen.clientAuthorities)).toEqual(["CN=localhost"]);
    expect(value(seen.nextProtocols)).toEqual(["http/1.1"]);
    expect(value(seen.serverRandom)).toMatchObject({ clockSkewSeconds: null });
    expect(value(seen.fallbackScsv)).toBe(true);
    expect(value(seen.encryptedClientHello)).toBe(false);
    expect(value(seen.heartbeat)).toBe(false);
    expect(value(seen.encryptThenMac)).toBe(true);
    for (const { name, tolerant } of seen.tolerance) expect({ name, tolerant }).toEqual({ name, tolerant: yes });
    expect(seen.tolerance.map(({ name }) => name).toSorted()).toEqual([
      "grease",
      "length-16384",
      "length-256",
      "unknown-extension",
      "version-0x0305",
      "version-0x03ff",
    ]);
    const modern = value(seen.cipherSuites["TLSv1.3"]).suites;
    expect(new Set(modern.map(({ group }) => group))).toEqual(new Set(["X25519"]));
  });

  it("does none of it where it is told not to", async () => {
    const silent = ["-no_ticket", "-no_cache", "-num_tickets", "0", "-no_etm", "-cipher", "ECDHE+AES"];
    const seen = await serve([...ecdsaArgs, ...silent]);
    const never = { state: "observed", value: { resumes: false, lifetimeSeconds: null } };
    expect(seen.resumption).toEqual({ sessionId: never, ticket: never, psk: never });
    expect(seen.encryptThenMac).toEqual(no);
    expect((await serve([...ecdsaArgs])).encryptThenMac).toMatchObject(notApplicable);
    expect(value(seen.applicationProtocols)).toEqual([]);
    expect(value(seen.clientCertificateRequested)).toBe(false);
    expect(seen.dhParameters).toMatchObject(notApplicable);
  });

  it("takes a protocol that does not exist, and is seen to", async () => {
    const argv = [...ecdsaArgs, "-alpn", "x-tlsforge-none,http/1.1"];
    const [both, modern] = [await serve(argv), await serve([...argv, "-tls1_3"])];
    for (const seen of [both, modern])
      expect(value(seen.applicationProtocols)).toEqual(["http/1.1", "x-tlsforge-none"]);
  });

  it("signs with every scheme of its key, or with the one that it is left", async () => {
    const many = await serve(rsaArgs);
    const pss = ["rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"];
    expect(value(many.signatureSchemes["TLSv1.3"])).toEqual(pss);
    expect(value(many.signatureSchemes["TLSv1.2"])).toEqual(
      expect.arrayContaining([...pss, "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"]),
    );
    const few = await serve([...rsaArgs, "-sigalgs", "RSA-PSS+SHA384"]);
    expect(value(few.signatureSchemes["TLSv1.3"])).toEqual(["rsa_pss_rsae_sha384"]);
    expect(value(few.signatureSchemes["TLSv1.2"])).toEqual(["rsa_pss_rsae_sha384"]);
    const unsigned = await serve([...rsaArgs, "-no_tls1_3", "-cipher", "AES128-SHA"]);
    expect(unsigned.signatureSchemes["TLSv1.2"]).toMatchObject(notApplicable);
    expect(unsigned.signatureSchemes["TLSv1.3"]).toBeUndefined();
  });

  it("has both versions for everything that needs two of them", async () => {
    const [modern, older] = [await serve([...ecdsaArgs, "-tls1_3"]), await serve([...ecdsaArgs, "-tls1_2"])];
    expect(modern.fallbackScsv).toMatchObject(notApplicable);
    expect(modern.resumption.sessionId).toMatchObject(notApplicable);
    expect(modern.encryptThenMac).toMatchObject(notApplicable);
    expect(value(modern.resumption.psk).resumes).toBe(true);
    expect(older.fallbackScsv).toMatchObject(notApplicable);
    expect(older.keyUpdate).toMatchObject(notApplicable);
    expect(older.encryptedClientHello).toMatchObject(notApplicable);
    expect(older.resumption.psk).toMatchObject(notApplicable);
    expect(value(older.resumption.ticket).resumes).toBe(true);
  });

  it.each([["-tls1_2"], ["-tls1_3"]])(
    "has another certificate for those who name no server, with %s",
    async (version) => {
      const second = ["-servername", "localhost", "-cert2", rsa.certificate, "-key2", rsa.key];
      const seen = await serve([...ecdsaArgs, ...second, version]);
      const named = value(seen.certificates).map(({ certificates }) => certificates[0]!.sha256);
      expect(value(seen.withoutServerName)).toMatch(/^[0-9a-f]{64}$/);
      expect(named).not.toContain(value(seen.withoutServerName));
      const same = await serve([...ecdsaArgs, version]);
      expect(value(same.withoutServerName)).toBe(value(same.certificates)[0]!.certificates[0]!.sha256);
    },
  );

  /** Makes parameters with the openssl command line. */
  async function parameters(name: string, argv: readonly string[]): Promise<string> {
    const file = join(folder, `${name}.pem`);
    await openssl(["genpkey", "-genparam", ...argv, "-out", file]);
    return file;
  }

  it.each([
    ["group:ffdhe2048", { bits: 2048, known: "ffdhe2048", generator: "2", safePrime: true }],
    ["group:modp_1536", { bits: 1536, known: "modp1536", generator: "2", safePrime: true }],
  ])("sees the prime of %s", async (option, expected) => {
    const file = await parameters(option.replace(":", "-"), ["-algorithm", "DH", "-pkeyopt", option]);
    const cipher = ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "-dhparam", file];
    expect(value((await serve([...rsaArgs, ...cipher])).dhParameters)).toEqual([
      { ...expected, prime: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
  });

  it.each([
    ["a published one with a small subgroup", ["DHX", "dh_rfc5114:2"], { known: "dh_2048_224", safePrime: false }],
    ["an own one with a small subgroup", ["DHX", "dh_paramgen_type:1"], { known: null, safePrime: false }],
    ["an own one that is safe", ["DH", "dh_paramgen_prime_len:512"], { known: null, safePrime: true, bits: 512 }],
  ])("tells %s", async (name, [algorithm, option], expected) => {
    const file = await parameters(name, ["-algorithm", algorithm!, "-pkeyopt", option!]);
    // s_server does not take these: the prime is read from the file as it would be from a flight.
    const keyExchange = exchangeOf(await read(file));
    expect(await harvestDh([{ ...flightOf(), keyExchange }])).toMatchObject([expected]);
  });
});

describeWith(["openssl"], "a server of TLS 1.3 like no program", () => {
  let own: Pick<MockModern, "key" | "certificate">;

  beforeAll(async () => {
    const { certificate, key } = await issue(await scratch(), { name: "localhost" });
    own = {
      key: createPrivateKey(await read(key)),
      certificate: new Uint8Array(new X509Certificate(await read(certificate)).raw),
    };
  });

  it("answers GREASE of ECH with its configurations, and heartbeats where TLS 1.3 has them", async () => {
    const encryptedExtensions = [
      { type: 0xfe0d, data: Uint8Array.of(0, 4, 0xfe, 0x0d, 0, 0) },
      { type: 15, data: Uint8Array.of(1) },
    ];
    const seen = await withMock(mockModern({ ...own, keyUpdate: "answered", encryptedExtensions }), quick);
    expect([seen.encryptedClientHello, seen.heartbeat, seen.keyUpdate]).toEqual([yes, yes, yes]);
    expect(value(seen.http).status).toBe(204);
  });

  it.each([
    ["refused", no],
    ["ignored", { state: "failed" }],
  ] as const)("does not update its keys: %s", async (keyUpdate, expected) => {
    const seen = await withMock(mockModern({ ...own, keyUpdate }), quick);
    expect(seen.keyUpdate).toMatchObject(expected);
    expect([seen.encryptedClientHello, seen.heartbeat]).toEqual([no, no]);
  });
});

/** Prime and generator of a file of parameters, which begins with them. */
function exchangeOf(pem: string): ServerKeyExchange {
  const [whole] = readDer(new Uint8Array(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ""), "base64")));
  const [prime, generator] = readDer(whole!.contents).map(({ contents }) => contents);
  const empty = new Uint8Array(0);
  return { kind: "DHE", prime: prime!, generator: generator!, publicValue: empty, params: empty, signed: empty };
}

/** TLS 1.2 of which every answer may be held back, by what the hello says. */
function picky(refuses: (hello: ClientHello, length: number) => boolean, of: Partial<MockTls> = {}) {
  return mockTls({
    versions: [0x0303],
    suites: [0xc02f],
    extensions: goodExtensions,
    ...of,
    deliver: (socket, bytes, hello) => {
      const length = (hello.extensions ?? []).reduce((sum, { data }) => sum + data.length + 4, 0);
      if (refuses(hello, length)) socket.end();
      else socket.write(bytes);
    },
  });
}

describe("what a server cannot bear, or should not do", () => {
  const intolerant: readonly [string, (hello: ClientHello, length: number) => boolean][] = [
    ["grease", (hello) => hello.cipherSuites.some((id) => (id & 0x0f0f) === 0x0a0a)],
    ["unknown-extension", (hello) => findExtension(hello.extensions ?? [], 0x3f3f) !== undefined],
    ["version-0x03ff", (hello) => hello.version === 0x03ff],
    ["length-16384", (_hello, length) => length > 16_384],
  ];

  it.each(intolerant)("%s", async (name, refuses) => {
    const { tolerance } = await withMock(picky(refuses), quick);
    const of = (wanted: string): ToleranceSeen | undefined => tolerance.find((seen) => seen.name === wanted);
    expect(of(name)).toEqual({ name, tolerant: no, evidence: "the server closed the connection" });
    for (const [other] of intolerant.filter(([candidate]) => candidate !== name))
      expect(of(other)?.tolerant).toEqual(yes);
  });

  it("does not take silence for intolerance", async () => {
    const silent = mockTls({
      versions: [0x0303],
      suites: [0xc02f],
      deliver: (socket, bytes, hello) => {
        if (findExtension(hello.extensions ?? [], 0x3f3f) === undefined) socket.write(bytes);
      },
    });
    const { tolerance } = await withMock(silent, (port) => look(port, { timeoutMs: 300 }));
    expect(tolerance.find(({ name }) => name === "unknown-extension")?.tolerant).toMatchObject({ state: "failed" });
  });

  it("falls back where it is told that it should not, and answers heartbeats", async () => {
    const extensions = [...goodExtensions, { type: 15, data: Uint8Array.of(1) }];
    const old = { versions: [0x0303, 0x0302], suites: [0xc02f, 0xc013], extensions };
    const seen = await withMock(mockTls(old), quick);
    expect(seen.fallbackScsv).toEqual(no);
    expect(seen.heartbeat).toEqual(yes);
  });

  it("uses values again, and still does a second later", async () => {
    const fixed = mockTls({ versions: [0x0303], suites: [0xc02f], publicValue: () => new Uint8Array(32).fill(7) });
    const { samples } = value((await withMock(fixed, quick)).keyShares);
    const [reused] = samples;
    expect(reused).toMatchObject({ kind: "ECDHE", distinct: 1, lasts: true });
    expect(reused!.seen).toBeGreaterThanOrEqual(6);
  });
});

describe("plain HTTP beside a server", () => {
  const tls = mockTls({ versions: [0x0303], suites: [0xc02f] });

  /** What a look with this neighbour says. */
  async function besides(status: number, headers: Record<string, string>): Promise<Observations["redirect"]> {
    const server = createServer((_request, response) => response.writeHead(status, headers).end());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const plainPort = (server.address() as AddressInfo).port;
      return (await withMock(tls, (port) => look(port, { plainPort, timeoutMs: 300 }))).redirect;
    } finally {
      server.close();
    }
  }

  it("redirects", async () => {
    expect(await besides(301, { location: "https://localhost/" })).toEqual({
      state: "observed",
      value: "https://localhost/",
    });
  });

  it("does not redirect", async () => {
    expect(await besides(200, { location: "https://localhost/" })).toEqual({ state: "observed", value: null });
  });

  it("is not there, speaks something else, or is not to be asked", async () => {
    const other = createPlainServer((socket) => socket.resume().end("SSH-2.0-x\r\n"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const plainPort = (other.address() as AddressInfo).port;
    const wrong = await withMock(tls, (port) => look(port, { plainPort, timeoutMs: 300 }));
    expect(wrong.redirect).toMatchObject({ state: "failed", why: expect.stringContaining("not HTTP but SSH-2.0") });
    other.close();
    await once(other, "close");
    const closed = await withMock(tls, (port) => look(port, { plainPort, timeoutMs: 300 }));
    expect(closed.redirect).toMatchObject(notApplicable);
    const unasked = await withMock(tls, quick);
    expect(unasked.redirect).toMatchObject({ state: "untestable", why: expect.stringContaining("port 80") });
    expect(unasked.connections).toBe(closed.connections - 1);
  });
});
