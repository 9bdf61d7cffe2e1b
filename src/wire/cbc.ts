import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

import { concat, DecodeError, sameBytes, uint, vector } from "./bytes.ts";
import { versions } from "./names.ts";
import type { Protection } from "./protection.ts";
import type { TlsRecord } from "./records.ts";
import { suiteOf } from "./suites.ts";

/** A block cipher in CBC mode with an HMAC, as suites up to TLS 1.2 use it. */
export interface Cbc {
  readonly algorithm: string;
  readonly keyLength: number;
  readonly blockLength: 8 | 16;
  readonly mac: "md5" | "sha1" | "sha256" | "sha384";
  readonly macLength: number;
}

/** One direction of a CBC connection. Besides whole records it makes and opens ones that no honest peer sends. */
export interface CbcProtection extends Protection {
  readonly cbc: Cbc;
  /** MAC that the next record to be sealed has with this content. */
  nextMac(type: number, content: Uint8Array): Uint8Array;
  /** A record of exactly this plaintext: content, MAC and padding are the caller's. Its length is a multiple of the block's. */
  sealPlaintext(type: number, plaintext: Uint8Array): Uint8Array;
  /** The plaintext of a record with MAC and padding, unchecked, and the MAC that a record with this content should have. */
  openPlaintext(record: TlsRecord): {
    readonly plaintext: Uint8Array;
    readonly macOf: (content: Uint8Array) => Uint8Array;
  };
}

