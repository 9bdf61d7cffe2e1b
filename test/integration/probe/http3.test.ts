import { createSocket } from "node:dgram";
import { once } from "node:events";

import { describe, expect, it } from "vitest";

import type { Channel } from "../../../src/probe/client/channel.ts";
import { probeQuic } from "../../../src/probe/http/http3.ts";
import { createLook, type LookOptions } from "../../../src/probe/look.ts";
import { createRecorder } from "../../../src/probe/index.ts";

type Reply = (packet: Buffer, send: (bytes: Buffer) => void) => void;

/** A UDP port that does this with each datagram; how many came. */
async function ask(reply: Reply, options: Partial<LookOptions> = {}) {
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (packet, from) => {
    asked++;
    reply(packet, (bytes) => socket.send(bytes, from.port, from.address));
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  const { look, seen } = await at(port, options);
  socket.close();
  return { seen, asked, tally: look.tally };
}

async function at(port: number, options: Partial<LookOptions> = {}, address = "127.0.0.1") {
  const target = { host: "localhost", port, serverName: "localhost", address };
  const random = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 37 + 11);
  const look = createLook(target, { timeoutMs: 2000, totalMs: 10_000, now: new Date(), random, ...options });
  return { look, seen: await probeQuic(look) };
}

/** As RFC 8999, 6 has it: the ids swapped, then the versions. */
const negotiating =
  (versions: readonly number[]): Reply =>
  (packet, send) => {
    const destination = packet.subarray(6, 6 + (packet[5] ?? 0));
    const at = 6 + destination.length;
    const source = packet.subarray(at + 1, at + 1 + (packet[at] ?? 0));
    const list = Buffer.alloc(versions.length * 4);
    versions.forEach((version, index) => list.writeUInt32BE(version, index * 4));
    const ids = [Buffer.from([source.length]), source, Buffer.from([destination.length]), destination];
    // A server that keeps the rules answers only what is large enough and of a version that it does not know.
    if (packet.length >= 1200 && (packet[0]! & 0xc0) === 0xc0 && (packet.readUInt32BE(1) & 0x0f0f0f0f) === 0x0a0a0a0a)
      send(Buffer.concat([Buffer.from([0x80, 0, 0, 0, 0]), ...ids, list]));
  };

describe("the question for QUIC", () => {
  it("is answered with the versions, without reserved ones", async () => {
    const { seen, asked, tally } = await ask(negotiating([0x1a2a3a4a, 1, 0x6b3343cf, 0xff00001d, 0x51303530]));
    expect(seen).toEqual({ state: "observed", value: ["v1", "v2", "draft-29", "0x51303530"] });
    expect([asked, tally]).toEqual([1, { connections: 0, bytesSent: 1200, bytesReceived: 43 }]);
  });

  it("is answered too where only reserved versions are named", async () => {
    expect((await ask(negotiating([0x1a2a3a4a]))).seen).toEqual({ state: "observed", value: [] });
  });

  // A broadcast address, which the system refuses to connect to: as an address of IPv6 on a machine without it.
  it("fails where the address cannot be used", async () => {
    const { seen } = await at(443, {}, "255.255.255.255");
    expect(seen).toEqual({ state: "failed", why: "UDP: EACCES" });
  });

  it("finds nothing where the port is closed", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    await new Promise<void>((done) => void socket.close(done));
    expect((await at(port)).seen).toEqual({ state: "observed", value: null });
  });

  it("does not take silence for an answer", async () => {
    const { seen, asked } = await ask(() => {});
    expect(seen).toMatchObject({ state: "untestable", why: expect.stringContaining("UDP does not pass") });
    expect(asked).toBe(1);
  });

  it.each<[string, Reply]>([
    ["what it sent", (packet, send) => send(packet)],
    ["garbage", (_packet, send) => send(Buffer.from([0x80, 0, 0]))],
    ["no version at all", negotiating([])],
    ["ids of another", (packet, send) => negotiating([1])(packet, (bytes) => send(Buffer.from(bytes.fill(9, 6, 8))))],
  ])("does not take %s for an answer", async (_name, reply) => {
    const { seen } = await ask(reply);
    expect(seen).toEqual({ state: "failed", why: "what answers on the UDP port is not QUIC" });
  });

  it("waits for the answer behind garbage", async () => {
    const { seen } = await ask((packet, send) => {
      send(Buffer.from("no"));
      negotiating([1])(packet, send);
    });
    expect(seen).toEqual({ state: "observed", value: ["v1"] });
  });

  it("is recorded, and keeps to pace, time and interruption", async () => {
    const recorder = createRecorder();
    let paced = 0;
    const pace = async (): Promise<void> => void paced++;
    await ask(negotiating([1]), { tap: recorder.tap, pace });
    expect(paced).toBe(1);
    expect(recorder.connections().map(({ events }) => events.map(([, way]) => way))).toEqual([["sent", "received"]]);
    const late = await ask(negotiating([1]), { totalMs: 0 });
    expect([late.seen, late.asked]).toEqual([{ state: "untestable", why: "the time of 0 s is used up" }, 0]);
    const gone = await ask(negotiating([1]), { signal: AbortSignal.abort() });
    expect([gone.seen, gone.asked]).toEqual([{ state: "untestable", why: "interrupted" }, 0]);
  });

  it("is not asked behind STARTTLS or a proxy", async () => {
    const mail = await ask(negotiating([1]), { startTls: "smtp" });
    expect([mail.seen.state, mail.asked]).toEqual(["untestable", 0]);
    const way = { via: { host: "127.0.0.1", port: 1 }, enter: async (channel: Channel) => channel };
    const proxied = await ask(negotiating([1]), { way });
    expect([proxied.seen, proxied.asked]).toEqual([{ state: "untestable", why: "the proxy carries no datagrams" }, 0]);
  });
});
