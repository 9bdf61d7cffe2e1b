import {
  aeadOf,
  concat,
  contentTypes,
  createKeyAgreement,
  DecodeError,
  digest,
  encodeHandshake,
  encodeRecords,
  extensionTypes,
  findExtension,
  handshakeTypes,
  prf12,
  protection12,
  sameBytes,
  suiteOf,
  vector,
  versions,
  type Aead,
  type HandshakeMessage,
  type HashName,
  type Protection,
  type Random,
} from "../wire/index.ts";
import { addMessage, openFlight, type Flight } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { createMessageReader, type MessageReader } from "./message-reader.ts";
import { transcriptOf, type Hello } from "./hello.ts";
import type { SecureSession } from "./session.ts";

/** A finished TLS 1.2 handshake. The server's Finished has been checked. */
export interface Handshake12 {
  readonly flight: Flight;
  readonly session: SecureSession;
}

/** Runs a TLS 1.2 handshake for an ECDHE suite with an AEAD (RFC 5246, 8422, 7627). Throws RefusedError, ChannelError, DecodeError. */
export async function handshake12(channel: Channel, hello: Hello, random: Random): Promise<Handshake12> {
  channel.send(hello.bytes);
  const reader = createMessageReader(channel, ({ changed }) => changed);
  const transcript: Uint8Array[] = [];
  const next = async (): Promise<HandshakeMessage> => {
    const message = await reader.nextMessage();
    transcript.push(message.raw);
    return message;
  };

  let flight = openFlight(hello, await next());
  const { cipherSuite } = flight.serverHello;
  const aead = aeadOf(cipherSuite);
  if (flight.protocol !== "TLSv1.2" || aead === undefined)
    throw new DecodeError("the server did not take TLS 1.2 with an AEAD");
  let asksForCertificate = false;
  for (let message = await next(); message.type !== handshakeTypes.serverHelloDone; message = await next()) {
    flight = addMessage(flight, message);
    asksForCertificate ||= message.type === handshakeTypes.certificateRequest;
  }

  const { hash } = suiteOf(cipherSuite);
  const { publicValue, premaster } = exchangeKeys(flight, random);
  if (asksForCertificate) sendHandshake(channel, transcript, encodeHandshake(handshakeTypes.certificate, vector(3)));
  sendHandshake(channel, transcript, encodeHandshake(handshakeTypes.clientKeyExchange, vector(1, publicValue)));
  const extended =
    findExtension(flight.serverHello.extensions ?? [], extensionTypes.extendedMasterSecret) !== undefined;
  const randoms = concat(hello.random, flight.serverHello.random);
  const master = extended
    ? prf12(hash, premaster, {
        label: "extended master secret",
        seed: digest(hash, transcriptOf(hello, ...transcript)),
        length: 48,
      })
    : prf12(hash, premaster, { label: "master secret", seed: randoms, length: 48 });
  const keys = connectionKeys(aead, hash, { master, seed: concat(flight.serverHello.random, hello.random) });

  const finished = encodeHandshake(
    handshakeTypes.finished,
    verifyData(hash, master, { label: "client finished", transcript: transcriptOf(hello, ...transcript) }),
  );
  channel.send(
    concat(
      encodeRecords(contentTypes.changeCipherSpec, versions["TLSv1.2"], Uint8Array.of(1)),
      keys.client.seal(contentTypes.handshake, finished),
    ),
  );
  transcript.push(finished);
  await readFinished(reader, keys.server, (beforeIt) =>
    verifyData(hash, master, { label: "server finished", transcript: transcriptOf(hello, ...transcript, ...beforeIt) }),
  );
  return { flight, session: openSession(channel, reader, keys) };
}

function exchangeKeys(flight: Flight, random: Random): { publicValue: Uint8Array; premaster: Uint8Array } {
  const exchange = flight.keyExchange;
  if (exchange?.kind !== "ECDHE") throw new DecodeError("a key exchange other than ECDHE");
  const agreement = createKeyAgreement(exchange.group, random);
  const premaster = agreement?.agree(exchange.point);
  if (agreement === undefined || premaster === undefined || premaster === null)
    throw new DecodeError(`group ${exchange.group} cannot be computed here`);
  return { publicValue: agreement.share.exchange, premaster };
}

interface ConnectionKeys {
  readonly client: Protection;
  readonly server: Protection;
}

function connectionKeys(aead: Aead, hash: HashName, of: { master: Uint8Array; seed: Uint8Array }): ConnectionKeys {
  const block = prf12(hash, of.master, {
    label: "key expansion",
    seed: of.seed,
    length: 2 * (aead.keyLength + aead.fixedNonce12),
  });
  const at = (start: number, length: number): Uint8Array => block.subarray(start, start + length);
  const nonces = 2 * aead.keyLength;
  return {
    client: protection12(aead, at(0, aead.keyLength), at(nonces, aead.fixedNonce12)),
    server: protection12(aead, at(aead.keyLength, aead.keyLength), at(nonces + aead.fixedNonce12, aead.fixedNonce12)),
  };
}

function verifyData(hash: HashName, master: Uint8Array, of: { label: string; transcript: Uint8Array }): Uint8Array {
  return prf12(hash, master, { label: of.label, seed: digest(hash, of.transcript), length: 12 });
}

function sendHandshake(channel: Channel, transcript: Uint8Array[], message: Uint8Array): void {
  transcript.push(message);
  channel.send(encodeRecords(contentTypes.handshake, versions["TLSv1.2"], message));
}

/** Reads to the server's Finished and checks it; a session ticket may stand before it (RFC 5077, 3.3). */
async function readFinished(
  reader: MessageReader,
  protection: Protection,
  expected: (beforeIt: readonly Uint8Array[]) => Uint8Array,
): Promise<void> {
  reader.protect(protection);
  const beforeIt: Uint8Array[] = [];
  for (;;) {
    const message = await reader.nextMessage();
    if (message.type === handshakeTypes.finished) {
      if (!sameBytes(expected(beforeIt), message.body)) throw new DecodeError("the server's Finished does not verify");
      return;
    }
    beforeIt.push(message.raw);
  }
}

function openSession(channel: Channel, reader: MessageReader, keys: ConnectionKeys): SecureSession {
  return {
    messages: [],
    send(data) {
      channel.send(keys.client.seal(contentTypes.applicationData, data));
    },
    async receive() {
      for (;;) {
        const { type, content } = await reader.nextContent();
        if (type === contentTypes.applicationData) return content;
      }
    },
  };
}
