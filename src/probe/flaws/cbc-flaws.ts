import type { Unknown } from "../outcome.ts";
import type { FlawName, FlawSeen, Outcome } from "../types.ts";

/** Flaws of CBC record protection. */
export const cbcFlaws = [
  "poodle-tls",
  "zombie-poodle",
  "goldendoodle",
  "sleeping-poodle",
  "zero-length",
  "lucky-minus-20",
] as const satisfies readonly FlawName[];

export type CbcFlaw = (typeof cbcFlaws)[number];
export type CbcOutcomes = Readonly<Record<CbcFlaw, Outcome<FlawSeen>>>;

/** One reason for all of them. */
export function everyCbcFlaw(outcome: Unknown): CbcOutcomes {
  return Object.fromEntries(cbcFlaws.map((flaw) => [flaw, outcome])) as Record<CbcFlaw, Unknown>;
}
