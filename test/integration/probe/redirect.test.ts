import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { once } from "node:events";

import { describe, expect, it } from "vitest";

import { createRecorder } from "../../../src/probe/index.ts";
import { createLook, type Look, type LookOptions } from "../../../src/probe/look.ts";
import { probeRedirect } from "../../../src/probe/http/redirect.ts";
import { mockTls, withMock, type Behaviour } from "./mock.ts";
import { look } from "./support.ts";

const tls = mockTls({ versions: [0x0303], suites: [0xc02f] });
const answer = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://localhost/\r\n\r\n";
const redirecting: Behaviour = (socket) => void socket.once("data", () => socket.end(answer));
const silent: Behaviour = () => {};

/** A look at nothing, for the one question. */
function lookFor(options: Partial<LookOptions> = {}): Look {
  const target = { host: "localhost", port: 1, serverName: "localhost", address: "127.0.0.1" };
  const random = (length: number): Uint8Array => new Uint8Array(length);
  return createLook(target, { timeoutMs: 2000, totalMs: 10_000, now: new Date(), random, ...options });
}

describe("the look at plain HTTP", () => {
  it("is one of the connections that are counted", async () => {
    const one = lookFor();
    const seen = await withMock(redirecting, (port) => probeRedirect(one, port));
    expect(seen).toEqual({ state: "observed", value: "https://localhost/" });
    expect(one.tally).toMatchObject({ connections: 1, bytesReceived: answer.length });
    // Nothing of TLS has come.
    expect([one.hasSpoken(), one.roundTripMs()]).toEqual([false, null]);
  });

  it("is not begun when the budget of connections is used up", async () => {
    const one = lookFor({ budget: 1 });
    const seen = await withMock(redirecting, async (port) => [
      await probeRedirect(one, port),
      await probeRedirect(one, port),
    ]);
    expect(seen).toMatchObject([
      { state: "observed" },
      { state: "untestable", why: "the budget of 1 connections is used up" },
    ]);
    expect(one.tally.connections).toBe(1);
  });

  it("is not begun when the time is used up", async () => {
    const seen = await withMock(redirecting, (port) => probeRedirect(lookFor({ totalMs: 0 }), port));
    expect(seen).toEqual({ state: "untestable", why: "the time of 0 s is used up" });
  });

  it("is not repeated, and does not go by the way to TLS", async () => {
    const way: LookOptions["way"] = {
      via: { host: "127.0.0.1", port: 1 },
      enter: () => Promise.reject(new Error("no way for plain HTTP")),
    };
    let connections = 0;
    const seen = await withMock(
      (socket) => {
        connections++;
        socket.end();
      },
      (port) => probeRedirect(lookFor({ way }), port),
    );
    expect(connections).toBe(1);
    expect(seen).toMatchObject({ state: "failed", why: expect.stringContaining("ended before the headers did") });
  });

  it("waits no longer than for other connections", async () => {
    const began = performance.now();
    const seen = await withMock(silent, (port) => probeRedirect(lookFor({ timeoutMs: 200 }), port));
    expect(seen).toMatchObject({ state: "failed", why: expect.stringContaining("no complete answer within 0.2 s") });
    expect(performance.now() - began).toBeLessThan(2500);
  });

  it("keeps the pace", async () => {
    let paced = 0;
    const pace = async (): Promise<void> => void paced++;
    await withMock(redirecting, (port) => probeRedirect(lookFor({ pace }), port));
    expect(paced).toBe(1);
  });

  it("is recorded", async () => {
    const recorder = createRecorder();
    const seen = await withMock(redirecting, (plainPort) =>
      withMock(tls, (port) => look(port, { plainPort, recorder, timeoutMs: 400 })),
    );
    expect(seen.redirect).toMatchObject({ value: "https://localhost/" });
    const recorded = recorder.connections();
    // The packet of QUIC is no connection.
    expect(recorded).toHaveLength(seen.connections + 1);
    const texts = recorded.flatMap(({ events }) =>
      events.map(([, , base64]) => Buffer.from(base64, "base64").toString()),
    );
    expect(texts.filter((text) => text.startsWith("GET / HTTP/1.1"))).toHaveLength(1);
    expect(texts).toContain(answer);
  });

  it("ends when the user ends it", async () => {
    const controller = new AbortController();
    const began = performance.now();
    const neighbour: Behaviour = (socket) => void socket.once("data", () => controller.abort());
    const seen = await withMock(neighbour, (port) => probeRedirect(lookFor({ signal: controller.signal }), port));
    expect(seen).toEqual({ state: "untestable", why: "interrupted" });
    expect(performance.now() - began).toBeLessThan(1800);
  });

  it("says that nothing listens where nothing does", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    expect(await probeRedirect(lookFor(), port)).toEqual({
      state: "untestable",
      why: `not applicable: nothing listens on port ${port}`,
    });
  });
});
