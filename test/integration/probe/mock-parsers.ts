import {
  ByteReader,
  DecodeError,
  encodeExtensions,
  sameBytes,
  type CbcProtection,
  type ClientHello,
  type TlsRecord,
} from "../../../src/wire/index.ts";

/** How status_request is read: as it must be; not at all; or as OpenSSL 1.0.0c did, which reads on behind its end (CVE-2011-0014). */
export type StatusParser = "strict" | "skips" | "reads on";

/** Types of the extensions that a parser of this kind sees; null where it refuses the hello. */
export function readHello(hello: ClientHello, parser: StatusParser): number[] | null {
  const block = encodeExtensions(hello.extensions ?? []).subarray(2);
  const seen: number[] = [];
  let position = 0;
  const number = (at: number): number => new ByteReader(block.subarray(at)).uint(2);
  while (position + 4 <= block.length) {
    const [type, size] = [number(position), number(position + 2)];
    const data = position + 4;
    seen.push(type);
    position = data + size;
    if (type !== 5) continue;
    if (parser === "strict" && !isSound(block.subarray(data, position))) return null;
    if (parser === "reads on") {
      // The list of responders is read, and its bytes are not taken off what is left.
      const list = number(data + 1);
      const afterList = data + 3 + list;
      const left = size - 3;
      if (number(afterList) > left - 2) return null;
      position = afterList + left;
    }
  }
  return seen;
}

function isSound(data: Uint8Array): boolean {
  try {
    const reader = new ByteReader(data);
    reader.uint(1);
    reader.vector(2);
    reader.vector(2);
    reader.end("status_request");
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** A CBC record that is not as it must be. */
export interface BrokenRecord {
  readonly plaintext: Uint8Array;
  /** `none`: the last byte is more than the record has. */
  readonly padding: "right" | "wrong" | "none";
  /** Bytes before MAC and padding; negative where there is no room for a MAC. */
  readonly length: number;
  /** The MAC before the padding is right. */
  readonly mac: boolean;
}

/** What is wrong with a record of data; null when nothing is. */
export function readBroken(protection: CbcProtection, record: TlsRecord): BrokenRecord | null {
  const { plaintext, macOf } = protection.openPlaintext(record);
  const last = plaintext.at(-1) ?? 0;
  const end = plaintext.length - last - 1;
  const length = end - protection.cbc.macLength;
  const padding = end < 0 ? "none" : plaintext.subarray(end).every((byte) => byte === last) ? "right" : "wrong";
  const mac = length >= 0 && sameBytes(macOf(plaintext.subarray(0, length)), plaintext.subarray(length, end));
  return padding === "right" && mac ? null : { plaintext, padding, length, mac };
}
