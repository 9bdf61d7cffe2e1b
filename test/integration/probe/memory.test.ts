import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { describe, expect, it } from "vitest";

import { judge } from "../../../src/grade/index.ts";
import { createPace } from "../../../src/probe/index.ts";
import {
  concat,
  contentTypes,
  encodeCertificates12,
  encodeHandshake,
  encodeRecords,
  encodeServerHello,
  handshakeTypes,
  uint,
  vector,
  type ClientHello,
} from "../../../src/wire/index.ts";
import { goodExtensions, mockTls, withMock, type Behaviour } from "./mock.ts";
import { look } from "./support.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const megabyte = 2 ** 20;
/** RSA key exchange: a flight that needs no parameters. Many suites make many connections. */
const suites = [
  0x9c, 0x9d, 0x2f, 0x35, 0x3c, 0x3d, 0x0a, 0x41, 0x84, 0xba, 0xc0, 0x96, 0x07, 0xc09c, 0xc09d, 0xc0a0, 0xc0a1, 0xc07a,
  0xc07b, 0xc050, 0xc051, 0xc03c, 0xc03d, 0x05, 0x04, 0x3b, 0x02, 0x01,
];

/** 15 certificates of 64,000 bytes and a response of 500,000; each begins with this number. */
function flight(version: number, suite: number, number: number): Uint8Array {
  const numbered = (length: number): Uint8Array => concat(uint(4, number), new Uint8Array(length));
  const hello = encodeServerHello({
    version,
    random: new Uint8Array(32).fill(1),
    sessionId: new Uint8Array(0),
    cipherSuite: suite,
    compressionMethod: 0,
    extensions: [...goodExtensions, { type: 5, data: new Uint8Array(0) }],
  });
  const certificates = Array.from({ length: 15 }, (_, index) => concat(uint(1, index), numbered(64_000)));
  const messages = [
    encodeHandshake(handshakeTypes.serverHello, hello),
    encodeHandshake(handshakeTypes.certificate, encodeCertificates12(certificates)),
    encodeHandshake(handshakeTypes.certificateStatus, concat(uint(1, 1), vector(3, numbered(500_000)))),
    encodeHandshake(handshakeTypes.serverHelloDone, new Uint8Array(0)),
  ];
  return encodeRecords(contentTypes.handshake, version, concat(...messages));
}

/** A whole look at such a server, slow enough for little to be under way at once, and how many bytes it held beyond those of before, at most, each 16th connection. */
async function lookAt(numberOf: (count: number) => number) {
  const sizes: number[] = [];
  let flights = 0;
  const behaviour: Behaviour = (socket, count) => {
    if (count % 16 === 1) {
      // Buffers that one finds are gone with the next.
      collect();
      collect();
      const { heapUsed, external } = process.memoryUsage();
      sizes.push(heapUsed + external);
    }
    const deliver = (peer: Socket, _bytes: Uint8Array, hello: ClientHello): void => {
      const suite = suites.find((id) => hello.cipherSuites.includes(id));
      if (suite === undefined) return;
      flights++;
      peer.write(flight(hello.version, suite, numberOf(count)));
    };
    mockTls({ versions: [0x0303, 0x0302, 0x0301], suites, deliver })(socket, count);
  };
  const seen = await withMock(behaviour, (port) => look(port, { pace: createPace(100) }));
  return { seen, flights, grownBy: Math.max(...sizes) - (sizes[0] ?? 0) };
}

describe("the memory of a look", () => {
  it("is bounded where each connection brings other certificates; these are failed, and there is no grade", async () => {
    const { seen, flights, grownBy } = await lookAt((count) => count);
    expect(flights).toBeGreaterThan(100);
    expect(seen.cipherSuites["TLSv1.2"]).toMatchObject({ state: "observed" });
    expect(grownBy).toBeLessThan(80 * megabyte);
    expect(seen.certificates).toEqual({
      state: "failed",
      why: "the server sends more than 8 MiB of different certificates, which are not all kept",
    });
    expect(judge(seen).grades["ssllabs-2009r"]).toMatchObject({ grade: null, gradeTrustIgnored: null });
  });

  it("does not grow where each connection brings the same ones", async () => {
    const { seen, grownBy } = await lookAt(() => 1);
    expect(grownBy).toBeLessThan(80 * megabyte);
    expect(seen.certificates).toMatchObject({ state: "failed", why: expect.stringContaining("cannot be read") });
  });
});