/** What a direction is keyed with. `iv` is used up to TLS 1.0 only. */
export interface CbcKeys {
  readonly macKey: Uint8Array;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** The CBC cipher of a suite; undefined for other modes, for ciphers that node:crypto lacks, and for SSL 3.0's exports. */
export function cbcOf(suite: number): Cbc | undefined {
  const { name, encryption, export: isExport } = suiteOf(suite);
  const mac = macs[/_(MD5|SHA|SHA256|SHA384)$/.exec(name)?.[1] ?? ""];
  const cipher = ciphers[encryption];
  return mac === undefined || cipher === undefined || isExport ? undefined : { ...cipher, ...mac };
}

const macs: Readonly<Record<string, Pick<Cbc, "mac" | "macLength">>> = {
  MD5: { mac: "md5", macLength: 16 },
  SHA: { mac: "sha1", macLength: 20 },
  SHA256: { mac: "sha256", macLength: 32 },
  SHA384: { mac: "sha384", macLength: 48 },
};

const ciphers: Readonly<Record<string, Pick<Cbc, "algorithm" | "keyLength" | "blockLength">>> = {
  AES_128_CBC: { algorithm: "aes-128-cbc", keyLength: 16, blockLength: 16 },
  AES_256_CBC: { algorithm: "aes-256-cbc", keyLength: 32, blockLength: 16 },
  CAMELLIA_128_CBC: { algorithm: "camellia-128-cbc", keyLength: 16, blockLength: 16 },
  CAMELLIA_256_CBC: { algorithm: "camellia-256-cbc", keyLength: 32, blockLength: 16 },
  ARIA_128_CBC: { algorithm: "aria-128-cbc", keyLength: 16, blockLength: 16 },
  ARIA_256_CBC: { algorithm: "aria-256-cbc", keyLength: 32, blockLength: 16 },
  "3DES_EDE_CBC": { algorithm: "des-ede3-cbc", keyLength: 24, blockLength: 8 },
};

/**
 * Record protection of TLS 1.0 to 1.2 with a CBC cipher (RFC 2246, 6.2.3.2; RFC 4346; RFC 5246). `encryptThenMac` as RFC 7366 has it. `random` gives the
 * explicit IVs that TLS 1.1 and newer have.
 */
export function cbcProtection(
  cbc: Cbc,
  keys: CbcKeys,
  of: { version: number; encryptThenMac: boolean; random: (length: number) => Uint8Array },
): CbcProtection {
  const { blockLength, macLength } = cbc;
  const hasIv = of.version >= versions["TLSv1.1"];
  let sealed = 0;
  let opened = 0;
  let sealIv = keys.iv;
  let openIv = keys.iv;
  const mac = (sequence: number, type: number, covered: Uint8Array): Uint8Array =>
    createHmac(cbc.mac, keys.macKey)
      .update(concat(uint(4, 0), uint(4, sequence), uint(1, type), uint(2, of.version), vector(2, covered)))
      .digest();
  const encrypt = (plaintext: Uint8Array): Uint8Array => {
    const iv = hasIv ? of.random(blockLength) : sealIv;
    const text = crypt(createCipheriv(cbc.algorithm, keys.key, iv), plaintext);
    sealIv = text.subarray(-blockLength);
    return hasIv ? concat(iv, text) : text;
  };
  const decrypt = (fragment: Uint8Array): Uint8Array => {
    const iv = hasIv ? fragment.subarray(0, blockLength) : openIv;
    const text = hasIv ? fragment.subarray(blockLength) : fragment;
    if (text.length === 0 || text.length % blockLength !== 0)
      throw new DecodeError("a protected record that is no whole number of blocks");
    openIv = text.subarray(-blockLength);
    return crypt(createDecipheriv(cbc.algorithm, keys.key, iv), text);
  };
  const frame = (type: number, fragment: Uint8Array): Uint8Array =>
    concat(uint(1, type), uint(2, of.version), vector(2, fragment));

  return {
    cbc,
    nextMac: (type, content) => mac(sealed, type, content),
    seal(type, content) {
      if (of.encryptThenMac) {
        const text = encrypt(concat(content, padding(content.length, blockLength)));
        return frame(type, concat(text, mac(sealed++, type, text)));
      }
      const plain = concat(content, mac(sealed++, type, content));
      return frame(type, encrypt(concat(plain, padding(plain.length, blockLength))));
    },
    sealPlaintext(type, plaintext) {
      sealed++;
      return frame(type, encrypt(plaintext));
    },
    open(record) {
      const sequence = opened++;
      if (of.encryptThenMac) {
        const end = Math.max(0, record.fragment.length - macLength);
        const text = record.fragment.subarray(0, end);
        if (!sameBytes(mac(sequence, record.type, text), record.fragment.subarray(end)))
          throw new DecodeError("a protected record whose MAC does not verify");
        return { type: record.type, content: unpadded(decrypt(text), 0) };
      }
      const plain = unpadded(decrypt(record.fragment), macLength);
      const content = plain.subarray(0, plain.length - macLength);
      if (!sameBytes(mac(sequence, record.type, content), plain.subarray(content.length)))
        throw new DecodeError("a protected record whose MAC does not verify");
      return { type: record.type, content };
    },
    openPlaintext(record) {
      const sequence = opened++;
      return { plaintext: decrypt(record.fragment), macOf: (content) => mac(sequence, record.type, content) };
    },
  };
}

/** The shortest padding that fills the last block; each byte is the number of those before it. */
function padding(length: number, blockLength: number): Uint8Array {
  const size = blockLength - (length % blockLength);
  return new Uint8Array(size).fill(size - 1);
}

/** Text without its padding. Throws DecodeError when that is wrong or leaves fewer than `least` bytes. */
function unpadded(text: Uint8Array, least: number): Uint8Array {
  const last = text.at(-1) ?? 0;
  const end = text.length - last - 1;
  if (end < least || text.subarray(end).some((byte) => byte !== last))
    throw new DecodeError("a protected record whose padding is wrong");
  return text.subarray(0, end);
}

function crypt(cipher: ReturnType<typeof createCipheriv | typeof createDecipheriv>, text: Uint8Array): Uint8Array {
  cipher.setAutoPadding(false);
  return concat(cipher.update(text), cipher.final());
}
