import type { Socket } from "node:net";

import { describe, expect, it } from "vitest";

import { ForgeError } from "../../../src/errors.ts";
import type { Observations } from "../../../src/probe/index.ts";
import { concat, encodeHandshake, encodeRecords, uint } from "../../../src/wire/index.ts";
import { mockTls, withMock, type Behaviour } from "./mock.ts";
import { look } from "./support.ts";

/** Every outcome in observations. */
function states(seen: Observations): string[] {
  const {
    groups,
    keyShares,
    certificates,
    compression,
    secureRenegotiation,
    extendedMasterSecret,
    downgradeSentinel,
    tickets,
    alpn,
    http,
  } = seen;
  const outcomes = [
    groups,
    keyShares,
    certificates,
    compression,
    secureRenegotiation,
    extendedMasterSecret,
    downgradeSentinel,
    tickets,
    alpn,
    http,
  ];
  return [
    ...new Set(
      [...Object.values(seen.protocols), ...Object.values(seen.cipherSuites), ...outcomes].map(({ state }) => state),
    ),
  ];
}

/** Sends these bytes after the hello, again and again, as fast as they are taken. */
function endless(bytes: Uint8Array): Behaviour {
  return (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(bytes));
    };
    socket.on("drain", more);
    socket.once("data", more);
  };
}

/** The same 2,000 times over, so that a write is worth its while. */
function many(bytes: Uint8Array): Uint8Array {
  return concat(...Array.from({ length: 2000 }, () => bytes));
}

const megabyte = encodeRecords(22, 0x0303, new Uint8Array(2 ** 17));

describe("observe, against hosts that do not speak TLS", () => {
  it.each<[string, Behaviour, string]>([
    ["says nothing", () => {}, "never answered in TLS"],
    ["closes at once", (socket) => void socket.end(), "never answered in TLS"],
    ["resets", (socket) => void socket.once("data", () => socket.resetAndDestroy()), "never answered in TLS"],
    ["greets as SSH", (socket) => void socket.write("SSH-2.0-OpenSSH_9.2p1\r\n"), "the server speaks SSH"],
    [
      "answers in plain HTTP",
      (socket) => void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
      "plain HTTP",
    ],
    ["sends zeros", endless(new Uint8Array(1000)), "the first byte is 0x00"],
    [
      "sends a record that is too long",
      (socket) => void socket.once("data", () => socket.write(Uint8Array.of(22, 3, 3, 255, 255))),
      "a record of 65535 bytes",
    ],
    ["sends megabytes of handshake", endless(megabyte), "handshake message"],
    [
      "sends a message of 16 MiB",
      endless(encodeRecords(22, 0x0303, concat(uint(1, 2), uint(3, 2 ** 24 - 1), new Uint8Array(16000)))),
      "handshake message of 16777215 bytes",
    ],
    [
      "sends empty records without end",
      endless(many(encodeRecords(22, 0x0303, new Uint8Array(0)))),
      "an empty handshake record",
    ],
    ["sends warnings without end", endless(many(encodeRecords(21, 0x0303, Uint8Array.of(1, 112)))), "without an end"],
    [
      "sends another message first",
      (socket) =>
        void socket.once("data", () => socket.write(encodeRecords(22, 0x0303, encodeHandshake(14, new Uint8Array(0))))),
      "in place of ServerHello",
    ],
  ])("is bounded in time and passes nothing when the host %s", async (name, behaviour, why) => {
    const began = performance.now();
    const seen = await withMock(behaviour, (port) => look(port, { timeoutMs: name === "says nothing" ? 400 : 2500 }));
    expect(performance.now() - began).toBeLessThan(8000);
    expect(states(seen)).toEqual(["failed"]);
    expect(seen.protocols["TLSv1.3"]).toMatchObject({ why: expect.stringContaining(why) });
  });

  it("is bounded when a server sends its answer byte by byte", async () => {
    const deliver = (socket: Socket, bytes: Uint8Array): void => {
      let at = 0;
      const timer = setInterval(
        () => (at < bytes.length && !socket.destroyed ? socket.write(bytes.subarray(at, ++at)) : clearInterval(timer)),
        50,
      );
      socket.once("close", () => clearInterval(timer));
    };
    const began = performance.now();
    const slow = mockTls({ versions: [0x0304, 0x0303], suites: [0x1301, 0xc02f], deliver });
    const seen = await withMock(slow, (port) => look(port, { timeoutMs: 400 }));
    expect(performance.now() - began).toBeLessThan(12_000);
    expect(seen.protocols["TLSv1.2"]).toMatchObject({ state: "failed" });
    expect(seen.protocols["TLSv1.3"]).toMatchObject({ state: "failed" });
  });
});

describe("observe, where there is nothing to look at", () => {
  it("throws unreachable for a closed port", async () => {
    const port = await withMock(
      () => {},
      async (open) => open,
    );
    const error = await look(port).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ForgeError);
    expect(error).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/^Nothing answers at localhost:\d+ \(127\.0\.0\.1: ECONNREFUSED\)$/),
    });
  });

  it("throws unreachable for a name that does not resolve", async () => {
    const { observe } = await import("../../../src/probe/index.ts");
    const options = { now: new Date(), random: (length: number) => new Uint8Array(length), timeoutMs: 3000 };
    await expect(observe({ host: "no-such-host.invalid", port: 443 }, options)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("no-such-host.invalid does not resolve"),
    });
  });

  it("tries the next address of a name when one takes no connection", async () => {
    const { observe } = await import("../../../src/probe/index.ts");
    const tls = mockTls({ versions: [0x0303], suites: [0xc02f] });
    const random = (length: number): Uint8Array => new Uint8Array(length).fill(3);
    // The mock listens on 127.0.0.1 only; the name may have ::1 as well, before it or not at all.
    const seen = await withMock(tls, (port) =>
      observe({ host: "localhost", port }, { now: new Date(), random, systemCas: [] }),
    );
    expect(seen.target).toMatchObject({ host: "localhost", serverName: "localhost", address: "127.0.0.1" });
  });

  it("ends at once when it is interrupted", async () => {
    const controller = new AbortController();
    const began = performance.now();
    const running = withMock(
      () => {},
      (port) => look(port, { timeoutMs: 20_000, signal: controller.signal }),
    );
    setTimeout(() => controller.abort(), 100);
    await expect(running).rejects.toMatchObject({ code: "interrupted" });
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
