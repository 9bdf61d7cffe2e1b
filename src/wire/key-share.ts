import crypto, { createECDH, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";

import { concat, DecodeError } from "./bytes.ts";
import type { KeyShare } from "./extensions.ts";

/** `length` random bytes. */
export type Random = (length: number) => Uint8Array;

/** Our half of a key agreement. */
export interface KeyAgreement {
  readonly share: KeyShare;
  /** The shared secret with the server's public value; null when this Node cannot compute it. Throws DecodeError for a value that is not one of the group. */
  readonly agree: (serverValue: Uint8Array) => Uint8Array | null;
}

/** A fresh key share; undefined for groups that we have no arithmetic for. Deterministic in `random`. */
export function createKeyAgreement(group: number, random: Random): KeyAgreement | undefined {
  const half = halves[group]?.(random);
  return half === undefined ? undefined : { share: { group, exchange: half.value }, agree: guarded(half.agree) };
}

/** Groups that a key share can be made for. */
export function canAgree(group: number): boolean {
  return group in halves;
}

interface Half {
  readonly value: Uint8Array;
  readonly agree: (peer: Uint8Array) => Uint8Array | null;
}

const halves: Readonly<Record<number, (random: Random) => Half>> = {
  23: (random) => nistHalf("prime256v1", 32, random),
  24: (random) => nistHalf("secp384r1", 48, random),
  25: (random) => nistHalf("secp521r1", 66, random),
  29: (random) => montgomeryHalf("x25519", random),
  30: (random) => montgomeryHalf("x448", random),
  512: (random) => kemHalf(512, random),
  513: (random) => kemHalf(768, random),
  514: (random) => kemHalf(1024, random),
  // The order of the parts differs: ML-KEM stands first only beside X25519 (draft-ietf-tls-ecdhe-mlkem).
  0x11eb: (random) => hybridHalf(nistHalf("prime256v1", 32, random), kemHalf(768, random), { firstServer: 65 }),
  0x11ec: (random) => hybridHalf(kemHalf(768, random), montgomeryHalf("x25519", random), { firstServer: 1088 }),
  0x11ed: (random) => hybridHalf(nistHalf("secp384r1", 48, random), kemHalf(1024, random), { firstServer: 97 }),
};

function nistHalf(curve: string, size: number, random: Random): Half {
  const ecdh = createECDH(curve);
  const secret = Uint8Array.from(random(size));
  // Below the order of each curve, whose first bytes are all ones, and of 521 bits at most.
  secret[0] = size === 66 ? 0 : (secret[0] ?? 0) & 0x7f;
  secret[size - 1] = (secret[size - 1] ?? 0) | 1;
  ecdh.setPrivateKey(secret);
  return { value: ecdh.getPublicKey(), agree: (peer) => ecdh.computeSecret(peer) };
}

/** DER around a raw key: PKCS #8 and SubjectPublicKeyInfo (RFC 8410). */
const montgomery = {
  x25519: { size: 32, pkcs8: "302e020100300506032b656e04220420", spki: "302a300506032b656e032100" },
  x448: { size: 56, pkcs8: "3046020100300506032b656f043a0438", spki: "3042300506032b656f033900" },
} as const;

function montgomeryHalf(curve: keyof typeof montgomery, random: Random): Half {
  const { size, pkcs8, spki } = montgomery[curve];
  const privateKey = createPrivateKey({ key: der(pkcs8, random(size)), format: "der", type: "pkcs8" });
  return {
    value: rawPublic(privateKey, size),
    agree(peer) {
      if (peer.length !== size) throw new DecodeError(`a ${curve} value of ${peer.length} bytes`);
      return diffieHellman({
        privateKey,
        publicKey: createPublicKey({ key: der(spki, peer), format: "der", type: "spki" }),
      });
    },
  };
}

/** PKCS #8 header of a private key given as its 64-byte seed (RFC 9935), and the size of the public key. */
const mlKem = {
  512: { rank: 2, seedHeader: "3054020100300b060960864801650304040104428040" },
  768: { rank: 3, seedHeader: "3054020100300b060960864801650304040204428040" },
  1024: { rank: 4, seedHeader: "3054020100300b060960864801650304040304428040" },
} as const;

/** ML-KEM with Node's arithmetic; an encapsulation key that only looks real where this Node has none. */
function kemHalf(parameter: keyof typeof mlKem, random: Random): Half {
  const { rank, seedHeader } = mlKem[parameter];
  const seed = random(64);
  const privateKey = kemPrivateKey(der(seedHeader, seed));
  if (privateKey === undefined) return { value: plausibleEncapsulationKey(rank, random), agree: () => null };
  return {
    value: rawPublic(privateKey, 384 * rank + 32),
    agree: (ciphertext) => crypto.decapsulate(privateKey, ciphertext),
  };
}

function kemPrivateKey(key: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key, format: "der", type: "pkcs8" });
  } catch {
    return undefined;
  }
}

/** An encapsulation key that passes FIPS 203's check: coefficients below 3329, two in three bytes, then 32 bytes. */
export function plausibleEncapsulationKey(rank: number, random: Random): Uint8Array {
  const key = new Uint8Array(384 * rank + 32);
  const source = random(512 * rank * 2);
  const coefficient = (index: number): number =>
    (((source[2 * index] ?? 0) << 8) | (source[2 * index + 1] ?? 0)) % 3329;
  for (let pair = 0; pair < 128 * rank; pair++) {
    const [one, two] = [coefficient(2 * pair), coefficient(2 * pair + 1)];
    key.set([one & 0xff, (one >> 8) | ((two & 0xf) << 4), two >> 4], 3 * pair);
  }
  key.set(random(32), 384 * rank);
  return key;
}

function hybridHalf(first: Half, second: Half, of: { firstServer: number }): Half {
  return {
    value: concat(first.value, second.value),
    agree(peer) {
      const one = first.agree(peer.subarray(0, of.firstServer));
      const two = second.agree(peer.subarray(of.firstServer));
      return one === null || two === null ? null : concat(one, two);
    },
  };
}

function rawPublic(key: KeyObject, size: number): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-size));
}

function der(prefix: string, raw: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(prefix, "hex"), raw]);
}

/** A public value from the peer that the arithmetic refuses is the peer's error, not ours. */
function guarded(agree: Half["agree"]): Half["agree"] {
  return (peer) => {
    try {
      return agree(peer);
    } catch (error) {
      throw error instanceof DecodeError ? error : new DecodeError("a public value that is not of its group");
    }
  };
}
