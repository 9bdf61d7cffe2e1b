import { ByteReader, concat, DecodeError, readUint16List, uint, uint16List, vector } from "./bytes.ts";
import { decodeExtensions, encodeExtensions, type Extension } from "./extensions.ts";
import type { NewSessionTicket, Signed } from "./flight.ts";

/** HelloRequest, ServerHelloDone and EndOfEarlyData have no content. Throws DecodeError when there is some. */
export function decodeEmpty(body: Uint8Array, name: string): void {
  if (body.length > 0) throw new DecodeError(`a ${name} of ${body.length} bytes`);
}

/** A CertificateRequest up to TLS 1.2 (RFC 5246, 7.4.4). */
export interface CertificateRequest12 {
  /** ClientCertificateType: 1 is RSA, 64 is ECDSA. */
  readonly types: readonly number[];
  /** Null before TLS 1.2. */
  readonly schemes: readonly number[] | null;
  /** DER names. */
  readonly authorities: readonly Uint8Array[];
}

export function encodeCertificateRequest12(request: CertificateRequest12): Uint8Array {
  return concat(
    vector(1, Uint8Array.from(request.types)),
    request.schemes === null ? new Uint8Array(0) : uint16List(2, request.schemes),
    vector(2, ...request.authorities.map((name) => vector(2, name))),
  );
}

/** Decodes a CertificateRequest body; only TLS 1.2 has schemes in it. */
export function decodeCertificateRequest12(body: Uint8Array, hasSchemes: boolean): CertificateRequest12 {
  const reader = new ByteReader(body);
  const types = [...reader.vector(1)];
  const schemes = hasSchemes ? readUint16List(reader.nested(2)) : null;
  const names = reader.nested(2);
  const authorities: Uint8Array[] = [];
  while (names.left > 0) authorities.push(names.vector(2));
  reader.end("CertificateRequest");
  return { types, schemes, authorities };
}

/** A CertificateRequest of TLS 1.3 (RFC 8446, 4.3.2). */
export interface CertificateRequest13 {
  readonly context: Uint8Array;
  readonly extensions: readonly Extension[];
}

export function encodeCertificateRequest13({ context, extensions }: CertificateRequest13): Uint8Array {
  return concat(vector(1, context), encodeExtensions(extensions));
}

export function decodeCertificateRequest13(body: Uint8Array): CertificateRequest13 {
  const reader = new ByteReader(body);
  const context = reader.vector(1);
  const extensions = decodeExtensions(reader);
  reader.end("CertificateRequest");
  return { context, extensions };
}

/** CertificateVerify of TLS 1.2 and 1.3. */
export function encodeCertificateVerify({ scheme, signature }: Signed): Uint8Array {
  return concat(uint(2, scheme), vector(2, signature));
}

/** CertificateStatus with an OCSP response (RFC 6066, 8). */
export function encodeCertificateStatus(response: Uint8Array): Uint8Array {
  return concat(uint(1, 1), vector(3, response));
}

/** NewSessionTicket of TLS 1.2 (RFC 5077, 3.3). */
export function encodeNewSessionTicket12(of: Pick<NewSessionTicket, "lifetime" | "ticket">): Uint8Array {
  return concat(uint(4, of.lifetime), vector(2, of.ticket));
}

/** NewSessionTicket of TLS 1.3 (RFC 8446, 4.6.1). */
export function encodeNewSessionTicket13(of: NewSessionTicket): Uint8Array {
  return concat(
    uint(4, of.lifetime),
    uint(4, of.ageAdd),
    vector(1, of.nonce),
    vector(2, of.ticket),
    encodeExtensions(of.extensions),
  );
}

/** KeyUpdate (RFC 8446, 4.6.3): whether the peer is to change its keys as well. */
export function encodeKeyUpdate(requested: boolean): Uint8Array {
  return uint(1, requested ? 1 : 0);
}

export function decodeKeyUpdate(body: Uint8Array): boolean {
  const reader = new ByteReader(body);
  const request = reader.uint(1);
  reader.end("KeyUpdate");
  if (request > 1) throw new DecodeError(`a KeyUpdate with ${request}`);
  return request === 1;
}

/** CompressedCertificate (RFC 8879, 4). */
export interface CompressedCertificate {
  /** 1 zlib, 2 brotli, 3 zstd. */
  readonly algorithm: number;
  readonly uncompressedLength: number;
  readonly compressed: Uint8Array;
}

export function encodeCompressedCertificate(of: CompressedCertificate): Uint8Array {
  return concat(uint(2, of.algorithm), uint(3, of.uncompressedLength), vector(3, of.compressed));
}

export function decodeCompressedCertificate(body: Uint8Array): CompressedCertificate {
  const reader = new ByteReader(body);
  const message = { algorithm: reader.uint(2), uncompressedLength: reader.uint(3), compressed: reader.vector(3) };
  reader.end("CompressedCertificate");
  return message;
}

/** ClientKeyExchange: what is RSA-encrypted or a DH value stands behind two bytes of length, an ECDH point behind one (SSL 3.0 has none for RSA). */
export function encodeClientKeyExchange(keyExchange: "RSA" | "DHE" | "ECDHE", value: Uint8Array): Uint8Array {
  return vector(keyExchange === "ECDHE" ? 1 : 2, value);
}

export function decodeClientKeyExchange(body: Uint8Array, keyExchange: "RSA" | "DHE" | "ECDHE"): Uint8Array {
  const reader = new ByteReader(body);
  const value = reader.vector(keyExchange === "ECDHE" ? 1 : 2);
  reader.end("ClientKeyExchange");
  return value;
}

/** A heartbeat (RFC 6520, 4): 1 asks, 2 answers. What is behind the payload is padding. */
export interface Heartbeat {
  readonly type: number;
  readonly payload: Uint8Array;
}

export function encodeHeartbeat({ type, payload }: Heartbeat): Uint8Array {
  return concat(uint(1, type), vector(2, payload), new Uint8Array(16));
}

/** Throws DecodeError where the payload is said to be longer than what came (CVE-2014-0160) or less than 16 bytes of padding follow. */
export function decodeHeartbeat(fragment: Uint8Array): Heartbeat {
  const reader = new ByteReader(fragment);
  const heartbeat = { type: reader.uint(1), payload: reader.vector(2) };
  if (reader.left < 16) throw new DecodeError(`a heartbeat with ${reader.left} bytes of padding`);
  return heartbeat;
}
