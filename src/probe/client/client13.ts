import { X509Certificate, type KeyObject } from "node:crypto";

import {
  aeadOf,
  applicationSecrets,
  concat,
  contentTypes,
  createHandshakeParser,
  decodeCertificates13,
  decodeCertificateStatus,
  decodeCertificateVerify,
  decodeEncryptedExtensions,
  decodeServerKeyShare,
  DecodeError,
  digest,
  encodeHandshake,
  encodeRecords,
  extensionTypes,
  findExtension,
  finishedData,
  handshakeSecrets,
  handshakeTypes,
  nextTrafficSecret,
  protection13,
  resumptionSecret,
  sameBytes,
  suiteOf,
  verifiesHandshake13,
  versions,
  type CertificateEntry,
  type Extension,
  type HashName,
  type HandshakeMessage,
  type Protection,
  type TrafficSecrets,
} from "../../wire/index.ts";
import { openFlight, withStaple, type Flight } from "./answer.ts";
import type { Channel } from "./channel.ts";
import { transcriptOf, type Hello } from "./hello.ts";
import { createMessageReader, type MessageReader } from "./message-reader.ts";
import type { SecureSession } from "./session.ts";

/** What the protected part of a TLS 1.3 handshake told, up to the server's Finished, whose MAC has been checked. */
export interface Handshake13 {
  readonly flight: Flight;
  readonly extensions: readonly Extension[];
  readonly entries: readonly CertificateEntry[];
  /** Answers with our Finished; from then on data flows. */
  readonly finish: () => Session13;
}

/** A connection of TLS 1.3 on which data flows. */
export interface Session13 extends SecureSession {
  /** What keys of tickets are derived from (RFC 8446, 7.1). */
  readonly resumption: { readonly hash: HashName; readonly secret: Uint8Array };
  /** Sends KeyUpdate, asks for the server's, and goes on with the next key (RFC 8446, 4.6.3). */
  readonly updateKeys: () => void;
}

/** Runs a TLS 1.3 handshake with a hello that carries a key share (RFC 8446, 2). Throws RefusedError, ChannelError, DecodeError. */
export async function handshake13(channel: Channel, hello: Hello): Promise<Handshake13> {
  channel.send(hello.bytes);
  const reader = createMessageReader(channel, ({ type }) => type === contentTypes.applicationData);
  const first = await reader.nextMessage();
  const opened = openFlight(hello, first);
  if (opened.protocol !== "TLSv1.3" || opened.isRetry)
    throw new DecodeError("the server does not take the key share that was sent");
  const { cipherSuite } = opened.serverHello;
  const { hash } = suiteOf(cipherSuite);
  const aead = aeadOf(cipherSuite);
  if (aead === undefined)
    throw new DecodeError(`suite 0x${cipherSuite.toString(16)} has no AEAD that can be computed here`);
  const secrets = handshakeSecrets(hash, agree(hello, opened), digest(hash, transcriptOf(hello, first.raw)));
  reader.protect(protection13(aead, hash, secrets.server));

  const transcript = [first.raw];
  let extensions: readonly Extension[] = [];
  let entries: readonly CertificateEntry[] = [];
  let certificateRequest: Uint8Array | null = null;
  let scheme: number | null = null;
  for (;;) {
    const message = await reader.nextMessage();
    if (message.type === handshakeTypes.finished) {
      const expected = finishedData(hash, secrets.server, digest(hash, transcriptOf(hello, ...transcript)));
      if (!sameBytes(expected, message.body)) throw new DecodeError("the server's Finished does not verify");
      if (scheme === null) throw new DecodeError("the server did not prove that it has the key of its certificate");
      transcript.push(message.raw);
      break;
    }
    if (message.type === handshakeTypes.certificateVerify)
      scheme = checkSignature(entries, message.body, digest(hash, transcriptOf(hello, ...transcript)));
    transcript.push(message.raw);
    if (message.type === handshakeTypes.encryptedExtensions) extensions = decodeEncryptedExtensions(message.body);
    else if (message.type === handshakeTypes.certificate) entries = decodeCertificates13(message.body);
    else if (message.type === handshakeTypes.certificateRequest) certificateRequest = message.body;
  }

  const flight = completeFlight(opened, { extensions, entries, certificateRequest, scheme });
  const application = applicationSecrets(hash, secrets.master, digest(hash, transcriptOf(hello, ...transcript)));
  return {
    flight,
    extensions,
    entries,
    finish() {
      const sealHandshake = protection13(aead, hash, secrets.client);
      const certificate =
        certificateRequest !== null ? [encodeHandshake(handshakeTypes.certificate, Uint8Array.of(0, 0, 0, 0))] : [];
      const verifyData = finishedData(
        hash,
        secrets.client,
        digest(hash, transcriptOf(hello, ...transcript, ...certificate)),
      );
      const messages = concat(...certificate, encodeHandshake(handshakeTypes.finished, verifyData));
      const middlebox = encodeRecords(contentTypes.changeCipherSpec, versions["TLSv1.2"], Uint8Array.of(1));
      channel.send(concat(middlebox, sealHandshake.seal(contentTypes.handshake, messages)));
      const whole = digest(hash, transcriptOf(hello, ...transcript, messages));
      return openSession(channel, reader, {
        hash,
        secrets: application,
        resumption: resumptionSecret(hash, secrets.master, whole),
        make: (secret) => protection13(aead, hash, secret),
      });
    },
  };
}

