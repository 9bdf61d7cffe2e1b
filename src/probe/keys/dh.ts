import { checkPrime } from "node:crypto";
import { promisify } from "node:util";

import { bitLength, digest, hex } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import { knownPrimes } from "./dh-primes.ts";
import type { DhSeen } from "../types.ts";

const isPrime = promisify(checkPrime) as (number: bigint, options: { checks: number }) => Promise<boolean>;

/** Rounds of Miller-Rabin: a number that is none passes one with a chance of 1 in 4 at most. Long numbers take long. */
const rounds = (bits: number): number => (bits > 4096 ? 4 : 16);

/** OpenSSL refuses longer ones, and so do other clients: not worth the time of a test. */
const longest = 10_000;

/** Probe `dh`. Needs: all flights. Gives: each prime of finite-field Diffie-Hellman that the server sent, once. Connections: none. */
export async function harvestDh(flights: readonly Flight[]): Promise<readonly DhSeen[]> {
  const exchanges = flights.flatMap(({ keyExchange }) => (keyExchange?.kind === "DHE" ? [keyExchange] : []));
  const distinct = new Map(
    exchanges.map(({ prime, generator }) => [`${hex(prime)} ${hex(generator)}`, { prime, generator }]),
  );
  return Promise.all([...distinct.values()].map(describe));
}

async function describe(of: { prime: Uint8Array; generator: Uint8Array }): Promise<DhSeen> {
  const start = of.prime.findIndex((byte) => byte !== 0);
  const prime = start < 0 ? new Uint8Array(0) : of.prime.subarray(start);
  const bits = bitLength(prime);
  const fingerprint = hex(digest("sha256", prime));
  const known = knownPrimes[fingerprint];
  return {
    bits,
    prime: fingerprint,
    known: known?.name ?? null,
    generator: numberOf(of.generator).toString(),
    safePrime: known?.safe ?? (await isSafePrime(numberOf(prime), bits)),
  };
}

async function isSafePrime(prime: bigint, bits: number): Promise<boolean> {
  if (bits < 3 || bits > longest || prime % 2n === 0n) return false;
  const checks = rounds(bits);
  return (await isPrime(prime, { checks })) && (await isPrime((prime - 1n) / 2n, { checks }));
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
}
