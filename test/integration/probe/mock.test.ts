import type { Socket } from "node:net";

import { describe, expect, it } from "vitest";

import { encodeSsl2ServerHello, type ClientHello } from "../../../src/wire/index.ts";
import { goodExtensions, mockTls, withMock, type MockTls } from "./mock.ts";
import { look, offered, suiteNames, value } from "./support.ts";

const ecdheGcm = 0xc02f;
const good: MockTls = { versions: [0x0303], suites: [ecdheGcm, 0xc030] };

describe("observe, against servers with defects that no package has", () => {
  it("sees nothing wrong with the mock as it is", async () => {
    const seen = await withMock(mockTls(good), (port) => look(port));
    expect(offered(seen)).toEqual(["TLSv1.2"]);
    expect([value(seen.compression), value(seen.secureRenegotiation), value(seen.extendedMasterSecret)]).toEqual([
      false,
      true,
      true,
    ]);
    for (const { seen: count, distinct } of value(seen.keyShares).samples) expect(distinct).toBe(count);
  });

  it("sees DEFLATE chosen", async () => {
    const seen = await withMock(mockTls({ ...good, compression: 1 }), (port) => look(port));
    expect(value(seen.compression)).toBe(true);
  });

  it("sees secure renegotiation and extended master secret missing", async () => {
    const seen = await withMock(mockTls({ ...good, extensions: [] }), (port) => look(port));
    expect([value(seen.secureRenegotiation), value(seen.extendedMasterSecret)]).toEqual([false, false]);
  });

  it("sees NPN, and random values that repeat", async () => {
    const answer = { type: 0x3374, data: Uint8Array.of(8, ...new TextEncoder().encode("spdy/3.1")) };
    const seen = await withMock(mockTls({ ...good, extensions: [...goodExtensions, answer] }), (port) => look(port));
    expect(value(seen.nextProtocols)).toEqual(["spdy/3.1"]);
    expect(value(seen.serverRandom)).toMatchObject({ distinct: 1, clockSkewSeconds: null });
    const other = await withMock(mockTls(good), (port) => look(port));
    expect(value(other.nextProtocols)).toBeNull();
  });

  it("sees public values that repeat: ECDHE, DHE and TLS 1.3", async () => {
    const publicValue = (): Uint8Array => new Uint8Array(32).fill(5);
    const suites = [0x1301, ecdheGcm, 0x009e];
    const seen = await withMock(mockTls({ versions: [0x0304, 0x0303], suites, publicValue }), (port) =>
      look(port, { timeoutMs: 300 }),
    );
    const samples = value(seen.keyShares).samples;
    expect(samples.map(({ kind, distinct }) => `${kind} ${distinct}`).toSorted()).toEqual([
      "DHE 1",
      "ECDHE 1",
      "TLSv1.3 1",
    ]);
    expect(samples.filter(({ seen: count }) => count < 5)).toEqual([]);
  });

  it("sees values that repeat only now and then", async () => {
    const publicValue = (count: number): Uint8Array => new Uint8Array(32).fill(count % 4);
    const seen = await withMock(mockTls({ ...good, publicValue }), (port) => look(port));
    const [sample] = value(seen.keyShares).samples;
    expect(sample!.distinct).toBeLessThan(sample!.seen);
  });

  it("sees the downgrade sentinel missing", async () => {
    const seen = await withMock(mockTls({ versions: [0x0304, 0x0303], suites: [0x1301, ecdheGcm] }), (port) =>
      look(port, { timeoutMs: 300 }),
    );
    expect(value(seen.downgradeSentinel)).toBe(false);
  });

  it("sees SSL 2.0", async () => {
    const answer = encodeSsl2ServerHello({ version: 2, certificate: Uint8Array.of(1), cipherSpecs: [0x0700c0] });
    const tls = mockTls(good);
    const seen = await withMock(
      (socket, count) => {
        socket.once("data", (chunk: Buffer) => {
          if (chunk[0] === 0x80) socket.write(answer);
          else {
            tls(socket, count);
            socket.emit("data", chunk);
          }
        });
      },
      (port) => look(port),
    );
    expect(seen.protocols["SSLv2"]).toEqual({ state: "observed", value: { offered: true } });
    expect(offered(seen)).toEqual(["SSLv2", "TLSv1.2"]);
  });

  it("sees SSL 3.0 and its suites", async () => {
    const seen = await withMock(mockTls({ versions: [0x0303, 0x0300], suites: [ecdheGcm, 0x0005, 0x000a] }), (port) =>
      look(port),
    );
    expect(offered(seen)).toEqual(["SSLv3", "TLSv1.2"]);
    expect(suiteNames(seen, "SSLv3")).toEqual(["RC4-SHA", "DES-CBC3-SHA"]);
    expect(value(seen.cipherSuites["SSLv3"]).preference).toBe("server");
  });

  it("does not take an answer in an older version for the one that was asked for", async () => {
    const seen = await withMock(mockTls({ versions: [0x0301], suites: [0x002f] }), (port) => look(port));
    expect(offered(seen)).toEqual(["TLSv1.0"]);
    expect(seen.protocols["TLSv1.1"]).toEqual({
      state: "observed",
      value: { offered: false, answer: "other-version", version: "TLSv1.0" },
    });
    expect(suiteNames(seen, "TLSv1.0")).toEqual(["AES128-SHA"]);
  });

  it("says so when a certificate cannot be read", async () => {
    const seen = await withMock(mockTls(good), (port) => look(port));
    expect(seen.certificates).toMatchObject({
      state: "failed",
      why: expect.stringContaining("a certificate cannot be read"),
    });
  });
});

