/** The messages of SSL 2.0 that follow or answer its hellos (the Netscape draft "The SSL Protocol", 1995, 2.5 to 2.7), without record headers. */
import { ByteReader, concat, DecodeError, uint } from "./bytes.ts";

export interface Ssl2ClientHello {
  readonly version: number;
  readonly cipherSpecs: readonly number[];
  readonly sessionId: Uint8Array;
  readonly challenge: Uint8Array;
}

/** Decodes a CLIENT-HELLO with its two-byte record header. Throws DecodeError. */
export function decodeSsl2ClientHello(bytes: Uint8Array): Ssl2ClientHello {
  const outer = new ByteReader(bytes);
  const length = outer.uint(2);
  if (length < 0x8000) throw new DecodeError("not a record of SSL 2.0 without padding");
  const reader = new ByteReader(outer.take(length & 0x7fff));
  outer.end("CLIENT-HELLO");
  if (reader.uint(1) !== 1) throw new DecodeError("not a CLIENT-HELLO");
  const version = reader.uint(2);
  const [specsLength, sessionLength, challengeLength] = [reader.uint(2), reader.uint(2), reader.uint(2)];
  const specs = new ByteReader(reader.take(specsLength));
  const cipherSpecs: number[] = [];
  while (specs.left > 0) cipherSpecs.push(specs.uint(3));
  const sessionId = reader.take(sessionLength);
  const challenge = reader.take(challengeLength);
  reader.end("CLIENT-HELLO");
  return { version, cipherSpecs, sessionId, challenge };
}

export interface Ssl2MasterKey {
  readonly cipherSpec: number;
  readonly clearKey: Uint8Array;
  readonly encryptedKey: Uint8Array;
  readonly keyArgument: Uint8Array;
}

export function encodeSsl2MasterKey(key: Ssl2MasterKey): Uint8Array {
  return concat(
    uint(1, 2),
    uint(3, key.cipherSpec),
    ...[key.clearKey, key.encryptedKey, key.keyArgument].map((part) => uint(2, part.length)),
    key.clearKey,
    key.encryptedKey,
    key.keyArgument,
  );
}

/** Decodes a CLIENT-MASTER-KEY. Throws DecodeError. */
export function decodeSsl2MasterKey(body: Uint8Array): Ssl2MasterKey {
  const reader = new ByteReader(body);
  if (reader.uint(1) !== 2) throw new DecodeError("not a CLIENT-MASTER-KEY");
  const cipherSpec = reader.uint(3);
  const [clearLength, encryptedLength, argumentLength] = [reader.uint(2), reader.uint(2), reader.uint(2)];
  const clearKey = reader.take(clearLength);
  const encryptedKey = reader.take(encryptedLength);
  const keyArgument = reader.take(argumentLength);
  reader.end("CLIENT-MASTER-KEY");
  return { cipherSpec, clearKey, encryptedKey, keyArgument };
}

/** Codes of ERROR messages. */
const errorNames: Readonly<Record<number, string>> = {
  1: "no cipher",
  2: "no certificate",
  4: "bad certificate",
  6: "unsupported certificate type",
};

export function encodeSsl2Error(code: number): Uint8Array {
  return concat(uint(1, 0), uint(2, code));
}

/** Decodes an ERROR and names its code. Throws DecodeError. */
export function decodeSsl2Error(body: Uint8Array): { code: number; name: string } {
  const reader = new ByteReader(body);
  if (reader.uint(1) !== 0) throw new DecodeError("not an ERROR");
  const code = reader.uint(2);
  reader.end("ERROR");
  return { code, name: errorNames[code] ?? `0x${code.toString(16).padStart(4, "0")}` };
}
