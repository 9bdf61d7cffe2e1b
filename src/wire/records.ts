import { ByteReader, concat, DecodeError, latin1, uint, vector } from "./bytes.ts";

/** One record as it stood on the wire; the fragment is still protected where protection is on. */
export interface TlsRecord {
  readonly type: number;
  readonly version: number;
  readonly fragment: Uint8Array;
}

/** Plaintext of a record is at most 2^14 bytes; protection may add 2048 (RFC 5246, 6.2.3). */
const maxPlaintext = 2 ** 14;
const maxFragment = maxPlaintext + 2048;

/** Encodes bytes as records of one type, cut at 2^14 bytes. Empty input gives one empty record. */
export function encodeRecords(type: number, version: number, payload: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let start = 0; start === 0 || start < payload.length; start += maxPlaintext) {
    parts.push(uint(1, type), uint(2, version), vector(2, payload.subarray(start, start + maxPlaintext)));
  }
  return concat(...parts);
}

/** Takes a stream apart into records. Holds at most one unfinished record. */
export interface RecordParser {
  /** Adds bytes as they came; gives the records that they complete. Throws DecodeError when this is not TLS. */
  push(bytes: Uint8Array): TlsRecord[];
  /** Bytes of a record that has begun and is not complete. */
  readonly pending: number;
}

/** A parser for one direction of one connection. */
export function createRecordParser(): RecordParser {
  let buffer: Uint8Array = new Uint8Array(0);
  return {
    push(bytes) {
      buffer = buffer.length === 0 ? bytes : concat(buffer, bytes);
      const found: TlsRecord[] = [];
      for (let record = firstRecord(buffer); record !== null; record = firstRecord(buffer)) {
        found.push(record);
        buffer = buffer.subarray(5 + record.fragment.length);
      }
      return found;
    },
    get pending() {
      return buffer.length;
    },
  };
}

function firstRecord(buffer: Uint8Array): TlsRecord | null {
  refuseOthers(buffer);
  if (buffer.length < 5) return null;
  const reader = new ByteReader(buffer);
  const type = reader.uint(1);
  const version = reader.uint(2);
  const length = reader.uint(2);
  if (length > maxFragment) throw new DecodeError(`a record of ${length} bytes`, 3);
  return length > reader.left ? null : { type, version, fragment: reader.take(length) };
}

/** Known from the first byte, so that a banner is told apart before five bytes are there. */
function refuseOthers(buffer: Uint8Array): void {
  const [type, major] = buffer;
  if (type !== undefined && (type < 20 || type > 24)) throw new DecodeError(`not TLS: ${describeOther(buffer)}`);
  if (major !== undefined && major !== 3) throw new DecodeError(`not TLS: record version ${major}.x`, 1);
}

/** What another protocol's greeting looks like. */
function describeOther(bytes: Uint8Array): string {
  const text = latin1(bytes.subarray(0, 64));
  if (text.startsWith("SSH-")) return "the server speaks SSH";
  if (/^(HTTP\/|<!doctype|<html)/i.test(text)) return "the server answers in plain HTTP";
  if (/^[245]\d\d[ -]/.test(text))
    return `the server greets in plain text (${/smtp/i.test(text) ? "SMTP" : /ftp/i.test(text) ? "FTP" : "SMTP or FTP"})`;
  if (/^\* (OK|PREAUTH|BYE)/.test(text)) return "the server greets in plain text (IMAP)";
  if (/^(\+OK|-ERR)/.test(text)) return "the server greets in plain text (POP3)";
  return `the first byte is 0x${(bytes[0] ?? 0).toString(16).padStart(2, "0")}`;
}
