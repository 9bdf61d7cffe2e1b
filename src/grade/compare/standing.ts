import { compareGrades, isGrade } from "../grades.ts";
import { aaa } from "../rulebooks/aaa.ts";
import { mozilla60 } from "../rulebooks/mozilla-6.0.ts";
import { levelNames, ncscNl2025 } from "../rulebooks/ncsc-nl-2025.ts";
import { trustedLocally } from "../trust.ts";
import type { Report, RulebookResult } from "../types.ts";
import type { Standing, Verdict } from "./types.ts";

/** Levels by rulebook, best first. */
const levels: Readonly<Record<string, readonly string[]>> = {
  [aaa.id]: ["yes", "no"],
  [mozilla60.id]: ["modern", "intermediate", "none"],
  [ncscNl2025.id]: levelNames,
};

/**
 * What each rulebook says of a report in the end, AAA second. The letter is the one with trust aside where that is asked for or where the chain ends in an
 * authority that was given for the look.
 */
export function standingsOf(report: Report, ignoreTrust: boolean): ReadonlyMap<string, Standing> {
  const isAside = leavesTrustAside(report, ignoreTrust);
  const [first, ...others] = Object.entries(report.grades).map(
    ([id, result]) => [id, standingOf(result, isAside)] as const,
  );
  const threefold = { value: report.aaa === null ? null : report.aaa ? "yes" : "no", total: null };
  return new Map([...(first === undefined ? [] : [first]), [aaa.id, threefold], ...others]);
}

/** Whether letters are those with trust aside. */
export function leavesTrustAside({ observations }: Report, ignoreTrust: boolean): boolean {
  return ignoreTrust || trustedLocally(observations);
}

function standingOf(result: RulebookResult, isAside: boolean): Standing {
  if ("level" in result) return { value: result.level, total: null };
  const value = isAside ? result.gradeTrustIgnored : result.grade;
  return { value, total: value === null ? null : (result.scores?.total ?? null) };
}

/** How `b` is compared with `a`, by letter or level. */
export function verdictOn(rulebook: string, a: Standing, b: Standing): Verdict {
  if (a.value === null || b.value === null) return "unknown";
  if (a.value === b.value) return "same";
  const order = orderOf(rulebook, a.value, b.value);
  return order === 0 ? "changed" : order > 0 ? "better" : "worse";
}

/** Positive when `b` is better; 0 where neither is, or where the rulebook or a level is not known. */
function orderOf(rulebook: string, a: string, b: string): number {
  const known = levels[rulebook];
  if (known === undefined) return isGrade(a) && isGrade(b) ? compareGrades(b, a) : 0;
  return known.includes(a) && known.includes(b) ? known.indexOf(a) - known.indexOf(b) : 0;
}
