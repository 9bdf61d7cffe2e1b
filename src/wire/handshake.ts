import { concat, ByteReader, DecodeError, uint, vector } from "./bytes.ts";

/** One handshake message without its header. `raw` has the header, as the transcript needs it. */
export interface HandshakeMessage {
  readonly type: number;
  readonly body: Uint8Array;
  readonly raw: Uint8Array;
}

/** No message of an honest peer is larger; certificates of 10,000 names fit. */
const maxMessage = 2 ** 20;

/** A message with its header (RFC 8446, 4). */
export function encodeHandshake(type: number, body: Uint8Array): Uint8Array {
  return concat(uint(1, type), vector(3, body));
}

/** Puts handshake messages together from the fragments of records. */
export interface HandshakeParser {
  /** Adds the fragment of a handshake record; gives the messages that it completes. Throws DecodeError for a message beyond 1 MiB and for an empty fragment (RFC 8446, 5.1). */
  push(fragment: Uint8Array): HandshakeMessage[];
  readonly pending: number;
}

/** A parser for one direction of one connection. Holds at most one unfinished message. */
export function createHandshakeParser(): HandshakeParser {
  let parts: Uint8Array[] = [];
  let length = 0;
  return {
    push(fragment) {
      if (fragment.length === 0) throw new DecodeError("an empty handshake record");
      parts.push(fragment);
      length += fragment.length;
      if (length < wanted(parts)) return [];
      const buffer = concat(...parts);
      const { messages, rest } = split(buffer);
      parts = rest.length === 0 ? [] : [rest];
      length = rest.length;
      return messages;
    },
    get pending() {
      return length;
    },
  };
}

/** Bytes of the first message when its header can be read from the first part, so that long messages are joined once. */
function wanted(parts: readonly Uint8Array[]): number {
  const [first] = parts;
  return first === undefined || first.length < 4 ? 4 : 4 + checkedLength(first);
}

function split(buffer: Uint8Array): { messages: HandshakeMessage[]; rest: Uint8Array } {
  const messages: HandshakeMessage[] = [];
  let rest = buffer;
  while (rest.length >= 4) {
    const end = 4 + checkedLength(rest);
    if (rest.length < end) break;
    messages.push({ type: rest[0] ?? 0, body: rest.subarray(4, end), raw: rest.subarray(0, end) });
    rest = rest.subarray(end);
  }
  return { messages, rest };
}

function checkedLength(header: Uint8Array): number {
  const length = new ByteReader(header.subarray(1)).uint(3);
  if (length > maxMessage) throw new DecodeError(`a handshake message of ${length} bytes`, 1);
  return length;
}
