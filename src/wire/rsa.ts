/** Moduli of RSA keys, and two ways in which they were made so that they can be factored. */
import { DecodeError } from "./bytes.ts";
import { at, children, only } from "./x509.ts";

/** The modulus of an RSAPublicKey (RFC 8017, A.1.1). Throws DecodeError. */
export function rsaModulus(publicKey: Uint8Array): bigint {
  const { tag, contents } = at(children(only(publicKey)), 0);
  if (tag !== 0x02 || contents.length === 0) throw new DecodeError("an RSA key without a modulus");
  return BigInt(`0x${Buffer.from(contents).toString("hex")}`);
}

/** The odd primes up to 167: they divide the modulus of ROCA's generator for every size of key. */
const smallPrimes = Array.from({ length: 165 }, (_, index) => index + 3).filter((candidate) =>
  [2, 3, 5, 7, 11].every((divisor) => candidate === divisor || candidate % divisor !== 0),
);

/**
 * True for a modulus with ROCA's fingerprint (CVE-2017-15361): such primes are powers of 65537 modulo a product of small primes, so the modulus is one
 * too. Its discrete logarithm modulo each small prime must be there, and all of them must fit one exponent: other keys do that once in 2^154.
 */
export function hasRocaFingerprint(modulus: bigint): boolean {
  const logarithms: { log: number; order: number }[] = [];
  for (const prime of smallPrimes) {
    const found = logarithm(Number(modulus % BigInt(prime)), prime);
    if (found === null) return false;
    logarithms.push(found);
  }
  return logarithms.every(({ log, order }, index) =>
    logarithms.slice(0, index).every((other) => (log - other.log) % gcd(order, other.order) === 0),
  );
}

/** To the base 65537, with the order of the base; null where there is none. */
function logarithm(value: number, prime: number): { log: number; order: number } | null {
  const base = 65_537 % prime;
  let log: number | null = null;
  let power = 1;
  let order = 0;
  do {
    if (power === value) log = order;
    power = (power * base) % prime;
    order++;
  } while (power !== 1);
  return log === null ? null : { log, order };
}

function gcd(one: number, other: number): number {
  return other === 0 ? one : gcd(other, one % other);
}

/** True where Fermat's method finds the two primes in so many rounds: they are too close to each other (CVE-2022-26320). */
export function hasClosePrimes(modulus: bigint, rounds: number): boolean {
  const root = squareRoot(modulus);
  let middle = root * root === modulus ? root : root + 1n;
  for (let round = 0; round < rounds; round++, middle++) {
    if (isSquare(middle * middle - modulus)) return true;
  }
  return false;
}

/** Most numbers that are no square show it by their remainders. */
const filters = [64, 63, 65, 11].map((divisor) => ({
  divisor: BigInt(divisor),
  squares: new Set(Array.from({ length: divisor }, (_, root) => (root * root) % divisor)),
}));

function isSquare(number: bigint): boolean {
  if (filters.some(({ divisor, squares }) => !squares.has(Number(number % divisor)))) return false;
  const root = squareRoot(number);
  return root * root === number;
}

/** Rounded down, by Newton's method from above. */
function squareRoot(number: bigint): bigint {
  if (number < 2n) return number;
  let root = 1n << BigInt((number.toString(16).length * 4) / 2 + 1);
  for (;;) {
    const next = (root + number / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
