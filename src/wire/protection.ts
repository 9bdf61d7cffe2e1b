import { createCipheriv, createDecipheriv, type CipherGCM, type DecipherGCM } from "node:crypto";

import { concat, DecodeError, uint, vector } from "./bytes.ts";
import { expandLabel, type HashName } from "./key-schedule.ts";
import { contentTypes } from "./names.ts";
import type { TlsRecord } from "./records.ts";
import { suiteOf } from "./suites.ts";

/** An AEAD as a suite uses it. */
export interface Aead {
  readonly algorithm: "aes-128-gcm" | "aes-256-gcm" | "aes-128-ccm" | "aes-256-ccm" | "chacha20-poly1305";
  readonly keyLength: 16 | 32;
  readonly tagLength: 8 | 16;
  /** Bytes of the nonce that come from the key block in TLS 1.2. */
  readonly fixedNonce12: 4 | 12;
}

/** One direction of a protected connection; it counts its records. */
export interface Protection {
  /** A whole record around one fragment of at most 2^14 bytes. */
  seal(type: number, content: Uint8Array): Uint8Array;
  /** What a record held. Throws DecodeError when the tag does not verify. */
  open(record: TlsRecord): { readonly type: number; readonly content: Uint8Array };
}

/** The AEAD of a suite; undefined for suites without one that node:crypto has. */
export function aeadOf(suite: number): Aead | undefined {
  const name = suiteOf(suite).encryption;
  const bits = name.includes("256") || name.startsWith("CHACHA20") ? 32 : 16;
  const tagLength = name.endsWith("CCM_8") ? 8 : 16;
  if (name.startsWith("CHACHA20_POLY1305"))
    return { algorithm: "chacha20-poly1305", keyLength: 32, tagLength: 16, fixedNonce12: 12 };
  if (/^AES_\d+_GCM$/.test(name))
    return { algorithm: bits === 32 ? "aes-256-gcm" : "aes-128-gcm", keyLength: bits, tagLength: 16, fixedNonce12: 4 };
  if (/^AES_\d+_CCM(_8)?$/.test(name))
    return { algorithm: bits === 32 ? "aes-256-ccm" : "aes-128-ccm", keyLength: bits, tagLength, fixedNonce12: 4 };
  return undefined;
}

/** Record protection of TLS 1.3 with a traffic secret (RFC 8446, 5.2 and 7.3). */
export function protection13(aead: Aead, hash: HashName, trafficSecret: Uint8Array): Protection {
  const context = new Uint8Array(0);
  const key = expandLabel(hash, trafficSecret, { label: "key", context, length: aead.keyLength });
  const iv = expandLabel(hash, trafficSecret, { label: "iv", context, length: 12 });
  let sealed = 0;
  let opened = 0;
  return {
    seal(type, content) {
      const inner = concat(content, uint(1, type));
      const header = concat(
        uint(1, contentTypes.applicationData),
        uint(2, 0x0303),
        uint(2, inner.length + aead.tagLength),
      );
      return concat(header, encrypt(aead, { key, nonce: mix(iv, sealed++), additional: header, text: inner }));
    },
    open(record) {
      const header = concat(uint(1, record.type), uint(2, record.version), uint(2, record.fragment.length));
      const inner = decrypt(aead, { key, nonce: mix(iv, opened++), additional: header, text: record.fragment });
      const end = inner.findLastIndex((byte) => byte !== 0);
      if (end < 0) throw new DecodeError("a protected record without a content type");
      return { type: inner[end] ?? 0, content: inner.subarray(0, end) };
    },
  };
}

/** Record protection of TLS 1.2 with an AEAD (RFC 5288, 6655, 7905). `fixed` is the implicit part of the nonce. */
export function protection12(aead: Aead, key: Uint8Array, fixed: Uint8Array): Protection {
  const explicit = aead.fixedNonce12 === 4;
  let sealed = 0;
  let opened = 0;
  const additional = (sequence: number, type: number, length: number): Uint8Array =>
    concat(uint(4, 0), uint(4, sequence), uint(1, type), uint(2, 0x0303), uint(2, length));
  return {
    seal(type, content) {
      const sequence = sealed++;
      const counter = concat(uint(4, 0), uint(4, sequence));
      const nonce = explicit ? concat(fixed, counter) : mix(fixed, sequence);
      const text = encrypt(aead, { key, nonce, additional: additional(sequence, type, content.length), text: content });
      return concat(uint(1, type), uint(2, 0x0303), vector(2, explicit ? counter : new Uint8Array(0), text));
    },
    open(record) {
      const sequence = opened++;
      const nonce = explicit ? concat(fixed, record.fragment.subarray(0, 8)) : mix(fixed, sequence);
      const text = record.fragment.subarray(explicit ? 8 : 0);
      const length = text.length - aead.tagLength;
      if (length < 0) throw new DecodeError("a protected record shorter than its tag");
      return {
        type: record.type,
        content: decrypt(aead, { key, nonce, additional: additional(sequence, record.type, length), text }),
      };
    },
  };
}

interface Sealing {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly additional: Uint8Array;
  readonly text: Uint8Array;
}

/** The cipher names are passed as GCM's because node's types tell the AEADs apart by name though their use is the same. */
function encrypt(aead: Aead, of: Sealing): Uint8Array {
  const cipher: CipherGCM = createCipheriv(aead.algorithm as "aes-128-gcm", of.key, of.nonce, {
    authTagLength: aead.tagLength,
  });
  cipher.setAAD(of.additional, { plaintextLength: of.text.length });
  return concat(cipher.update(of.text), cipher.final(), cipher.getAuthTag());
}

function decrypt(aead: Aead, of: Sealing): Uint8Array {
  const length = of.text.length - aead.tagLength;
  if (length < 0) throw new DecodeError("a protected record shorter than its tag");
  const decipher: DecipherGCM = createDecipheriv(aead.algorithm as "aes-128-gcm", of.key, of.nonce, {
    authTagLength: aead.tagLength,
  });
  decipher.setAuthTag(of.text.subarray(length));
  decipher.setAAD(of.additional, { plaintextLength: length });
  try {
    return concat(decipher.update(of.text.subarray(0, length)), decipher.final());
  } catch {
    throw new DecodeError("a protected record whose tag does not verify");
  }
}

/** The static nonce with the record's number mixed into its last bytes. */
function mix(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = Uint8Array.from(iv);
  uint(4, sequence).forEach((byte, index) => {
    nonce[8 + index] = (nonce[8 + index] ?? 0) ^ byte;
  });
  return nonce;
}
