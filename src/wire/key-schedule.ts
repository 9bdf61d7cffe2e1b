import { createHash, createHmac } from "node:crypto";

import { ascii, concat, uint, vector } from "./bytes.ts";

export type HashName = "sha256" | "sha384" | "sha512";

/** Traffic secrets of both directions. */
export interface TrafficSecrets {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** Digest of all parts in a row. */
export function digest(hash: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return state.digest();
}

export function hmac(hash: HashName, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHmac(hash, key);
  for (const part of parts) state.update(part);
  return state.digest();
}

/** Bytes that a hash gives. */
export function hashLength(hash: HashName): number {
  return { sha256: 32, sha384: 48, sha512: 64 }[hash];
}

/** HKDF-Expand-Label (RFC 8446, 7.1). */
export function expandLabel(
  hash: HashName,
  secret: Uint8Array,
  of: { label: string; context: Uint8Array; length: number },
): Uint8Array {
  const info = concat(uint(2, of.length), vector(1, ascii(`tls13 ${of.label}`)), vector(1, of.context));
  const blocks: Uint8Array[] = [];
  let block: Uint8Array = new Uint8Array(0);
  for (let counter = 1; blocks.length * hashLength(hash) < of.length; counter++) {
    block = hmac(hash, secret, block, info, uint(1, counter));
    blocks.push(block);
  }
  return concat(...blocks).subarray(0, of.length);
}

/** Derive-Secret with the transcript's digest at hand (RFC 8446, 7.1). */
export function deriveSecret(
  hash: HashName,
  secret: Uint8Array,
  of: { label: string; transcriptHash: Uint8Array },
): Uint8Array {
  return expandLabel(hash, secret, { label: of.label, context: of.transcriptHash, length: hashLength(hash) });
}

/** Handshake traffic secrets without a PSK, and the master secret that follows. `transcriptHash` covers ClientHello to ServerHello. */
export function handshakeSecrets(
  hash: HashName,
  shared: Uint8Array,
  transcriptHash: Uint8Array,
): TrafficSecrets & { readonly master: Uint8Array } {
  const zeros = new Uint8Array(hashLength(hash));
  const nothing = digest(hash);
  const early = hmac(hash, zeros, zeros);
  const handshake = hmac(hash, deriveSecret(hash, early, { label: "derived", transcriptHash: nothing }), shared);
  return {
    client: deriveSecret(hash, handshake, { label: "c hs traffic", transcriptHash }),
    server: deriveSecret(hash, handshake, { label: "s hs traffic", transcriptHash }),
    master: hmac(hash, deriveSecret(hash, handshake, { label: "derived", transcriptHash: nothing }), zeros),
  };
}

/** Application traffic secrets. `transcriptHash` covers ClientHello to the server's Finished. */
export function applicationSecrets(hash: HashName, master: Uint8Array, transcriptHash: Uint8Array): TrafficSecrets {
  return {
    client: deriveSecret(hash, master, { label: "c ap traffic", transcriptHash }),
    server: deriveSecret(hash, master, { label: "s ap traffic", transcriptHash }),
  };
}

/** verify_data of a TLS 1.3 Finished (RFC 8446, 4.4.4). */
export function finishedData(hash: HashName, trafficSecret: Uint8Array, transcriptHash: Uint8Array): Uint8Array {
  const key = expandLabel(hash, trafficSecret, {
    label: "finished",
    context: new Uint8Array(0),
    length: hashLength(hash),
  });
  return hmac(hash, key, transcriptHash);
}

/** The PRF of TLS 1.2 (RFC 5246, 5). */
export function prf12(
  hash: HashName,
  secret: Uint8Array,
  of: { label: string; seed: Uint8Array; length: number },
): Uint8Array {
  const seed = concat(ascii(of.label), of.seed);
  const blocks: Uint8Array[] = [];
  let chained = seed;
  for (let length = 0; length < of.length; length += hashLength(hash)) {
    chained = hmac(hash, secret, chained);
    blocks.push(hmac(hash, secret, chained, seed));
  }
  return concat(...blocks).subarray(0, of.length);
}
