import { ByteReader, concat, DecodeError, uint } from "./bytes.ts";

/** Cipher specs of SSL 2.0: three bytes each (the Netscape draft "The SSL Protocol", 1995, C.4). */
export const ssl2Ciphers: ReadonlyMap<number, string> = new Map([
  [0x010080, "SSL_CK_RC4_128_WITH_MD5"],
  [0x020080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5"],
  [0x030080, "SSL_CK_RC2_128_CBC_WITH_MD5"],
  [0x040080, "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"],
  [0x050080, "SSL_CK_IDEA_128_CBC_WITH_MD5"],
  [0x060040, "SSL_CK_DES_64_CBC_WITH_MD5"],
  [0x0700c0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"],
  [0x080080, "SSL_CK_RC4_64_WITH_MD5"],
]);

/** The answer to an SSL 2.0 hello. */
export interface Ssl2ServerHello {
  readonly version: number;
  readonly certificate: Uint8Array;
  readonly cipherSpecs: readonly number[];
}

/** A CLIENT-HELLO of SSL 2.0 with its record header; `challenge` is 16 to 32 bytes. */
export function encodeSsl2ClientHello(challenge: Uint8Array): Uint8Array {
  const specs = concat(...[...ssl2Ciphers.keys()].map((spec) => uint(3, spec)));
  return record(
    concat(uint(1, 1), uint(2, 2), uint(2, specs.length), uint(2, 0), uint(2, challenge.length), specs, challenge),
  );
}

/** A SERVER-HELLO of SSL 2.0 with its record header. */
export function encodeSsl2ServerHello(hello: Ssl2ServerHello): Uint8Array {
  const specs = concat(...hello.cipherSpecs.map((spec) => uint(3, spec)));
  const connectionId = new Uint8Array(16);
  return record(
    concat(
      uint(1, 4),
      uint(1, 0),
      uint(1, 1),
      uint(2, hello.version),
      uint(2, hello.certificate.length),
      uint(2, specs.length),
      uint(2, 16),
      hello.certificate,
      specs,
      connectionId,
    ),
  );
}

/** True when the first bytes can begin an SSL 2.0 SERVER-HELLO: two-byte header, message type 4. */
export function looksLikeSsl2(bytes: Uint8Array): boolean {
  const [first, , type] = bytes;
  return first !== undefined && first >= 0x80 && (type === undefined || type === 4);
}

/** Decodes a SERVER-HELLO; null while bytes are missing. Throws DecodeError for anything else. */
export function decodeSsl2ServerHello(bytes: Uint8Array): Ssl2ServerHello | null {
  if (!looksLikeSsl2(bytes)) throw new DecodeError("not an SSL 2.0 SERVER-HELLO");
  if (bytes.length < 2) return null;
  const length = (((bytes[0] ?? 0) & 0x7f) << 8) | (bytes[1] ?? 0);
  if (bytes.length < 2 + length) return null;
  const reader = new ByteReader(bytes.subarray(3, 2 + length));
  reader.take(2);
  const version = reader.uint(2);
  const certificateLength = reader.uint(2);
  const specsLength = reader.uint(2);
  reader.uint(2);
  const certificate = reader.take(certificateLength);
  const specs = new ByteReader(reader.take(specsLength));
  const cipherSpecs: number[] = [];
  while (specs.left >= 3) cipherSpecs.push(specs.uint(3));
  return { version, certificate, cipherSpecs };
}

function record(body: Uint8Array): Uint8Array {
  return concat(uint(2, 0x8000 | body.length), body);
}
