import { randomBytes, sign, type KeyObject } from "node:crypto";
import type { Socket } from "node:net";

import {
  aeadOf,
  applicationSecrets,
  ascii,
  ByteReader,
  concat,
  contentTypes,
  createHandshakeParser,
  createKeyAgreement,
  createRecordParser,
  decodeClientHello,
  DecodeError,
  digest,
  encodeAlert,
  encodeCertificates13,
  encodeExtensions,
  encodeHandshake,
  encodeKeyShare,
  encodeRecords,
  encodeServerHello,
  findExtension,
  finishedData,
  handshakeSecrets,
  handshakeTypes,
  helloRetryRandom,
  nextTrafficSecret,
  protection13,
  readUint16List,
  uint,
  vector,
  type Extension,
  type Protection,
  type TlsRecord,
} from "../../../src/wire/index.ts";
import type { Behaviour } from "./mock.ts";

/** A server of TLS 1.3 with X25519 and one suite, for what no program does. */
export interface MockModern {
  /** On P-256. */
  readonly key: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
  /** Beside those that the protocol needs. */
  readonly encryptedExtensions?: readonly Extension[];
  /** What comes of a KeyUpdate. */
  readonly keyUpdate: "answered" | "refused" | "ignored";
}

const suite = 0x1301;
const hash = "sha256";
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** The behaviour of such a server. */
export function mockModern(of: MockModern): Behaviour {
  return (socket) => {
    const records = createRecordParser();
    const parser = createHandshakeParser();
    let onRecord: ((record: TlsRecord) => void) | undefined;
    socket.on("data", (chunk) => {
      try {
        for (const record of records.push(new Uint8Array(chunk))) {
          if (onRecord !== undefined) onRecord(record);
          else for (const { body, raw } of parser.push(record.fragment)) onRecord = greet(of, socket, { body, raw });
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        socket.destroy();
      }
    });
  };
}

/** Answers a hello; gives what reads the rest of the connection. */
function greet(
  of: MockModern,
  socket: Socket,
  { body, raw }: { body: Uint8Array; raw: Uint8Array },
): ((record: TlsRecord) => void) | undefined {
  const hello = decodeClientHello(body);
  const offersModern = findExtension(hello.extensions ?? [], 43) !== undefined;
  const groups = findExtension(hello.extensions ?? [], 10);
  const offersGroup = groups !== undefined && readUint16List(new ByteReader(groups).nested(2)).includes(29);
  if (!offersModern || !offersGroup || !hello.cipherSuites.includes(suite)) {
    socket.end(
      encodeRecords(contentTypes.alert, 0x0301, encodeAlert({ level: 2, description: offersModern ? 40 : 70 })),
    );
    return undefined;
  }
  const agreement = createKeyAgreement(29, random);
  const share = shareOf(findExtension(hello.extensions ?? [], 51) ?? new Uint8Array(2));
  const serverHello = encodeHandshake(
    handshakeTypes.serverHello,
    encodeServerHello({
      version: 0x0303,
      random: share === undefined ? helloRetryRandom : random(32),
      sessionId: hello.sessionId,
      cipherSuite: suite,
      compressionMethod: 0,
      extensions: [
        { type: 43, data: uint(2, 0x0304) },
        { type: 51, data: share === undefined ? uint(2, 29) : encodeKeyShare(agreement!.share) },
      ],
    }),
  );
  socket.write(encodeRecords(contentTypes.handshake, 0x0303, serverHello));
  if (share === undefined) return undefined;

  const secrets = handshakeSecrets(hash, agreement!.agree(share)!, digest(hash, raw, serverHello));
  const transcript = [raw, serverHello];
  const add = (type: number, content: Uint8Array): Uint8Array => {
    const message = encodeHandshake(type, content);
    transcript.push(message);
    return message;
  };
  const flight = [
    add(handshakeTypes.encryptedExtensions, encodeExtensions(of.encryptedExtensions ?? [])),
    add(handshakeTypes.certificate, encodeCertificates13([{ certificate: of.certificate, extensions: [] }])),
  ];
  const signed = concat(
    new Uint8Array(64).fill(0x20),
    ascii("TLS 1.3, server CertificateVerify\u0000"),
    digest(hash, ...transcript),
  );
  const signature = new Uint8Array(sign(hash, signed, of.key));
  flight.push(add(handshakeTypes.certificateVerify, concat(uint(2, 0x0403), vector(2, signature))));
  flight.push(add(handshakeTypes.finished, finishedData(hash, secrets.server, digest(hash, ...transcript))));
  const aead = aeadOf(suite)!;
  socket.write(protection13(aead, hash, secrets.server).seal(contentTypes.handshake, concat(...flight)));

  const application = applicationSecrets(hash, secrets.master, digest(hash, ...transcript));
  return serveData(of, socket, {
    make: (secret) => protection13(aead, hash, secret),
    handshake: secrets.client,
    ...application,
  });
}

/** The client's first share of X25519. */
function shareOf(data: Uint8Array): Uint8Array | undefined {
  const list = new ByteReader(data).nested(2);
  while (list.left > 0) {
    const group = list.uint(2);
    const exchange = list.vector(2);
    if (group === 29) return exchange;
  }
  return undefined;
}

/** Reads the client's Finished without looking at it, then answers requests. */
function serveData(
  of: MockModern,
  socket: Socket,
  keys: { make: (secret: Uint8Array) => Protection; handshake: Uint8Array; client: Uint8Array; server: Uint8Array },
): (record: TlsRecord) => void {
  let { client, server } = keys;
  let opening = keys.make(keys.handshake);
  let sealing = keys.make(server);
  let isFinished = false;
  return (record) => {
    if (record.type === contentTypes.changeCipherSpec) return;
    const { type } = opening.open(record);
    if (!isFinished) {
      isFinished = true;
      opening = keys.make(client);
    } else if (type === contentTypes.applicationData) {
      socket.end(sealing.seal(type, ascii("HTTP/1.1 204 No Content\r\n\r\n")));
    } else if (of.keyUpdate === "refused") {
      socket.end(sealing.seal(contentTypes.alert, encodeAlert({ level: 2, description: 10 })));
    } else {
      client = nextTrafficSecret(hash, client);
      opening = keys.make(client);
      if (of.keyUpdate === "ignored") return;
      socket.write(sealing.seal(contentTypes.handshake, encodeHandshake(handshakeTypes.keyUpdate, Uint8Array.of(0))));
      server = nextTrafficSecret(hash, server);
      sealing = keys.make(server);
    }
  };
}
