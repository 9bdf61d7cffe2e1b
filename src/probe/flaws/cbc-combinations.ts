import { cbcOf } from "../../wire/index.ts";
import { canComplete } from "../client/client12-keys.ts";
import type { Unknown } from "../outcome.ts";
import type { SuiteSeen } from "../types.ts";
import type { Known, Opportunity } from "./known.ts";

/** A version and one suite of it, for looking for flaws of CBC. */
export interface Combination {
  readonly protocol: Opportunity["protocol"];
  readonly suite: SuiteSeen;
  readonly plain: boolean;
}

/** What a server offers with CBC in TLS 1.0 to 1.2, as far as it is known. */
export interface CbcOffer {
  /** Newest version first, each in the server's order. */
  readonly computable: readonly Combination[];
  /** Suites that no handshake can be completed with here. */
  readonly incomputable: readonly SuiteSeen[];
  /** Versions whose suites are not known, and why. */
  readonly unknown: readonly { readonly where: string; readonly outcome: Unknown }[];
}

/** Combinations that are looked at. */
const most = 3;

export function isCbc({ encryption }: Pick<SuiteSeen, "encryption">): boolean {
  return encryption.includes("_CBC");
}

export function isAes({ encryption }: Pick<SuiteSeen, "encryption">): boolean {
  return encryption.startsWith("AES");
}

/** Sorts what is known about a server's suites by what can be done with it. */
export function cbcOfferOf(known: Known): CbcOffer {
  const computable: Combination[] = [];
  const incomputable = new Map<number, SuiteSeen>();
  const unknown: CbcOffer["unknown"][number][] = [];
  for (const [protocol, { support, suites, plain }] of [
    ["TLSv1.2", known.tls12],
    ["TLSv1.1", known.tls11],
    ["TLSv1.0", known.tls10],
  ] as const) {
    if (suites === undefined || suites.state !== "observed") {
      const outcome = support.state === "observed" ? suites : support;
      if (outcome !== undefined) unknown.push({ where: protocol, outcome });
      continue;
    }
    for (const suite of suites.value.suites.filter(isCbc)) {
      if (canComplete(suite.id)) computable.push({ protocol, suite, plain });
      else incomputable.set(suite.id, suite);
    }
  }
  return { computable, incomputable: [...incomputable.values()], unknown };
}

/**
 * Picks at most three combinations that lead through as different code as can be: flaws are of a code path, not of a server (CVE-2019-1559 is not in the
 * stitched code for AES with SHA-1 and SHA-256, CVE-2016-2107 is nowhere else). Each time the one that adds most to those before it; what adds nothing is not
 * picked. The first is AES with SHA-1 or SHA-256 where that is offered.
 */
export function pickCombinations(offered: readonly Combination[]): readonly Combination[] {
  const ranked = offered.toSorted((a, b) => rankOf(b) - rankOf(a));
  const picked: Combination[] = [];
  while (picked.length < most) {
    const gains = ranked.map((combination) => gainOf(combination, picked));
    const best = Math.max(0, ...gains);
    const next = ranked[gains.indexOf(best)];
    if (best === 0 || next === undefined) break;
    picked.push(next);
  }
  return picked;
}

/** How much code a combination leads through that those before it do not. */
function gainOf(of: Combination, picked: readonly Combination[]): number {
  const cipher = newness(familyOf, { of, picked, gain: 3 });
  const mac = newness(macOf, { of, picked, gain: 2, kin: ["sha1", "sha256"] });
  const version = newness(({ protocol }) => protocol, { of, picked, gain: 2, kin: ["TLSv1.2", "TLSv1.1"] });
  const stitched = isStitched(of) && !picked.some(isStitched) ? 1 : 0;
  return cipher + mac + version + stitched;
}

/** The gain of a trait that nothing picked has; 1 where its kin, which shares code with it, was picked. */
function newness(
  traitOf: (combination: Combination) => string,
  against: { of: Combination; picked: readonly Combination[]; gain: number; kin?: readonly string[] },
): number {
  const [trait, seen] = [traitOf(against.of), against.picked.map(traitOf)];
  if (seen.includes(trait)) return 0;
  const { kin = [], gain } = against;
  return kin.includes(trait) && seen.some((other) => kin.includes(other)) ? 1 : gain;
}

/** Newest version first, then AES with SHA-1, with SHA-256, with another; what is alike stays in the server's order. */
function rankOf(combination: Combination): number {
  const version = ["TLSv1.0", "TLSv1.1", "TLSv1.2"].indexOf(combination.protocol);
  const mac = ["sha256", "sha1"].indexOf(macOf(combination));
  return version * 10 + (isAes(combination.suite) ? 2 + mac : 0);
}

function isStitched(combination: Combination): boolean {
  return isAes(combination.suite) && ["sha1", "sha256"].includes(macOf(combination));
}

function familyOf({ suite }: Combination): string {
  return isAes(suite) ? "AES" : suite.encryption.startsWith("3DES") ? "3DES" : "other";
}

function macOf({ suite }: Combination): string {
  return cbcOf(suite.id)?.mac ?? "";
}
