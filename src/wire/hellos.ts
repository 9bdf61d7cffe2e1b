import { ByteReader, concat, DecodeError, readUint16List, sameBytes, uint, uint16List, vector } from "./bytes.ts";
import { decodeExtensions, encodeExtensions, findExtension, type Extension } from "./extensions.ts";
import { extensionTypes } from "./names.ts";

export interface ClientHello {
  readonly version: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: readonly number[];
  /** Null: no extension block at all, as in SSL 3.0. */
  readonly extensions: readonly Extension[] | null;
}

export interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly extensions: readonly Extension[] | null;
}

/** The random that makes a ServerHello a HelloRetryRequest (RFC 8446, 4.1.3). */
export const helloRetryRandom: Uint8Array = new Uint8Array(
  Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex"),
);

/** Body of a ClientHello (RFC 8446, 4.1.2; RFC 6101, 5.6.1.2 without extensions). */
export function encodeClientHello(hello: ClientHello): Uint8Array {
  return concat(
    uint(2, hello.version),
    hello.random,
    vector(1, hello.sessionId),
    uint16List(2, hello.cipherSuites),
    vector(1, Uint8Array.from(hello.compressionMethods)),
    hello.extensions === null ? new Uint8Array(0) : encodeExtensions(hello.extensions),
  );
}

/** Decodes the body of a ClientHello. Throws DecodeError. */
export function decodeClientHello(body: Uint8Array): ClientHello {
  const reader = new ByteReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const cipherSuites = readUint16List(reader.nested(2));
  const compressionMethods = [...reader.vector(1)];
  const extensions = reader.left === 0 ? null : decodeExtensions(reader);
  reader.end("ClientHello");
  return { version, random, sessionId, cipherSuites, compressionMethods, extensions };
}

/** Body of a ServerHello. */
export function encodeServerHello(hello: ServerHello): Uint8Array {
  return concat(
    uint(2, hello.version),
    hello.random,
    vector(1, hello.sessionId),
    uint(2, hello.cipherSuite),
    uint(1, hello.compressionMethod),
    hello.extensions === null ? new Uint8Array(0) : encodeExtensions(hello.extensions),
  );
}

/** Decodes the body of a ServerHello or HelloRetryRequest. Throws DecodeError. */
export function decodeServerHello(body: Uint8Array): ServerHello {
  const reader = new ByteReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  if (sessionId.length > 32) throw new DecodeError(`a session id of ${sessionId.length} bytes`);
  const cipherSuite = reader.uint(2);
  const compressionMethod = reader.uint(1);
  const extensions = reader.left === 0 ? null : decodeExtensions(reader);
  reader.end("ServerHello");
  return { version, random, sessionId, cipherSuite, compressionMethod, extensions };
}

/** True for a HelloRetryRequest. */
export function isHelloRetry(hello: ServerHello): boolean {
  return sameBytes(hello.random, helloRetryRandom);
}

/** The version that was negotiated: supported_versions where the server sent it, else the version field. */
export function negotiatedVersion(hello: ServerHello): number {
  const selected = findExtension(hello.extensions ?? [], extensionTypes.supportedVersions);
  return selected === undefined ? hello.version : new ByteReader(selected).uint(2);
}

/** The mark that a server with a newer version leaves in its random when an older one is negotiated (RFC 8446, 4.1.3). */
export function downgradeMark(random: Uint8Array): "TLSv1.2" | "TLSv1.1" | null {
  const tail = Buffer.from(random.subarray(24)).toString("latin1");
  return tail === "DOWNGRD\u0001" ? "TLSv1.2" : tail === "DOWNGRD\u0000" ? "TLSv1.1" : null;
}
