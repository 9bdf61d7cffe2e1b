import type { Bounds, Grade } from "./types.ts";

/** Every grade with its rank; T and M say nothing about the configuration and rank together below F. */
const ranks: Readonly<Record<Grade, number>> = {
  "A+": 9,
  A: 8,
  "A-": 7,
  B: 6,
  C: 5,
  D: 4,
  E: 3,
  F: 2,
  T: 1,
  M: 1,
};

/** Grades that can be wanted at least, best first: T and M are verdicts beside the scale. */
export const wantableGrades = (Object.keys(ranks) as readonly Grade[]).filter((name) => ranks[name] > ranks.T);

/** Whether a text (a value of `--min-grade`, a recorded grade) names a grade. */
export function isGrade(text: string): text is Grade {
  return Object.hasOwn(ranks, text);
}

/** For sorting: negative when `a` is worse than `b`, positive when better, 0 when equal; T and M are equal. */
export function compareGrades(a: Grade, b: Grade): number {
  return ranks[a] - ranks[b];
}

/** The worse of the grades; of equals the first. */
export function worstGrade(grades: readonly [Grade, ...Grade[]]): Grade {
  return grades.reduce((worst, grade) => (compareGrades(grade, worst) < 0 ? grade : worst));
}

/**
 * Whether a grade reaches the wanted one. Null when the grade is null (incomplete) or is no grade of this scale: unknown is never a pass,
 * and the caller tells the two kinds of no apart (exit 3, exit 1).
 */
export function meets(grade: string | null, minGrade: Grade): boolean | null {
  if (grade === null || !isGrade(grade)) return null;
  return compareGrades(grade, minGrade) >= 0;
}

/** A letter; where it cannot be said the two that it lies between, the worse first; `?` where those are not known either. */
export function letterText(grade: string | null | undefined, bounds: Bounds | null | undefined): string {
  if (typeof grade === "string") return grade;
  return bounds === null || bounds === undefined ? "?" : `${bounds.worst} to ${bounds.best}`;
}
