import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

import {
  concat,
  contentTypes,
  createHandshakeParser,
  createRecordParser,
  decodeClientHello,
  DecodeError,
  encodeAlert,
  encodeCertificates12,
  encodeDheParams,
  encodeEcdheParams,
  encodeHandshake,
  encodeKeyShare,
  encodeRecords,
  encodeServerHello,
  findExtension,
  handshakeTypes,
  helloRetryRandom,
  readUint16List,
  ByteReader,
  suiteOf,
  uint,
  vector,
  type ClientHello,
  type Extension,
} from "../../../src/wire/index.ts";

/** What the mock does to a connection. `count` is the number of the connection, from 1. */
export type Behaviour = (socket: Socket, count: number) => void;

/** Runs `use` beside a server of this behaviour on a free port of this machine. */
export async function withMock<T>(behaviour: Behaviour, use: (port: number) => Promise<T>): Promise<T> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    behaviour(socket, ++count);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

/** A TLS server that says what a test wants it to say, and stops after its first flight. */
export interface MockTls {
  /** Version numbers, newest first. */
  readonly versions: readonly number[];
  /** In the server's order. */
  readonly suites: readonly number[];
  readonly compression?: number;
  readonly extensions?: readonly Extension[];
  /** Of finite-field Diffie-Hellman, with the generator 2; a composite number of 1024 bits by default. */
  readonly prime?: Uint8Array;
  /** The public value of the n-th key exchange. */
  readonly publicValue?: (count: number) => Uint8Array;
  readonly random?: Uint8Array;
  /** DER. */
  readonly certificate?: Uint8Array;
  /** What becomes of the bytes of an answer. */
  readonly deliver?: (socket: Socket, bytes: Uint8Array, hello: ClientHello) => void;
  /** In place of an alert. */
  readonly refuse?: (socket: Socket) => void;
}

const empty = new Uint8Array(0);

/** Extensions of a good server up to TLS 1.2. */
export const goodExtensions: readonly Extension[] = [
  { type: 0xff01, data: vector(1) },
  { type: 23, data: empty },
];

/** The behaviour of such a server. */
export function mockTls(of: MockTls): Behaviour {
  return (socket, count) => {
    const records = createRecordParser();
    const messages = createHandshakeParser();
    socket.on("data", (chunk) => {
      try {
        for (const record of records.push(new Uint8Array(chunk))) {
          if (record.type !== contentTypes.handshake) throw new DecodeError("nothing but hellos is taken here");
          for (const message of messages.push(record.fragment))
            answer(of, { socket, count, hello: decodeClientHello(message.body) });
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        socket.end(encodeRecords(contentTypes.alert, 0x0301, encodeAlert({ level: 2, description: 10 })));
      }
    });
  };
}

interface Asked {
  readonly socket: Socket;
  readonly count: number;
  readonly hello: ClientHello;
}

function answer(of: MockTls, { socket, count, hello }: Asked): void {
  const version = chooseVersion(of, hello);
  const suite =
    version === 0x0304 && !offersX25519(hello)
      ? undefined
      : of.suites.find(
          (id) => hello.cipherSuites.includes(id) && (suiteOf(id).since === "TLSv1.3") === (version === 0x0304),
        );
  if (version === undefined || suite === undefined) {
    const refuse =
      of.refuse ??
      ((peer: Socket) =>
        peer.end(
          encodeRecords(
            contentTypes.alert,
            0x0301,
            encodeAlert({ level: 2, description: version === undefined ? 70 : 40 }),
          ),
        ));
    refuse(socket);
    return;
  }
  const publicValue = of.publicValue?.(count) ?? new Uint8Array(32).fill(count);
  const bytes =
    version === 0x0304 ? modernFlight(hello, suite, publicValue) : classicFlight(of, { version, suite, publicValue });
  const deliver = of.deliver ?? ((peer: Socket, flight: Uint8Array) => peer.write(flight));
  deliver(socket, bytes, hello);
}

function chooseVersion(of: MockTls, hello: ClientHello): number | undefined {
  const list = findExtension(hello.extensions ?? [], 43);
  if (list !== undefined) {
    const offered = readUint16List(new ByteReader(list).nested(1));
    return of.versions.find((version) => offered.includes(version));
  }
  return of.versions.find((version) => version <= hello.version && version < 0x0304);
}

function offersX25519(hello: ClientHello): boolean {
  const list = findExtension(hello.extensions ?? [], 10);
  return list !== undefined && readUint16List(new ByteReader(list).nested(2)).includes(29);
}

/** ServerHello with X25519, its only group; a HelloRetryRequest when the client sent no share for it. */
function modernFlight(hello: ClientHello, cipherSuite: number, exchange: Uint8Array): Uint8Array {
  const hasShare = (findExtension(hello.extensions ?? [], 51)?.length ?? 0) > 2;
  const extensions = [
    { type: 43, data: uint(2, 0x0304) },
    { type: 51, data: hasShare ? encodeKeyShare({ group: 29, exchange }) : uint(2, 29) },
  ];
  const random = hasShare ? new Uint8Array(32).fill(1) : helloRetryRandom;
  const body = encodeServerHello({
    version: 0x0303,
    random,
    sessionId: hello.sessionId,
    cipherSuite,
    compressionMethod: 0,
    extensions,
  });
  return encodeRecords(contentTypes.handshake, 0x0303, encodeHandshake(handshakeTypes.serverHello, body));
}

function classicFlight(
  of: MockTls,
  { version, suite, publicValue }: { version: number; suite: number; publicValue: Uint8Array },
): Uint8Array {
  const { keyExchange } = suiteOf(suite);
  const params =
    keyExchange === "ECDHE"
      ? encodeEcdheParams(29, publicValue)
      : encodeDheParams(of.prime ?? new Uint8Array(128).fill(0xff), Uint8Array.of(2), publicValue);
  const hello = encodeServerHello({
    version,
    random: of.random ?? new Uint8Array(32).fill(1),
    sessionId: empty,
    cipherSuite: suite,
    compressionMethod: of.compression ?? 0,
    extensions: version === 0x0300 ? null : (of.extensions ?? goodExtensions),
  });
  const messages = [
    encodeHandshake(handshakeTypes.serverHello, hello),
    encodeHandshake(handshakeTypes.certificate, encodeCertificates12([of.certificate ?? Uint8Array.of(0x30, 0)])),
    ...(keyExchange === "ECDHE" || keyExchange === "DHE"
      ? [encodeHandshake(handshakeTypes.serverKeyExchange, concat(params, vector(2)))]
      : []),
    encodeHandshake(handshakeTypes.serverHelloDone, empty),
  ];
  return encodeRecords(contentTypes.handshake, version, concat(...messages));
}
