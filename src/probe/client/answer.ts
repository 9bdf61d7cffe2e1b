import {
  contentTypes,
  createHandshakeParser,
  createRecordParser,
  decodeAlert,
  decodeCertificates12,
  decodeCertificateStatus,
  decodeServerHello,
  decodeServerKeyExchange,
  decodeServerKeyShare,
  DecodeError,
  extensionTypes,
  findExtension,
  handshakeTypes,
  isHelloRetry,
  negotiatedVersion,
  suiteOf,
  alertName,
  versionName,
  type Extension,
  type HandshakeMessage,
  type ServerHello,
  type ServerKeyExchange,
  type TlsRecord,
} from "../../wire/index.ts";
import { ChannelError, type Channel, type Trouble } from "./channel.ts";
import type { Hello } from "./hello.ts";
import type { SuiteProtocol } from "../types.ts";

/** What the server said after a hello, as far as it can be read without keys. */
export interface Flight {
  readonly hello: Hello;
  /** The version that was negotiated, which need not be the one asked for. */
  readonly protocol: SuiteProtocol;
  readonly serverHello: ServerHello;
  readonly isRetry: boolean;
  /** DER, leaf first; null where none was seen. */
  readonly certificates: readonly Uint8Array[] | null;
  /** A stapled OCSP response came. */
  readonly stapled: boolean;
  /** That response, DER. */
  readonly staple: Uint8Array | null;
  /** The SignedCertificateTimestampList of the handshake (RFC 6962, 3.3.1). */
  readonly timestamps: Uint8Array | null;
  /** The server wants a certificate of the client; null where its flight could not be read that far. */
  readonly asksForCertificate: boolean | null;
  /** The body of the message that says so, undecoded. */
  readonly certificateRequest: Uint8Array | null;
  /** EncryptedExtensions of TLS 1.3, where they could be read. */
  readonly encryptedExtensions: readonly Extension[] | null;
  /** What CertificateVerify is signed with, in TLS 1.3. */
  readonly scheme: number | null;
  readonly keyExchange: ServerKeyExchange | null;
}

/** The outcome of one hello. A time-out is never a refusal. */
export type Answer =
  | { readonly kind: "hello"; readonly flight: Flight }
  | { readonly kind: "alert"; readonly alert: number }
  | { readonly kind: "closed" }
  | Trouble;

/** Raised in the middle of a handshake that the server refuses. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(describeAnswer(answer));
    this.answer = answer;
  }
}

/** True for answers that say nothing definite: the scheduler asks again, alone. */
export function isTrouble(answer: { readonly kind: string }): boolean {
  return ["silent", "reset", "closed", "garbage", "unconnected", "blocked"].includes(answer.kind);
}

/** An answer in words, for `why`. */
export function describeAnswer(answer: Answer): string {
  switch (answer.kind) {
    case "hello":
      return `${answer.flight.protocol} was negotiated`;
    case "alert":
      return `alert ${answer.alert} (${alertName(answer.alert)})`;
    case "closed":
      return "the server closed the connection";
    default:
      return answer.why;
  }
}

/** What went wrong in a conversation as an answer. Rethrows what is not the peer's doing. */
export function answerOf(error: unknown): Answer {
  if (error instanceof ChannelError) return error.trouble;
  if (error instanceof RefusedError) return error.answer;
  if (error instanceof DecodeError) return { kind: "garbage", why: error.message };
  throw error;
}

/** One warning is usual, a few are possible; a stream of them is not TLS that leads anywhere. */
const maxAlerts = 16;

/** The server's records one by one. Throws RefusedError at an alert that ends the connection, and when it closes. */
export function recordSource(channel: Channel): { next: () => Promise<TlsRecord> } {
  const parser = createRecordParser();
  const queue: TlsRecord[] = [];
  let alerts = 0;
  return {
    async next() {
      for (;;) {
        const record = queue.shift();
        if (record?.type === contentTypes.alert && ++alerts > maxAlerts)
          throw new DecodeError(`more than ${maxAlerts} alerts without an end`);
        if (record !== undefined) return record;
        const bytes = await channel.receive();
        if (bytes === null) throw new RefusedError({ kind: "closed" });
        queue.push(...parser.push(bytes));
      }
    },
  };
}

/** A warning that a server may send before it goes on: unrecognized_name (RFC 6066, 3). */
export function refuseAlert(fragment: Uint8Array): void {
  const alert = decodeAlert(fragment);
  if (alert.level === 1 && alert.description !== 0) return;
  throw new RefusedError(alert.description === 0 ? { kind: "closed" } : { kind: "alert", alert: alert.description });
}

