import { ByteReader, concat, uint, vector } from "./bytes.ts";
import { decodeExtensions, encodeExtensions, type Extension } from "./extensions.ts";

/** One certificate of a TLS 1.3 Certificate message. */
export interface CertificateEntry {
  readonly certificate: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** Certificate body up to TLS 1.2: DER certificates, leaf first. */
export function encodeCertificates12(certificates: readonly Uint8Array[]): Uint8Array {
  return vector(3, ...certificates.map((certificate) => vector(3, certificate)));
}

/** Decodes a Certificate body up to TLS 1.2. */
export function decodeCertificates12(body: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(body);
  const list = reader.nested(3);
  const certificates: Uint8Array[] = [];
  while (list.left > 0) certificates.push(list.vector(3));
  reader.end("Certificate");
  return certificates;
}

/** Certificate body of TLS 1.3 (RFC 8446, 4.4.2), with an empty request context. */
export function encodeCertificates13(entries: readonly CertificateEntry[]): Uint8Array {
  return concat(
    vector(1),
    vector(3, ...entries.map((entry) => concat(vector(3, entry.certificate), encodeExtensions(entry.extensions)))),
  );
}

/** Decodes a Certificate body of TLS 1.3. */
export function decodeCertificates13(body: Uint8Array): CertificateEntry[] {
  const reader = new ByteReader(body);
  reader.vector(1);
  const list = reader.nested(3);
  const entries: CertificateEntry[] = [];
  while (list.left > 0) entries.push({ certificate: list.vector(3), extensions: decodeExtensions(list) });
  reader.end("Certificate");
  return entries;
}

/** Decodes EncryptedExtensions. */
export function decodeEncryptedExtensions(body: Uint8Array): Extension[] {
  const reader = new ByteReader(body);
  const extensions = decodeExtensions(reader);
  reader.end("EncryptedExtensions");
  return extensions;
}

/** The OCSP response of a CertificateStatus message or extension (RFC 6066, 8). Null for another kind of status. */
export function decodeCertificateStatus(body: Uint8Array): Uint8Array | null {
  const reader = new ByteReader(body);
  const type = reader.uint(1);
  if (type !== 1) return null;
  const response = reader.vector(3);
  reader.end("CertificateStatus");
  return response;
}

export interface NewSessionTicket {
  /** Seconds. */
  readonly lifetime: number;
  /** Added to the ticket's age in milliseconds, modulo 2^32. */
  readonly ageAdd: number;
  readonly nonce: Uint8Array;
  readonly ticket: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** Decodes a NewSessionTicket of TLS 1.3 (RFC 8446, 4.6.1). */
export function decodeNewSessionTicket13(body: Uint8Array): NewSessionTicket {
  const reader = new ByteReader(body);
  const lifetime = reader.uint(4);
  const ageAdd = reader.uint(4);
  const nonce = reader.vector(1);
  const ticket = reader.vector(2);
  const extensions = decodeExtensions(reader);
  reader.end("NewSessionTicket");
  return { lifetime, ageAdd, nonce, ticket, extensions };
}

/** Decodes a NewSessionTicket of TLS 1.2 (RFC 5077, 3.3). The lifetime is a hint in seconds; 0 says nothing. */
export function decodeNewSessionTicket12(body: Uint8Array): Pick<NewSessionTicket, "lifetime" | "ticket"> {
  const reader = new ByteReader(body);
  const lifetime = reader.uint(4);
  const ticket = reader.vector(2);
  reader.end("NewSessionTicket");
  return { lifetime, ticket };
}

/** What a CertificateVerify or a TLS 1.2 key exchange is signed with. */
export interface Signed {
  readonly scheme: number;
  readonly signature: Uint8Array;
}

/** Decodes a CertificateVerify of TLS 1.2 or 1.3. */
export function decodeCertificateVerify(body: Uint8Array): Signed {
  const reader = new ByteReader(body);
  const scheme = reader.uint(2);
  const signature = reader.vector(2);
  reader.end("CertificateVerify");
  return { scheme, signature };
}

/** Parameters of a ServerKeyExchange; `params` is the signed part. */
export type ServerKeyExchange =
  | {
      readonly kind: "ECDHE";
      readonly group: number;
      readonly point: Uint8Array;
      readonly params: Uint8Array;
      readonly signed: Uint8Array;
    }
  | {
      readonly kind: "DHE";
      readonly prime: Uint8Array;
      readonly generator: Uint8Array;
      readonly publicValue: Uint8Array;
      readonly params: Uint8Array;
      readonly signed: Uint8Array;
    }
  /** Explicit curves, RSA export keys, PSK hints: seen, not taken apart. */
  | { readonly kind: "other" };

/** Decodes a ServerKeyExchange body (RFC 5246, 7.4.3; RFC 8422, 5.4) for a suite of this key exchange. */
export function decodeServerKeyExchange(body: Uint8Array, keyExchange: "ECDHE" | "DHE" | "other"): ServerKeyExchange {
  const reader = new ByteReader(body);
  if (keyExchange === "ECDHE") {
    if (reader.uint(1) !== 3) return { kind: "other" };
    const group = reader.uint(2);
    const point = reader.vector(1);
    return { kind: "ECDHE", group, point, params: body.subarray(0, body.length - reader.left), signed: reader.rest() };
  }
  if (keyExchange === "DHE") {
    const prime = reader.vector(2);
    const generator = reader.vector(2);
    const publicValue = reader.vector(2);
    return {
      kind: "DHE",
      prime,
      generator,
      publicValue,
      params: body.subarray(0, body.length - reader.left),
      signed: reader.rest(),
    };
  }
  return { kind: "other" };
}

/** Parameters of an ECDHE key exchange with a named curve. */
export function encodeEcdheParams(group: number, point: Uint8Array): Uint8Array {
  return concat(uint(1, 3), uint(2, group), vector(1, point));
}

/** Parameters of a DHE key exchange. */
export function encodeDheParams(prime: Uint8Array, generator: Uint8Array, publicValue: Uint8Array): Uint8Array {
  return concat(vector(2, prime), vector(2, generator), vector(2, publicValue));
}

/** Bits of a big-endian number, leading zeros not counted. */
export function bitLength(number: Uint8Array): number {
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (number.length - first - 1) * 8 + (32 - Math.clz32(number[first] ?? 0));
}

/** An alert record's content. */
export interface Alert {
  readonly level: number;
  readonly description: number;
}

export function encodeAlert(alert: Alert): Uint8Array {
  return Uint8Array.of(alert.level, alert.description);
}

export function decodeAlert(fragment: Uint8Array): Alert {
  const reader = new ByteReader(fragment);
  const alert = { level: reader.uint(1), description: reader.uint(1) };
  reader.end("Alert");
  return alert;
}