describe("observe, against servers in trouble", () => {
  it("asks again, alone, before it believes a reset", async () => {
    const tls = mockTls({ ...good, suites: [ecdheGcm, 0xc030, 0x009e] });
    const seen = await withMock(
      (socket, count) =>
        count % 3 === 0 ? void socket.once("data", () => socket.resetAndDestroy()) : tls(socket, count),
      (port) => look(port),
    );
    expect(suiteNames(seen, "TLSv1.2")).toEqual([
      "ECDHE-RSA-AES128-GCM-SHA256",
      "ECDHE-RSA-AES256-GCM-SHA384",
      "DHE-RSA-AES128-GCM-SHA256",
    ]);
    expect(value(seen.cipherSuites["TLSv1.2"]).preference).toBe("server");
  });

  it.each([
    ["closes", (socket: Socket) => void socket.end()],
    ["resets", (socket: Socket) => void socket.resetAndDestroy()],
  ])("takes a server that %s in place of an alert for one that refuses", async (answer, refuse) => {
    const seen = await withMock(mockTls({ ...good, refuse }), (port) => look(port));
    expect(suiteNames(seen, "TLSv1.2")).toHaveLength(2);
    expect(seen.protocols["TLSv1.0"]).toMatchObject({
      state: "observed",
      value: { offered: false, answer: answer === "closes" ? "closed" : "reset" },
    });
  });

  it("does not know the suites of a server that falls silent", async () => {
    const isLast = (hello: ClientHello): boolean => !hello.cipherSuites.includes(ecdheGcm);
    const deliver: MockTls["deliver"] = (socket, bytes, hello) => void (isLast(hello) || socket.write(bytes));
    const seen = await withMock(mockTls({ ...good, deliver }), (port) => look(port, { timeoutMs: 300 }));
    expect(seen.protocols["TLSv1.2"]).toEqual({ state: "observed", value: { offered: true } });
    expect(seen.cipherSuites["TLSv1.2"]).toMatchObject({
      state: "failed",
      why: expect.stringContaining("no complete answer within 0.3 s"),
    });
    expect(seen.keyShares.state).not.toBe("failed");
  });

  it("does not know whether a version is offered when only that one is met with silence", async () => {
    const tls = mockTls(good);
    const silentFor11 = (socket: Socket, count: number): void => {
      socket.once("data", (chunk: Buffer) => {
        if (chunk[9] === 3 && chunk[10] === 2) return;
        tls(socket, count);
        socket.emit("data", chunk);
      });
    };
    const seen = await withMock(silentFor11, (port) => look(port, { timeoutMs: 300 }));
    expect(seen.protocols["TLSv1.1"]).toEqual({ state: "failed", why: "no complete answer within 0.3 s" });
    expect(seen.protocols["TLSv1.0"]).toMatchObject({ state: "observed", value: { offered: false } });
  });

  it("keeps to its budget of connections, and says so", async () => {
    const seen = await withMock(mockTls(good), (port) => look(port, { budget: 4 }));
    expect(seen.connections).toBe(4);
    const unknown = Object.values(seen.protocols).filter(({ state }) => state === "untestable");
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown[0]).toMatchObject({ why: "the budget of 4 connections is used up" });
  });
});
