import { generateKeyPairSync } from "node:crypto";

import { describe, expect, it } from "vitest";

import { hasClosePrimes, hasRocaFingerprint, rsaModulus } from "../../../src/wire/index.ts";

/** The product of the primes up to 167. */
const product = Array.from({ length: 166 }, (_, index) => index + 2)
  .filter((number) =>
    Array.from({ length: 11 }, (_, index) => index + 2).every((by) => by >= number || number % by !== 0),
  )
  .reduce((all, prime) => all * BigInt(prime), 1n);

function power(exponent: number, modulus: bigint): bigint {
  let result = 1n;
  for (let count = 0; count < exponent; count++) result = (result * 65_537n) % modulus;
  return result;
}

describe("ROCA's fingerprint", () => {
  it("is in every product of numbers made its way", () => {
    const factors = [3, 1000].map((exponent) => (product << 40n) * BigInt(exponent) + power(exponent, product));
    expect(hasRocaFingerprint(factors[0]! * factors[1]!)).toBe(true);
    expect(hasRocaFingerprint(factors[0]! * factors[1]! + 2n)).toBe(false);
  });

  it("is not where the logarithms do not fit one exponent", () => {
    // A power of 65537 modulo 19 (order 18) and another modulo the rest.
    const others = product / 19n;
    let mixed = power(6, others);
    while (mixed % 19n !== power(5, 19n)) mixed += others;
    expect(hasRocaFingerprint(mixed)).toBe(false);
    let fitting = power(6, others);
    while (fitting % 19n !== power(6, 19n)) fitting += others;
    expect(hasRocaFingerprint(fitting)).toBe(true);
  });

  it("is not in a usual key", () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const modulus = rsaModulus(new Uint8Array(publicKey.export({ format: "der", type: "pkcs1" })));
    expect(modulus.toString(2)).toHaveLength(1024);
    expect([hasRocaFingerprint(modulus), hasClosePrimes(modulus, 100)]).toEqual([false, false]);
  });
});

describe("close primes", () => {
  const factor = (1n << 512n) + 75n;
  it.each([
    ["the same twice", 0n, 1, true],
    ["neighbours", 2n, 1, true],
    ["as far as so many rounds reach", 1n << 260n, 100, true],
    ["farther", 1n << 262n, 2, false],
    ["far", 1n << 510n, 100, false],
  ])("%s", (_, distance, rounds, found) => {
    expect(hasClosePrimes(factor * (factor + distance), rounds)).toBe(found);
  });
});

it("reads no modulus of something else", () => {
  expect(() => rsaModulus(Uint8Array.of(0x30, 2, 4, 0))).toThrow("without a modulus");
});