/** Sends a hello and reads the unprotected part of the answer: up to ServerHello in TLS 1.3, to ServerHelloDone before. */
export async function readFlight(channel: Channel, hello: Hello): Promise<Flight> {
  channel.send(hello.bytes);
  const messages = messageSource(channel);
  const flight = openFlight(hello, await messages.next());
  if (flight.protocol === "TLSv1.3") return flight;
  try {
    return await readRest(flight, messages);
  } catch (error) {
    // The suite was chosen all the same: what came of the flight counts.
    answerOf(error);
    return flight;
  }
}

/** Unprotected handshake messages one by one. */
export function messageSource(channel: Channel): { next: () => Promise<HandshakeMessage> } {
  const records = recordSource(channel);
  const parser = createHandshakeParser();
  const queue: HandshakeMessage[] = [];
  return {
    async next() {
      for (;;) {
        const message = queue.shift();
        if (message !== undefined) return message;
        const record = await records.next();
        if (record.type === contentTypes.alert) refuseAlert(record.fragment);
        else if (record.type === contentTypes.handshake) queue.push(...parser.push(record.fragment));
        else throw new DecodeError(`a record of type ${record.type} in place of a handshake message`);
      }
    },
  };
}

/** A flight that begins with this message, which must be a ServerHello for something that the hello offered. */
export function openFlight(hello: Hello, message: HandshakeMessage): Flight {
  if (message.type !== handshakeTypes.serverHello)
    throw new DecodeError(`handshake message ${message.type} in place of ServerHello`);
  const serverHello = decodeServerHello(message.body);
  const protocol = versionName(negotiatedVersion(serverHello));
  if (protocol === undefined)
    throw new DecodeError(`version 0x${negotiatedVersion(serverHello).toString(16)} in ServerHello`);
  if (!hello.plan.suites.includes(serverHello.cipherSuite))
    throw new DecodeError(`suite 0x${serverHello.cipherSuite.toString(16)} was not offered`);
  // Whoever reads the share later need not expect a broken one.
  const share =
    protocol === "TLSv1.3" ? findExtension(serverHello.extensions ?? [], extensionTypes.keyShare) : undefined;
  if (share !== undefined) decodeServerKeyShare(share);
  return {
    hello,
    protocol,
    serverHello,
    isRetry: isHelloRetry(serverHello),
    certificates: null,
    stapled: false,
    staple: null,
    timestamps: findExtension(serverHello.extensions ?? [], extensionTypes.signedCertificateTimestamp) ?? null,
    asksForCertificate: null,
    certificateRequest: null,
    encryptedExtensions: null,
    scheme: null,
    keyExchange: null,
  };
}

async function readRest(start: Flight, messages: { next: () => Promise<HandshakeMessage> }): Promise<Flight> {
  let flight = start;
  for (;;) {
    const message = await messages.next();
    if (message.type === handshakeTypes.serverHelloDone)
      return { ...flight, asksForCertificate: flight.asksForCertificate ?? false };
    flight = addMessage(flight, message);
  }
}

/** A flight of TLS 1.2 or older with one more message read. */
export function addMessage(flight: Flight, { type, body }: HandshakeMessage): Flight {
  switch (type) {
    case handshakeTypes.certificate:
      return { ...flight, certificates: decodeCertificates12(body) };
    case handshakeTypes.certificateStatus:
      return withStaple(flight, decodeCertificateStatus(body));
    case handshakeTypes.certificateRequest:
      return { ...flight, asksForCertificate: true, certificateRequest: body };
    case handshakeTypes.serverKeyExchange:
      return { ...flight, keyExchange: decodeServerKeyExchange(body, publicValueKind(flight.serverHello.cipherSuite)) };
    default:
      return flight;
  }
}

/** A flight with the response that was stapled to it; an empty one is none. */
export function withStaple(flight: Flight, response: Uint8Array | null): Flight {
  return response === null || response.length === 0 ? flight : { ...flight, stapled: true, staple: response };
}

/** Which structure a ServerKeyExchange has with this suite; anonymous suites have it by their name. */
function publicValueKind(suite: number): "ECDHE" | "DHE" | "other" {
  const { keyExchange, name } = suiteOf(suite);
  if (keyExchange === "ECDHE" || name.startsWith("TLS_ECDH_anon")) return "ECDHE";
  return keyExchange === "DHE" || name.startsWith("TLS_DH_anon") ? "DHE" : "other";
}
