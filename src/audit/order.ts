import semver from "semver";
import { comparePep440 } from "./pep440.ts";
import type { Scheme } from "./types.ts";

/** The order of two versions by a scheme: below 0 when `a` is older, 0 when they are the same, null when they cannot be compared. */
export function compareVersions(scheme: Scheme, a: string, b: string): number | null {
  switch (scheme) {
    case "pep440":
      return comparePep440(a, b);
    case "semver":
      return semver.valid(a) === null || semver.valid(b) === null ? null : semver.compare(a, b);
    case "openssl":
    case "dotted":
      return compareDotted(scheme, a, b);
  }
}

const dotted = /^v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:-?(dev|alpha|beta|pre|rc)[-.]?(\d{1,9})?)?$/i;
// OpenSSL before 3.0 counted its fixes in letters: 1.0.2, 1.0.2a … 1.0.2z, 1.0.2za, 1.0.2zb ….
const lettered = /^v?([01]\.\d{1,9}\.\d{1,9})(z*[a-z])?(?:-(dev|beta|pre)(\d{1,9})?)?$/;
const stages = ["dev", "pre", "alpha", "beta", "rc"];

function compareDotted(scheme: "dotted" | "openssl", a: string, b: string): number | null {
  const [left, right] = [read(scheme, a), read(scheme, b)];
  if (left === null || right === null) return null;
  const length = Math.max(left.numbers.length, right.numbers.length);
  for (let index = 0; index < length; index += 1) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.letters - right.letters || left.stage - right.stage || left.serial - right.serial;
}

interface Read {
  readonly numbers: readonly number[];
  /** How many letter releases came before, this one counted: a is 1, z is 26, za is 27. */
  readonly letters: number;
  /** What comes before a release, by its place among `stages`; the release itself comes after all of them. */
  readonly stage: number;
  readonly serial: number;
}

function read(scheme: "dotted" | "openssl", version: string): Read | null {
  const old = scheme === "openssl" ? lettered.exec(version) : null;
  if (old !== null) {
    const [, numbers = "", letters = "", stage, serial] = old;
    return { numbers: numbers.split(".").map(Number), letters: letterCount(letters), ...stageOf(stage, serial) };
  }
  const match = dotted.exec(version);
  if (match === null) return null;
  const [, numbers = "", stage, serial] = match;
  return { numbers: numbers.split(".").map(Number), letters: 0, ...stageOf(stage, serial) };
}

/** `z*` then one letter: each z that leads stands for the 26 before it (za 27, zz 52, zza 53). */
function letterCount(letters: string): number {
  if (letters === "") return 0;
  return (letters.length - 1) * 26 + (letters.charCodeAt(letters.length - 1) - 96);
}

function stageOf(stage: string | undefined, serial: string | undefined): Pick<Read, "stage" | "serial"> {
  const place = stage === undefined ? stages.length : stages.indexOf(stage.toLowerCase());
  return { stage: place, serial: Number(serial ?? 0) };
}
