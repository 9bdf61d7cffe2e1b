import { constants, createDiffieHellman, privateDecrypt, randomBytes, type KeyObject } from "node:crypto";
import type { Socket } from "node:net";

import { connectionKeys } from "../../../src/probe/client/client12-keys.ts";
import {
  ascii,
  ByteReader,
  concat,
  contentTypes,
  createHandshakeParser,
  createKeyAgreement,
  createRecordParser,
  decodeClientHello,
  DecodeError,
  encodeAlert,
  encodeCertificates12,
  encodeDheParams,
  encodeEcdheParams,
  encodeHandshake,
  encodeRecords,
  encodeServerHello,
  findExtension,
  handshakeTypes,
  prfOf,
  sameBytes,
  suiteOf,
  uint,
  vector,
  type CbcProtection,
  type ClientHello,
  type HandshakeMessage,
  type Protection,
  type TlsRecord,
} from "../../../src/wire/index.ts";
import { readBroken, readHello, type BrokenRecord, type StatusParser } from "./mock-parsers.ts";
import type { Behaviour } from "./mock.ts";

/** What the mock does with something: goes on, sends this alert and closes, closes, or says nothing more. */
export type Move = number | "go on" | "close" | "silence";

/** A server of TLS 1.0 to 1.2 that completes handshakes, and misbehaves where it is told to. */
export interface MockServer {
  /** RSA. */
  readonly key: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
  /** Newest first; TLS 1.2 by default. */
  readonly versions?: readonly number[];
  /** In the server's order. */
  readonly suites: readonly number[];
  readonly dh?: { readonly prime: Uint8Array; readonly generator: Uint8Array };
  /** Takes up the heartbeat extension, and answers like this. */
  readonly heartbeat?: "sound" | "bleeds" | Move;
  /** What comes of a ChangeCipherSpec before the key exchange; `taken` is the flaw. Alert 10 by default. */
  readonly earlyCcs?: "taken" | Move;
  /** `strict` by default. */
  readonly statusParser?: StatusParser;
  /** A response to staple. */
  readonly staple?: Uint8Array;
  /** Gives tickets; how it resumes with them. */
  readonly tickets?: "sound" | "bleeds" | "never";
  /** What the block of an RSA key exchange leads to; `last` when nothing has come behind it. Going on takes what cannot be read for random. */
  readonly secret?: (block: Uint8Array, last: boolean) => Move;
  /** What a CBC record of data that is wrong leads to. Going on takes it as if it were right. Alert 20 by default. */
  readonly broken?: (record: BrokenRecord, on: { suite: number; version: number }) => Move;
  /** A ClientHello under the keys; `any` is the flaw. `refused` by default. */
  readonly renegotiation?: "any" | "secure" | "refused" | Move;
  /** Without renegotiation_info. */
  readonly unaware?: boolean;
}

/** The behaviour of such a server. */
export function mockServer(of: MockServer): Behaviour {
  return (socket) => {
    const records = createRecordParser();
    const connection = openConnection(of, socket);
    socket.on("data", (chunk) => {
      try {
        const found = records.push(new Uint8Array(chunk));
        found.forEach((record, index) => connection.take(record, index === found.length - 1));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        connection.move(50);
      }
    });
  };
}

interface Keys {
  readonly client: Protection | CbcProtection;
  readonly server: Protection;
  readonly finished: (label: string) => Uint8Array;
}

