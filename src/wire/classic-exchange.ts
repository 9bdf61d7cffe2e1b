import { constants, publicEncrypt, type KeyObject } from "node:crypto";

import { concat, DecodeError, hex, uint } from "./bytes.ts";
import { bitLength } from "./flight.ts";
import type { Random } from "./key-share.ts";

/** Our half of a key exchange up to TLS 1.2: what goes into ClientKeyExchange, and the secret that both sides share. */
export interface ClassicExchange {
  readonly publicValue: Uint8Array;
  readonly premaster: Uint8Array;
}

/** Beyond this a prime is a trap for our processor, not a parameter. */
const maxPrimeBits = 8192;

/**
 * Finite-field Diffie-Hellman with a server's parameters (RFC 5246, 8.1.2), whatever they are: node:crypto would test each prime, which takes it up to seconds.
 * Throws DecodeError for parameters that cannot be computed with.
 */
export function diffieHellmanExchange(
  server: { readonly prime: Uint8Array; readonly generator: Uint8Array; readonly publicValue: Uint8Array },
  random: Random,
): ClassicExchange {
  const bits = bitLength(server.prime);
  if (bits > maxPrimeBits) throw new DecodeError(`a Diffie-Hellman prime of ${bits} bits`);
  const [prime, generator, theirs] = [server.prime, server.generator, server.publicValue].map(numberOf) as [
    bigint,
    bigint,
    bigint,
  ];
  if (prime < 5n || theirs < 1n || theirs >= prime)
    throw new DecodeError("Diffie-Hellman values that are not of their group");
  const secret = numberOf(random(32)) | 2n;
  return {
    publicValue: bytesOf(power(generator, secret, prime)),
    premaster: bytesOf(power(theirs, secret, prime)),
  };
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
}

/** Big-endian, without zeros at the front. */
function bytesOf(number: bigint): Uint8Array {
  const digits = number.toString(16);
  return new Uint8Array(Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex"));
}

/** RSA key transport: a premaster secret for the version of our hello, encrypted to the server's key (RFC 5246, 7.4.7.1). */
export function rsaExchange(key: KeyObject, of: { helloVersion: number; random: Random }): ClassicExchange {
  const premaster = concat(uint(2, of.helloVersion), of.random(46));
  const size = Math.ceil(rsaBits(key) / 8);
  if (size < premaster.length + 11) throw new DecodeError(`an RSA key of ${size * 8} bits`);
  const filler = nonZero(of.random, size - premaster.length - 3);
  return {
    publicValue: rsaRaw(key, concat(Uint8Array.of(0, 2), filler, Uint8Array.of(0), premaster)),
    premaster,
  };
}

/** Bits of the modulus. Throws DecodeError for a key that is not RSA. */
export function rsaBits(key: KeyObject): number {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (key.asymmetricKeyType !== "rsa" || bits === undefined) throw new DecodeError("the certificate has no RSA key");
  return bits;
}

/** The RSA operation on a block as long as the modulus and below it, with no padding of its own. Throws DecodeError where the key is none that works. */
export function rsaRaw(key: KeyObject, block: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block));
  } catch (error) {
    // node:crypto's own errors carry OpenSSL's code.
    if (error instanceof Error && "code" in error)
      throw new DecodeError(`an RSA key that cannot be computed with: ${error.message}`);
    throw error;
  }
}

/** Random bytes none of which is zero, as PKCS #1 pads with. */
export function nonZero(random: Random, length: number): Uint8Array {
  return Uint8Array.from(random(length), (byte) => (byte === 0 ? 1 : byte));
}
