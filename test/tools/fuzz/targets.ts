/** The reading side of wire and probe, fed with bytes instead of a connection. */
import { X509Certificate } from "node:crypto";

import { choiceIn } from "../../../src/probe/features/alpn.ts";
import { answerOf, readFlight, type Flight } from "../../../src/probe/client/answer.ts";
import { certificateSeen } from "../../../src/probe/certificates/certificate.ts";
import { harvestChains } from "../../../src/probe/certificates/chains.ts";
import type { Channel } from "../../../src/probe/client/channel.ts";
import { groupListIn } from "../../../src/probe/features/exchange.ts";
import { harvestFeatures, ticket12In } from "../../../src/probe/features/features.ts";
import { allSchemes, buildHello, type Hello } from "../../../src/probe/client/hello.ts";
import { parseHead } from "../../../src/probe/http/http.ts";
import { samplesOf } from "../../../src/probe/keys/key-shares.ts";
import { groupOfFlight } from "../../../src/probe/suites/modern-suites.ts";
import { createTrustStore } from "../../../src/probe/certificates/trust.ts";
import {
  createHandshakeParser,
  createRecordParser,
  decodeCertificates13,
  decodeCertificateStatus,
  decodeCertificateVerify,
  decodeEncryptedExtensions,
  decodeNewSessionTicket12,
  decodeNewSessionTicket13,
  decodeOcspResponse,
  DecodeError,
  decodeSsl2ServerHello,
  decodeTimestampList,
  extensionTypes,
  handshakeTypes,
  latin1,
  readCertificate,
  suites,
  timestampListOf,
  type Extension,
  type HandshakeMessage,
} from "../../../src/wire/index.ts";
import { decodeCertificateRequest12, decodeCertificateRequest13, decodeKeyUpdate } from "../../../src/wire/messages.ts";
import { versionsOffered } from "../versions.ts";
import type { Draw } from "./mutate.ts";
import type { Kind, Seed } from "./seeds.ts";

/** Reads the bytes to their end. True when something could be read, false when they were refused; anything thrown is a fault. */
export async function readAs(
  kind: Kind,
  bytes: Uint8Array,
  of: { protocol: Seed["protocol"]; draw: Draw },
): Promise<boolean> {
  if (kind === "flight") return readAnswer(bytes, of);
  try {
    readPlain(kind, bytes);
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

function readPlain(kind: Exclude<Kind, "flight">, bytes: Uint8Array): void {
  switch (kind) {
    case "ssl2":
      decodeSsl2ServerHello(bytes);
      return;
    case "messages":
      for (const message of createHandshakeParser().push(bytes)) readMessage(message);
      return;
    case "der":
      readDer(bytes);
      return;
    case "http":
      parseHead(latin1(bytes));
      return;
  }
}

// --- answers to a hello -------------------------------------------------------------------------------------------

const hellos = new Map<string, Hello>();

/** As `look.ask` reads it, then everything that is harvested from a flight without asking again: from a flight that was taken nothing may be thrown. */
async function readAnswer(bytes: Uint8Array, of: { protocol: Seed["protocol"]; draw: Draw }): Promise<boolean> {
  let flight: Flight;
  try {
    flight = await readFlight(channelOf(bytes, of.draw), helloFor(of.protocol));
  } catch (error) {
    // Throws what is not the peer's doing.
    answerOf(error);
    return false;
  }
  harvestFeatures([flight], versionsOffered([flight.protocol]));
  ticket12In([flight]);
  samplesOf([flight]);
  if (flight.protocol === "TLSv1.3") groupOfFlight(flight);
  // Certificates cost a hundred times the rest: some are enough.
  if (flight.certificates !== null && of.draw(64) === 0) await readChain(flight);
  return true;
}

const store = createTrustStore([], []);
const target = { host: "localhost", port: 443, serverName: "localhost", address: "127.0.0.1" };

async function readChain(flight: Flight): Promise<void> {
  await harvestChains([flight], { target, store, now: new Date(1_800_000_000_000) });
}

function helloFor(protocol: Seed["protocol"]): Hello {
  const known = hellos.get(protocol);
  if (known !== undefined) return known;
  const plan = { protocol, suites: suites.map(({ id }) => id), schemes: allSchemes };
  const hello = buildHello(plan, { serverName: "localhost", random: (length) => new Uint8Array(length).fill(7) });
  hellos.set(protocol, hello);
  return hello;
}

/** Gives the bytes in one to three parts, then the end of the connection. */
function channelOf(bytes: Uint8Array, draw: Draw): Channel {
  const cuts = [draw(bytes.length + 1), draw(bytes.length + 1), bytes.length].toSorted((one, other) => one - other);
  const parts = draw(2) === 0 ? [bytes] : cuts.map((cut, index) => bytes.subarray(cuts[index - 1] ?? 0, cut));
  return { send() {}, receive: () => Promise.resolve(parts.shift() ?? null) };
}

// --- what has no answer of its own --------------------------------------------------------------------------------

function readMessage({ type, body }: HandshakeMessage): void {
  switch (type) {
    case handshakeTypes.encryptedExtensions:
      readEncryptedExtensions(decodeEncryptedExtensions(body));
      return;
    case handshakeTypes.certificate:
      for (const { certificate, extensions } of decodeCertificates13(body)) {
        readCertificate(certificate);
        extensions.forEach(readExtension);
      }
      return;
    case handshakeTypes.certificateVerify:
      decodeCertificateVerify(body);
      return;
    case handshakeTypes.newSessionTicket:
      refused(() => decodeNewSessionTicket12(body));
      decodeNewSessionTicket13(body);
      return;
    case handshakeTypes.certificateStatus:
      decodeCertificateStatus(body);
      return;
    case handshakeTypes.certificateRequest:
      refused(() => decodeCertificateRequest12(body, true));
      decodeCertificateRequest13(body);
      return;
    case handshakeTypes.keyUpdate:
      decodeKeyUpdate(body);
      return;
    default:
      createRecordParser().push(body);
  }
}

/** These readers give outcomes: they refuse nothing. */
function readEncryptedExtensions(extensions: readonly Extension[]): void {
  groupListIn(extensions);
  choiceIn(extensions);
}

function readExtension({ type, data }: Extension): void {
  if (type === extensionTypes.statusRequest) decodeCertificateStatus(data);
  else if (type === extensionTypes.signedCertificateTimestamp) decodeTimestampList(data);
}

/** Each decoder of DER in turn, by what the bytes begin with; a broken one refuses. */
function readDer(bytes: Uint8Array): void {
  const attempts = [
    () => decodeOcspResponse(bytes),
    () => readCertificate(bytes),
    () => decodeTimestampList(timestampListOf(bytes)),
    () => certificateFrom(bytes),
  ];
  const refusals = attempts.map(refused);
  if (refusals.every((refusal) => refusal)) throw new DecodeError("no decoder takes it");
}

/** Only what OpenSSL takes for a certificate reaches our code in earnest. */
function certificateFrom(bytes: Uint8Array): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(bytes);
  } catch (error) {
    throw new DecodeError(String(error));
  }
  try {
    certificateSeen(certificate);
  } catch (error) {
    // A key that OpenSSL cannot read is its own error, with a code; harvestChains makes an outcome of it.
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

function refused(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    if (error instanceof DecodeError) return true;
    throw error;
  }
}