function openConnection(of: MockServer, socket: Socket) {
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  const agreement = createKeyAgreement(29, random)!;
  const dh =
    of.dh === undefined ? undefined : createDiffieHellman(Buffer.from(of.dh.prime), Buffer.from(of.dh.generator));
  const plain = createHandshakeParser();
  const hidden = createHandshakeParser();
  const transcript: Uint8Array[] = [];
  const serverRandom = random(32);
  let phase: "hello" | "exchange" | "done" | "over" = "hello";
  let version = 0x0303;
  let suite = 0;
  let hello: ClientHello | undefined;
  let keys: Keys | undefined;
  let [reads, writes, isPoisoned, isSecure] = [false, false, false, false];

  const send = (type: number, content: Uint8Array): void => {
    socket.write(
      writes && keys !== undefined ? keys.server.seal(type, content) : encodeRecords(type, version, content),
    );
  };
  const say = (type: number, body: Uint8Array): void => {
    const message = encodeHandshake(type, body);
    transcript.push(message);
    send(contentTypes.handshake, message);
  };
  const move = (what: Move): boolean => {
    if (what === "go on") return true;
    phase = "over";
    if (typeof what === "number") send(contentTypes.alert, encodeAlert({ level: 2, description: what }));
    if (what !== "silence") socket.end();
    return false;
  };

  const answerHello = (message: HandshakeMessage): void => {
    transcript.push(message.raw);
    hello = decodeClientHello(message.body);
    const { version: asked, cipherSuites } = hello;
    version = (of.versions ?? [0x0303]).find((candidate) => candidate <= asked) ?? 0;
    suite = of.suites.find((id) => cipherSuites.includes(id)) ?? 0;
    const isModernOnly = findExtension(hello.extensions ?? [], 43) !== undefined;
    if (version === 0 || isModernOnly) return void ((version = 0x0301), move(70));
    if (suite === 0) return void move(40);
    const seen = readHello(hello, of.statusParser ?? "strict");
    if (seen === null) return void move(50);
    isSecure = of.unaware !== true && (seen.includes(0xff01) || cipherSuites.includes(0x00ff));
    const ticket = of.tickets === undefined ? undefined : findExtension(hello.extensions ?? [], 35);
    const resumes = (ticket?.length ?? 0) > 0 && of.tickets !== "never" && seen.includes(35);
    const echo = (type: number, isOn: boolean, data = new Uint8Array(0)) =>
      isOn && seen.includes(type) ? [{ type, data }] : [];
    const body = encodeServerHello({
      version,
      random: serverRandom,
      sessionId: resumes
        ? concat(hello.sessionId, random(of.tickets === "bleeds" ? 32 - hello.sessionId.length : 0))
        : random(32),
      cipherSuite: suite,
      compressionMethod: 0,
      extensions: [
        ...(isSecure ? [{ type: 0xff01, data: vector(1) }] : []),
        ...echo(15, of.heartbeat !== undefined, Uint8Array.of(1)),
        ...echo(35, of.tickets !== undefined),
        ...echo(5, of.staple !== undefined),
      ],
    });
    phase = "exchange";
    say(handshakeTypes.serverHello, body);
    if (resumes) return;
    say(handshakeTypes.certificate, encodeCertificates12([of.certificate]));
    if (of.staple !== undefined && seen.includes(5))
      say(handshakeTypes.certificateStatus, concat(uint(1, 1), vector(3, of.staple)));
    const { keyExchange } = suiteOf(suite);
    if (keyExchange === "ECDHE")
      say(handshakeTypes.serverKeyExchange, concat(encodeEcdheParams(29, agreement.share.exchange), vector(2)));
    if (keyExchange === "DHE" && dh !== undefined && of.dh !== undefined)
      say(
        handshakeTypes.serverKeyExchange,
        concat(encodeDheParams(of.dh.prime, of.dh.generator, dh.generateKeys()), vector(2)),
      );
    say(handshakeTypes.serverHelloDone, new Uint8Array(0));
  };

  /** The secret of a key exchange; null when the connection does not go on. */
  const premasterOf = (body: Uint8Array, last: boolean): Uint8Array | null => {
    const { keyExchange } = suiteOf(suite);
    if (keyExchange === "ECDHE") return agreement.agree(new ByteReader(body).vector(1));
    const value = new ByteReader(body).vector(2);
    if (keyExchange === "DHE") {
      const shared = new Uint8Array(dh!.computeSecret(Buffer.from(value)));
      return shared.subarray(shared.findIndex((byte) => byte !== 0));
    }
    const block = new Uint8Array(privateDecrypt({ key: of.key, padding: constants.RSA_NO_PADDING }, value));
    if (!move(of.secret?.(block, last) ?? "go on")) return null;
    const isSound = block[0] === 0 && block[1] === 2 && block[block.length - 49] === 0;
    return isSound ? block.subarray(-48) : random(48);
  };

  const exchangeKeys = (message: HandshakeMessage, last: boolean): void => {
    transcript.push(message.raw);
    const premaster = premasterOf(message.body, last);
    if (premaster === null || hello === undefined) return;
    const prf = prfOf(version, suiteOf(suite).hash);
    const master = prf.derive(premaster, {
      label: "master secret",
      seed: concat(hello.random, serverRandom),
      length: 48,
    });
    keys = {
      ...connectionKeys(prf, {
        suite,
        version,
        master,
        seed: concat(serverRandom, hello.random),
        encryptThenMac: false,
        random,
      }),
      finished: (label) => prf.derive(master, { label, seed: prf.transcriptDigest(concat(...transcript)), length: 12 }),
    };
  };

  const finish = (message: HandshakeMessage): void => {
    if (keys === undefined || !sameBytes(keys.finished("client finished"), message.body)) return void move(51);
    transcript.push(message.raw);
    if (of.tickets !== undefined) say(handshakeTypes.newSessionTicket, concat(uint(4, 300), vector(2, random(64))));
    send(contentTypes.changeCipherSpec, Uint8Array.of(1));
    writes = true;
    say(handshakeTypes.finished, keys.finished("server finished"));
    phase = "done";
  };

  const renegotiate = (message: HandshakeMessage): void => {
    const policy = of.renegotiation ?? "refused";
    const info = findExtension(decodeClientHello(message.body).extensions ?? [], 0xff01);
    const isTaken = policy === "any" || (policy === "secure" && isSecure && (info?.length ?? 0) === 13);
    if (isTaken) {
      phase = "over";
      const body = encodeServerHello({
        version,
        random: random(32),
        sessionId: random(32),
        cipherSuite: suite,
        compressionMethod: 0,
        extensions: [],
      });
      return say(handshakeTypes.serverHello, body);
    }
    if (policy === "refused" || policy === "secure")
      return send(contentTypes.alert, encodeAlert({ level: 1, description: 100 }));
    move(policy);
  };

  const takeMessage = (message: HandshakeMessage, last: boolean): void => {
    if (message.type === handshakeTypes.clientHello)
      return phase === "hello" ? answerHello(message) : renegotiate(message);
    if (message.type === handshakeTypes.clientKeyExchange) return exchangeKeys(message, last);
    if (message.type === handshakeTypes.finished) return finish(message);
    transcript.push(message.raw);
  };

  const takeData = (record: TlsRecord): void => {
    if (keys === undefined) return void move(10);
    const broken = "openPlaintext" in keys.client ? readBroken(keys.client, record) : (keys.client.open(record), null);
    if (broken !== null && !move(of.broken?.(broken, { suite, version }) ?? 20)) return;
    send(contentTypes.applicationData, ascii("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    socket.end();
  };

  const beat = (record: TlsRecord): void => {
    const reader = new ByteReader(record.fragment);
    const [type, claimed] = [reader.uint(1), reader.uint(2)];
    if (type !== 1 || of.heartbeat === undefined) return void move(10);
    const has = Math.max(0, reader.left - 16);
    if (claimed > has && of.heartbeat !== "bleeds") {
      if (of.heartbeat !== "sound") move(of.heartbeat);
      return;
    }
    send(contentTypes.heartbeat, concat(uint(1, 2), uint(2, claimed), random(claimed + 16)));
  };

  const takeCcs = (): void => {
    if (keys !== undefined) reads = true;
    else if (of.earlyCcs === "taken") isPoisoned = true;
    else move(of.earlyCcs ?? 10);
  };

  return {
    move,
    take(record: TlsRecord, last: boolean): void {
      if (phase === "over") return;
      if (isPoisoned) return void move(20);
      if (record.type === contentTypes.changeCipherSpec) return takeCcs();
      if (record.type === contentTypes.heartbeat) return beat(record);
      if (record.type === contentTypes.alert) return;
      if (record.type === contentTypes.applicationData) return takeData(record);
      let content = record.fragment;
      if (reads && keys !== undefined) {
        try {
          content = keys.client.open(record).content;
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
          return void move(20);
        }
      }
      for (const message of (reads ? hidden : plain).push(content)) takeMessage(message, last);
    },
  };
}
