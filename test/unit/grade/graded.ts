/** What SSL Labs' rulebook says of a good server with changes. */
import { judge } from "../../../src/grade/index.ts";
import type { GradeResult } from "../../../src/grade/index.ts";
import type { FlawName, Observations } from "../../../src/probe/index.ts";
import { observations } from "./observations.ts";

export function graded(changes: Partial<Observations> = {}): GradeResult {
  const result = judge(observations(changes)).grades["ssllabs-2009r"];
  if (result === undefined || "level" in result) throw new Error("not judged");
  return result;
}

export const caps = (result: GradeResult): readonly string[] => result.caps.map((cap) => `${cap.grade} ${cap.finding}`);
export const warnings = (result: GradeResult): readonly string[] => result.warnings.map((cap) => cap.finding);

/** Flaws that SSL Labs grades F. */
export const flawed: readonly FlawName[] = [
  "heartbleed",
  "ccs-injection",
  "ticketbleed",
  "robot",
  "poodle-tls",
  "zombie-poodle",
  "goldendoodle",
  "sleeping-poodle",
  "zero-length",
  "lucky-minus-20",
  "insecure-renegotiation",
];
