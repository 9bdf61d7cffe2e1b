import { constants, createDiffieHellman, publicEncrypt, type KeyObject } from "node:crypto";

import { concat, DecodeError, uint } from "./bytes.ts";
import { bitLength } from "./flight.ts";
import type { Random } from "./key-share.ts";

/** Our half of a key exchange up to TLS 1.2: what goes into ClientKeyExchange, and the secret that both sides share. */
export interface ClassicExchange {
  readonly publicValue: Uint8Array;
  readonly premaster: Uint8Array;
}

/** Beyond this a prime is a trap for our processor, not a parameter. */
const maxPrimeBits = 8192;

/** Finite-field Diffie-Hellman with a server's parameters (RFC 5246, 8.1.2). Throws DecodeError for parameters that cannot be computed with. */
export function diffieHellmanExchange(
  server: { readonly prime: Uint8Array; readonly generator: Uint8Array; readonly publicValue: Uint8Array },
  random: Random,
): ClassicExchange {
  const bits = bitLength(server.prime);
  if (bits > maxPrimeBits) throw new DecodeError(`a Diffie-Hellman prime of ${bits} bits`);
  try {
    const half = createDiffieHellman(Buffer.from(server.prime), Buffer.from(server.generator));
    half.setPrivateKey(Buffer.from(secretExponent(bits, random)));
    half.generateKeys();
    const shared = new Uint8Array(half.computeSecret(Buffer.from(server.publicValue)));
    const first = shared.findIndex((byte) => byte !== 0);
    return { publicValue: new Uint8Array(half.getPublicKey()), premaster: shared.subarray(Math.max(0, first)) };
  } catch (error) {
    // node:crypto's own errors carry a code.
    if (error instanceof Error && "code" in error)
      throw new DecodeError(`Diffie-Hellman parameters that cannot be computed with: ${error.message}`);
    throw error;
  }
}

/** At least two, shorter than the prime. */
function secretExponent(primeBits: number, random: Random): Uint8Array {
  const secret = Uint8Array.from(random(Math.max(1, Math.min(32, Math.floor((primeBits - 1) / 8)))));
  secret[0] = ((secret[0] ?? 0) & 0x7f) | 2;
  return secret;
}

/** RSA key transport: a premaster secret for the version of our hello, encrypted to the server's key (RFC 5246, 7.4.7.1). */
export function rsaExchange(key: KeyObject, of: { helloVersion: number; random: Random }): ClassicExchange {
  const premaster = concat(uint(2, of.helloVersion), of.random(46));
  const size = rsaSize(key);
  if (size < premaster.length + 11) throw new DecodeError(`an RSA key of ${size * 8} bits`);
  const filler = nonZero(of.random, size - premaster.length - 3);
  return {
    publicValue: rsaRaw(key, concat(Uint8Array.of(0, 2), filler, Uint8Array.of(0), premaster)),
    premaster,
  };
}

/** Bytes of the modulus. Throws DecodeError for a key that is not RSA. */
export function rsaSize(key: KeyObject): number {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (key.asymmetricKeyType !== "rsa" || bits === undefined) throw new DecodeError("the certificate has no RSA key");
  return Math.ceil(bits / 8);
}

/** The RSA operation on a block as long as the modulus, with no padding of its own. */
export function rsaRaw(key: KeyObject, block: Uint8Array): Uint8Array {
  return new Uint8Array(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block));
}

/** Random bytes none of which is zero, as PKCS #1 pads with. */
export function nonZero(random: Random, length: number): Uint8Array {
  return Uint8Array.from(random(length), (byte) => (byte === 0 ? 1 : byte));
}