/** A flight with what stood in the protected part. */
function completeFlight(
  opened: Flight,
  of: {
    extensions: readonly Extension[];
    entries: readonly CertificateEntry[];
    certificateRequest: Uint8Array | null;
    scheme: number | null;
  },
): Flight {
  const ofLeaf = of.entries[0]?.extensions ?? [];
  const status = findExtension(ofLeaf, extensionTypes.statusRequest);
  const flight = {
    ...opened,
    certificates: of.entries.map(({ certificate }) => certificate),
    timestamps: findExtension(ofLeaf, extensionTypes.signedCertificateTimestamp) ?? null,
    asksForCertificate: of.certificateRequest !== null,
    certificateRequest: of.certificateRequest,
    encryptedExtensions: of.extensions,
    scheme: of.scheme,
  };
  return withStaple(flight, status === undefined ? null : decodeCertificateStatus(status));
}

/** The scheme of the signature. Throws DecodeError when the server does not have the key of the certificate that it shows. A certificate that cannot be read is left to others. */
function checkSignature(entries: readonly CertificateEntry[], body: Uint8Array, transcriptHash: Uint8Array): number {
  const signed = decodeCertificateVerify(body);
  const key = publicKeyOf(entries[0]?.certificate);
  if (key !== undefined && verifiesHandshake13(signed, key, transcriptHash) === false)
    throw new DecodeError("the server's signature over the handshake does not verify");
  return signed.scheme;
}

function publicKeyOf(certificate: Uint8Array | undefined): KeyObject | undefined {
  if (certificate === undefined) return undefined;
  try {
    return new X509Certificate(certificate).publicKey;
  } catch (error) {
    // node:crypto's own errors carry OpenSSL's code.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function agree(hello: Hello, flight: Flight): Uint8Array {
  const data = findExtension(flight.serverHello.extensions ?? [], extensionTypes.keyShare);
  if (data === undefined) throw new DecodeError("a ServerHello of TLS 1.3 without a key share");
  const { group, exchange } = decodeServerKeyShare(data);
  const shared = hello.agreements.find(({ share }) => share.group === group)?.agree(exchange);
  if (shared === undefined || shared === null)
    throw new DecodeError(`a key share of group ${group}, for which none was sent`);
  return shared;
}

function openSession(
  channel: Channel,
  reader: MessageReader,
  of: {
    hash: HashName;
    secrets: TrafficSecrets;
    resumption: Uint8Array;
    make: (secret: Uint8Array) => Protection;
  },
): Session13 {
  let { client, server } = of.secrets;
  let sealing = of.make(client);
  reader.protect(of.make(server));
  const parser = createHandshakeParser();
  const messages: HandshakeMessage[] = [];
  return {
    messages,
    resumption: { hash: of.hash, secret: of.resumption },
    updateKeys() {
      const request = encodeHandshake(handshakeTypes.keyUpdate, Uint8Array.of(1));
      channel.send(sealing.seal(contentTypes.handshake, request));
      client = nextTrafficSecret(of.hash, client);
      sealing = of.make(client);
    },
    send(data) {
      channel.send(sealing.seal(contentTypes.applicationData, data));
    },
    async receive() {
      for (;;) {
        const { type, content } = await reader.nextContent();
        if (type === contentTypes.applicationData) return content;
        if (type !== contentTypes.handshake) continue;
        const added = parser.push(content);
        messages.push(...added);
        if (added.some((message) => message.type === handshakeTypes.keyUpdate)) {
          server = nextTrafficSecret(of.hash, server);
          reader.protect(of.make(server));
        }
      }
    },
  };
}
