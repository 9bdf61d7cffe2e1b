import { ByteReader, concat, DecodeError, uint, vector } from "./bytes.ts";
import { readDer } from "./der.ts";

/** A signed certificate timestamp of version 1 (RFC 6962, 3.2). */
export interface Timestamp {
  /** SHA-256 of the log's key. */
  readonly logId: Uint8Array;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly extensions: Uint8Array;
  /** Hash and signature algorithm as in TLS 1.2, 0x0403 for ECDSA with SHA-256. */
  readonly scheme: number;
  readonly signature: Uint8Array;
}

/** What a log signed: a certificate, or what was to become one, with the SHA-256 of its issuer's key. */
export type LogEntry =
  | { readonly kind: "certificate"; readonly der: Uint8Array }
  | { readonly kind: "precertificate"; readonly tbs: Uint8Array; readonly issuerKeyHash: Uint8Array };

/** The extension of a certificate that holds timestamps (RFC 6962, 3.3). */
export const timestampsExtension = "1.3.6.1.4.1.11129.2.4.2";

/** The list inside of a certificate's extension. Throws DecodeError. */
export function timestampListOf(extension: Uint8Array): Uint8Array {
  const [element] = readDer(extension);
  if (element?.tag !== 0x04) throw new DecodeError("timestamps that are no octet string");
  return element.contents;
}

/** Decodes a SignedCertificateTimestampList (RFC 6962, 3.3); versions to come are left out. Throws DecodeError. */
export function decodeTimestampList(bytes: Uint8Array): Timestamp[] {
  const reader = new ByteReader(bytes);
  const list = reader.nested(2);
  reader.end("SignedCertificateTimestampList");
  const timestamps: Timestamp[] = [];
  while (list.left > 0) {
    const timestamp = list.nested(2);
    if (timestamp.uint(1) !== 0) continue;
    const logId = timestamp.take(32);
    const time = timestamp.uint(4) * 2 ** 32 + timestamp.uint(4);
    const extensions = timestamp.vector(2);
    const scheme = timestamp.uint(2);
    const signature = timestamp.vector(2);
    timestamp.end("SignedCertificateTimestamp");
    timestamps.push({ logId, time, extensions, scheme, signature });
  }
  return timestamps;
}

/** The bytes that the signature of a timestamp is over (RFC 6962, 3.2). */
export function signedTimestampData(timestamp: Timestamp, entry: LogEntry): Uint8Array {
  const time = concat(uint(4, Math.floor(timestamp.time / 2 ** 32)), uint(4, timestamp.time % 2 ** 32));
  const signed =
    entry.kind === "certificate"
      ? concat(uint(2, 0), vector(3, entry.der))
      : concat(uint(2, 1), entry.issuerKeyHash, vector(3, entry.tbs));
  return concat(uint(1, 0), uint(1, 0), time, signed, vector(2, timestamp.extensions));
}
