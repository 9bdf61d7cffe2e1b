import { describe, expect, it } from "vitest";

import {
  concat,
  contentTypes,
  createHandshakeParser,
  createRecordParser,
  decodeAlert,
  decodeAlpnChoice,
  decodeCertificates12,
  decodeCertificates13,
  decodeCertificateStatus,
  decodeEncryptedExtensions,
  decodeNewSessionTicket13,
  decodeServerHello,
  decodeServerKeyExchange,
  decodeServerKeyShare,
  DecodeError,
  decodeSsl2ServerHello,
  encodeAlert,
  encodeCertificates12,
  encodeCertificates13,
  encodeEcdheParams,
  encodeExtensions,
  encodeHandshake,
  encodeKeyShare,
  encodeRecords,
  encodeServerHello,
  encodeSsl2ServerHello,
  handshakeTypes,
  negotiatedVersion,
  readCertificate,
  uint,
  vector,
  type HandshakeMessage,
} from "../../../src/wire/index.ts";

/** How long to go on; more on request. The seed is fixed, so a failure comes back. */
const seconds = Number(process.env["FUZZ_SECONDS"] ?? "2");

const certificate = vector(1, Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x01));

const hello = encodeServerHello({
  version: 0x0303,
  random: new Uint8Array(32).fill(7),
  sessionId: new Uint8Array(32),
  cipherSuite: 0x1301,
  compressionMethod: 0,
  extensions: [
    { type: 43, data: uint(2, 0x0304) },
    { type: 51, data: encodeKeyShare({ group: 29, exchange: new Uint8Array(32).fill(9) }) },
    { type: 16, data: vector(2, vector(1, Uint8Array.of(104, 50))) },
  ],
});

const messages: readonly Uint8Array[] = [
  encodeHandshake(handshakeTypes.serverHello, hello),
  encodeHandshake(handshakeTypes.encryptedExtensions, encodeExtensions([{ type: 10, data: vector(2, uint(2, 29)) }])),
  encodeHandshake(handshakeTypes.certificate, encodeCertificates12([certificate, certificate])),
  encodeHandshake(handshakeTypes.compressedCertificate, encodeCertificates13([{ certificate, extensions: [] }])),
  encodeHandshake(handshakeTypes.serverKeyExchange, encodeEcdheParams(23, new Uint8Array(65))),
  encodeHandshake(handshakeTypes.certificateStatus, concat(uint(1, 1), vector(3, Uint8Array.of(1)))),
  encodeHandshake(
    handshakeTypes.newSessionTicket,
    concat(uint(4, 1), uint(4, 1), vector(1), vector(2), encodeExtensions([])),
  ),
];

const seeds: readonly Uint8Array[] = [
  encodeRecords(contentTypes.handshake, 0x0303, concat(...messages)),
  concat(...messages.map((message) => encodeRecords(contentTypes.handshake, 0x0303, message))),
  encodeRecords(contentTypes.alert, 0x0303, encodeAlert({ level: 2, description: 40 })),
  encodeSsl2ServerHello({ version: 2, certificate, cipherSpecs: [0x010080] }),
];

/** Reads a server's bytes as far as they go. Only DecodeError may come out. */
function readFlight(bytes: Uint8Array): number {
  let count = 0;
  const records = createRecordParser();
  const handshake = createHandshakeParser();
  for (const part of [bytes.subarray(0, 7), bytes.subarray(7)]) {
    for (const record of records.push(part)) {
      if (record.type === contentTypes.alert) decodeAlert(record.fragment);
      else for (const message of handshake.push(record.fragment)) count += readMessage(message);
    }
  }
  return count;
}

function readMessage({ type, body }: HandshakeMessage): number {
  switch (type) {
    case handshakeTypes.serverHello: {
      const decoded = decodeServerHello(body);
      negotiatedVersion(decoded);
      for (const extension of decoded.extensions ?? []) {
        if (extension.type === 51) decodeServerKeyShare(extension.data);
        if (extension.type === 16) decodeAlpnChoice(extension.data);
      }
      return 1;
    }
    case handshakeTypes.encryptedExtensions:
      return decodeEncryptedExtensions(body).length;
    case handshakeTypes.certificate:
      return decodeCertificates12(body).map(readCertificate).length;
    case handshakeTypes.compressedCertificate:
      return decodeCertificates13(body).length;
    case handshakeTypes.serverKeyExchange:
      return [decodeServerKeyExchange(body, "ECDHE"), decodeServerKeyExchange(body, "DHE")].length;
    case handshakeTypes.certificateStatus:
      return decodeCertificateStatus(body)?.length ?? 0;
    case handshakeTypes.newSessionTicket:
      return decodeNewSessionTicket13(body).extensions.length;
    default:
      return 0;
  }
}

/** Xorshift: fast and the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutate(seed: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = Uint8Array.from(seed);
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(bytes.length);
    switch (random(5)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0;
        break;
      case 2:
        bytes = bytes.slice(0, at + 1);
        break;
      case 3:
        bytes = Uint8Array.from(concat(bytes.subarray(0, at), bytes.subarray(random(bytes.length))));
        if (bytes.length === 0) bytes = Uint8Array.of(22);
        break;
      default:
        bytes = Uint8Array.from(concat(bytes.subarray(0, at), Uint8Array.of(random(256)), bytes.subarray(at)));
    }
  }
  return bytes;
}

describe("mutated flights", () => {
  it(
    "never give anything but a value or a DecodeError, and need no more memory than they have",
    () => {
      const random = generator(20_251_123);
      const before = process.memoryUsage().heapUsed;
      const end = performance.now() + seconds * 1000;
      let [runs, read, refused] = [0, 0, 0];
      while (performance.now() < end) {
        for (let batch = 0; batch < 500; batch++) {
          runs++;
          const bytes = mutate(seeds[random(seeds.length)]!, random);
          for (const decode of [readFlight, (part: Uint8Array) => (decodeSsl2ServerHello(part) === null ? 0 : 1)]) {
            try {
              read += decode(bytes);
            } catch (error) {
              if (!(error instanceof DecodeError))
                throw new Error(`input ${Buffer.from(bytes).toString("hex")}`, { cause: error });
              refused++;
            }
          }
        }
      }
      expect(runs).toBeGreaterThan(500);
      // Both happen, or the mutations would test nothing.
      expect(read).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
    },
    seconds * 1000 + 10_000,
  );
});
