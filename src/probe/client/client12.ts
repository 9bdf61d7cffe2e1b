import {
  concat,
  contentTypes,
  DecodeError,
  encodeHandshake,
  encodeRecords,
  extensionTypes,
  findExtension,
  handshakeTypes,
  prfOf,
  sameBytes,
  suiteOf,
  vector,
  type CbcProtection,
  type HandshakeMessage,
  type Prf,
  type Protection,
  type Random,
} from "../../wire/index.ts";
import { addMessage, openFlight, type Flight } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { canComplete, connectionKeys, exchangeKeys } from "./client12-keys.ts";
import { createMessageReader, type MessageReader } from "./message-reader.ts";
import { transcriptOf, type Hello } from "./hello.ts";
import type { SecureSession } from "./session.ts";

/** A finished handshake of TLS 1.0 to 1.2. The server's Finished has been checked. */
export interface Handshake12 {
  readonly flight: Flight;
  readonly session: SecureSession;
  /** Protects what we send from here on. */
  readonly sealing: Protection | CbcProtection;
  readonly reader: MessageReader;
  /** verify_data of our Finished: what a secure renegotiation names (RFC 5746). */
  readonly verifyData: Uint8Array;
  /** Messages between our Finished and the server's: a session ticket, where there is one. */
  readonly beforeFinished: readonly HandshakeMessage[];
}

/** A server's flight up to ServerHelloDone, which has been reached. */
export interface ServerFlight {
  readonly flight: Flight;
  /** Messages with their headers, in a row. */
  readonly transcript: Uint8Array[];
  readonly asksForCertificate: boolean;
}

/** Reads a flight of TLS 1.2 or older to its end. Throws RefusedError, ChannelError, DecodeError; also when TLS 1.3 is taken. */
export async function readServerFlight(reader: MessageReader, hello: Hello): Promise<ServerFlight> {
  const transcript: Uint8Array[] = [];
  const next = async (): Promise<HandshakeMessage> => {
    const message = await reader.nextMessage();
    transcript.push(message.raw);
    return message;
  };
  let flight = openFlight(hello, await next());
  if (flight.protocol === "TLSv1.3") throw new DecodeError("the server took TLS 1.3 where it was not offered");
  let asksForCertificate = false;
  for (let message = await next(); message.type !== handshakeTypes.serverHelloDone; message = await next()) {
    flight = addMessage(flight, message);
    asksForCertificate ||= message.type === handshakeTypes.certificateRequest;
  }
  return { flight, transcript, asksForCertificate };
}

/** A reader for a connection of TLS 1.2 or older: what comes after the server's ChangeCipherSpec is protected. */
export function classicReader(channel: Channel): MessageReader {
  return createMessageReader(channel, ({ changed }) => changed);
}

/**
 * Runs a handshake of TLS 1.0 to 1.2 (RFC 2246, 4346, 5246, 8422, 7627, 7366) for a suite with RSA, DHE or ECDHE and an AEAD or a CBC cipher; `canComplete`
 * tells which. Throws RefusedError, ChannelError, DecodeError.
 */
export async function handshake12(channel: Channel, hello: Hello, random: Random): Promise<Handshake12> {
  channel.send(hello.bytes);
  const reader = classicReader(channel);
  const { flight, transcript, asksForCertificate } = await readServerFlight(reader, hello);
  const { cipherSuite, version, extensions } = flight.serverHello;
  if (flight.protocol === "SSLv3" || !canComplete(cipherSuite))
    throw new DecodeError(`a suite that cannot be computed here: ${suiteOf(cipherSuite).name}`);
  const sendHandshake = (message: Uint8Array): void => {
    transcript.push(message);
    channel.send(encodeRecords(contentTypes.handshake, version, message));
  };

  const prf = prfOf(version, suiteOf(cipherSuite).hash);
  const { message, premaster } = exchangeKeys(flight, random);
  if (asksForCertificate) sendHandshake(encodeHandshake(handshakeTypes.certificate, vector(3)));
  sendHandshake(encodeHandshake(handshakeTypes.clientKeyExchange, message));
  const has = (type: number): boolean => findExtension(extensions ?? [], type) !== undefined;
  const master = has(extensionTypes.extendedMasterSecret)
    ? prf.derive(premaster, {
        label: "extended master secret",
        seed: prf.transcriptDigest(transcriptOf(hello, ...transcript)),
        length: 48,
      })
    : prf.derive(premaster, {
        label: "master secret",
        seed: concat(hello.random, flight.serverHello.random),
        length: 48,
      });
  const keys = connectionKeys(prf, {
    suite: cipherSuite,
    version,
    master,
    seed: concat(flight.serverHello.random, hello.random),
    encryptThenMac: has(extensionTypes.encryptThenMac),
    random,
  });

  const verifyData = finishedOf(prf, master, {
    label: "client finished",
    transcript: transcriptOf(hello, ...transcript),
  });
  const finished = encodeHandshake(handshakeTypes.finished, verifyData);
  channel.send(
    concat(
      encodeRecords(contentTypes.changeCipherSpec, version, Uint8Array.of(1)),
      keys.client.seal(contentTypes.handshake, finished),
    ),
  );
  transcript.push(finished);
  reader.protect(keys.server);
  const beforeFinished = await readFinished(reader, (beforeIt) =>
    finishedOf(prf, master, { label: "server finished", transcript: transcriptOf(hello, ...transcript, ...beforeIt) }),
  );
  return {
    flight,
    session: openSession(channel, reader, keys.client),
    sealing: keys.client,
    reader,
    verifyData,
    beforeFinished,
  };
}

function finishedOf(prf: Prf, master: Uint8Array, of: { label: string; transcript: Uint8Array }): Uint8Array {
  return prf.derive(master, { label: of.label, seed: prf.transcriptDigest(of.transcript), length: 12 });
}

/** Reads to the server's Finished and checks it; a session ticket may stand before it (RFC 5077, 3.3). Gives what stood before it. */
async function readFinished(
  reader: MessageReader,
  expected: (beforeIt: readonly Uint8Array[]) => Uint8Array,
): Promise<readonly HandshakeMessage[]> {
  const beforeIt: HandshakeMessage[] = [];
  for (;;) {
    const message = await reader.nextMessage();
    if (message.type === handshakeTypes.finished) {
      if (!sameBytes(expected(beforeIt.map(({ raw }) => raw)), message.body))
        throw new DecodeError("the server's Finished does not verify");
      return beforeIt;
    }
    beforeIt.push(message);
  }
}

function openSession(channel: Channel, reader: MessageReader, sealing: Protection): SecureSession {
  return {
    messages: [],
    send(data) {
      channel.send(sealing.seal(contentTypes.applicationData, data));
    },
    async receive() {
      for (;;) {
        const { type, content } = await reader.nextContent();
        if (type === contentTypes.applicationData) return content;
      }
    },
  };
}
