/**
 * From scores and judged rules to a grade. Every unknown is taken once as if it were harmless and once as if it were the worst; only where
 * both lead to the same letter is there a grade. So a thing not known can never raise a grade, and one that cannot matter does not block it.
 */
import { compareGrades, worstGrade } from "../grades.ts";
import { letters } from "../rulebooks/ssllabs-2009r.ts";
import type { Effect, RuleData } from "../rulebooks/ssllabs-2009r-rules.ts";
import type { Cap, Grade, GradeResult } from "../types.ts";
import type { Verdict } from "../verdict.ts";
import { totalOf } from "./scores.ts";
import type { Scores } from "./scores.ts";

export interface JudgedRule {
  readonly rule: RuleData;
  readonly verdict: Verdict;
}

/** What is taken for granted of unknowns, and whether trust counts. */
interface Assumption {
  readonly unknowns: "harmless" | "worst";
  readonly trust: "counts" | "ignored";
}

/** The best grade that each effect allows. */
const allowed: Readonly<Record<Effect, Grade>> = {
  F: "F",
  C: "C",
  B: "B",
  T: "T",
  M: "M",
  warning: "A-",
  "no A+": "A",
};

/**
 * The grade, and the grade as it would be with a trusted chain: T falls away then (unknown authority, dates, SHA-1), M does not, since the
 * certificate of another name is wrong under any authority. T wins over M.
 */
export function gradeOf(rules: readonly JudgedRule[], scores: Scores): GradeResult {
  const counted = decided(rules, scores, "counts");
  const ignored = decided(rules, scores, "ignored");
  const fired = rules.filter(({ verdict }) => verdict.outcome === "fail");
  const limits = fired.flatMap(({ rule, verdict }) =>
    rule.effects.map((effect) => ({ effect, cap: cap(rule, verdict, effect) })),
  );
  const byGrade = (a: Cap, b: Cap): number => compareGrades(a.grade as Grade, b.grade as Grade);
  return {
    grade: counted.grade,
    gradeTrustIgnored: ignored.grade,
    bounds: counted.bounds,
    boundsTrustIgnored: ignored.bounds,
    scores: totalOf(scores),
    caps: limits
      .filter(({ effect }) => effect !== "warning")
      .map((limit) => limit.cap)
      .toSorted(byGrade),
    warnings: limits.filter(({ effect }) => effect === "warning").map((limit) => limit.cap),
    incomplete: [...new Set([...counted.open, ...ignored.open])],
  };
}

const scoreNames: Readonly<Record<keyof Scores, string>> = {
  protocol: "protocol",
  keyExchange: "key exchange",
  cipher: "cipher",
};

function decided(
  rules: readonly JudgedRule[],
  scores: Scores,
  trust: Assumption["trust"],
): Pick<GradeResult, "grade" | "bounds"> & { readonly open: readonly string[] } {
  const best = letter(rules, scores, { unknowns: "harmless", trust });
  const worst = letter(rules, scores, { unknowns: "worst", trust });
  if (best === worst) return { grade: best, bounds: null, open: [] };
  const decisive = rules.filter((judged) => {
    if (judged.verdict.outcome !== "unknown") return false;
    const failing = rules.map((other) =>
      other === judged ? { ...other, verdict: { ...other.verdict, outcome: "fail" as const } } : other,
    );
    return letter(failing, scores, { unknowns: "harmless", trust }) !== best;
  });
  const unscored = Object.entries(scores).filter(([, { score }]) => score === null);
  return {
    grade: null,
    bounds: { best, worst },
    open: [
      ...decisive.map(({ rule, verdict }) => `${rule.id}: ${verdict.evidence}`),
      ...unscored.map(([category, { because }]) => `${scoreNames[category as keyof Scores]} score: ${because}`),
    ],
  };
}

/** The letter under one assumption: total, then the lowest cap, then warnings, then A+. */
function letter(rules: readonly JudgedRule[], scores: Scores, { unknowns, trust }: Assumption): Grade {
  const effects = rules
    .filter(({ verdict }) => verdict.outcome === "fail" || (unknowns === "worst" && verdict.outcome === "unknown"))
    .flatMap(({ rule }) => rule.effects);
  if (trust === "counts" && effects.includes("T")) return "T";
  if (effects.includes("M")) return "M";
  const total = totalOf(scores)?.total ?? (unknowns === "harmless" ? 100 : 0);
  const base = letters.find(({ from }) => total >= from)?.grade ?? "F";
  const caps = effects.filter((effect) => effect === "F" || effect === "C" || effect === "B");
  const capped = worstGrade([base, ...caps]);
  if (capped !== "A") return capped;
  if (effects.includes("warning")) return "A-";
  return effects.includes("no A+") ? "A" : "A+";
}

function cap(rule: RuleData, verdict: Verdict, effect: Effect): Cap {
  return { grade: allowed[effect], finding: rule.id, reason: verdict.message, reference: rule.reference };
}
