import { ascii, concat, latin1, uint } from "../../wire/index.ts";
import { blocked, quoted, type PlainReader } from "./plain-reader.ts";

/** RFC 4511, 4.14: an extended request with message id 1, and the result code of its response. */
export async function ldap(reader: PlainReader): Promise<void> {
  const oid = ascii("1.3.6.1.4.1.1466.20037");
  const request = concat(Uint8Array.of(0x77, oid.length + 2, 0x80, oid.length), oid);
  reader.send(concat(Uint8Array.of(0x30, request.length + 3, 0x02, 0x01, 0x01), request));
  const response = inner(await message(reader), 0x78);
  const result = response === null ? null : inner(response, 0x0a);
  if (result === null || result.length === 0) throw blocked("the answer to StartTLS is not one of LDAP");
  if (result.some((byte) => byte !== 0)) throw blocked(`StartTLS was refused with result code ${result[0]}`);
}

/** SSLRequest: one byte, S or N, comes back. */
export async function postgres(reader: PlainReader): Promise<void> {
  reader.send(concat(uint(4, 8), uint(4, 80_877_103)));
  const answer = latin1(await reader.bytes(1));
  if (answer === "N") throw blocked("the server does not offer TLS for PostgreSQL");
  if (answer !== "S") throw blocked(`the answer to SSLRequest was ${quoted(answer)}`);
}

const clientSsl = 0x0800;
/** Long password, TLS, protocol 4.1, secure connection. */
const capabilities = 0x0001 | clientSsl | 0x0200 | 0x8000;

/** The server greets with its capabilities, and an SSLRequest without an answer goes before the handshake. */
export async function mysql(reader: PlainReader): Promise<void> {
  const head = await reader.bytes(4);
  const length = (head[0] ?? 0) | ((head[1] ?? 0) << 8) | ((head[2] ?? 0) << 16);
  if (length > 2 ** 14) throw blocked("the greeting is not one of MySQL");
  const greeting = await reader.bytes(length);
  if (greeting[0] === 0xff) throw blocked(`the server refuses: ${quoted(latin1(greeting.subarray(3)))}`);
  const versionEnd = greeting.indexOf(0, 1);
  // Connection id (4), first part of the challenge (8), a filler (1), then the lower half of the capabilities.
  const at = versionEnd + 14;
  if (greeting[0] !== 10 || versionEnd < 0 || at + 1 >= greeting.length)
    throw blocked("the greeting is not one of MySQL");
  const offered = (greeting[at] ?? 0) | ((greeting[at + 1] ?? 0) << 8);
  if ((offered & clientSsl) === 0) throw blocked("the server does not offer TLS for MySQL");
  const request = new Uint8Array(36);
  const view = new DataView(request.buffer);
  view.setUint32(0, 32 | (1 << 24), true);
  view.setUint32(4, capabilities, true);
  view.setUint32(8, 2 ** 24, true);
  // The character set: utf8mb4.
  request[12] = 45;
  reader.send(request);
}

/** The contents of the next message of LDAP: a sequence in BER with a definite length. */
async function message(reader: PlainReader): Promise<Uint8Array> {
  const [tag, first = 0] = await reader.bytes(2);
  if (tag !== 0x30 || first === 0x80 || first > 0x82) throw blocked("the answer to StartTLS is not one of LDAP");
  if (first < 0x80) return reader.bytes(first);
  return reader.bytes((await reader.bytes(first - 0x80)).reduce((sum, byte) => sum * 256 + byte, 0));
}

/** The contents of the first element with this tag among those that stand in a row. */
function inner(bytes: Uint8Array, tag: number): Uint8Array | null {
  for (let at = 0; at + 2 <= bytes.length;) {
    const first = bytes[at + 1] ?? 0;
    const more = first < 0x80 ? 0 : first - 0x80;
    const length =
      more === 0 ? first : bytes.subarray(at + 2, at + 2 + more).reduce((sum, byte) => sum * 256 + byte, 0);
    const start = at + 2 + more;
    if (bytes[at] === tag) return bytes.subarray(start, start + length);
    at = start + length;
  }
  return null;
}
