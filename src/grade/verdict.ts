import type { Outcome } from "../probe/index.ts";

/** A statement about a target in three values, with what it rests on: `because` is evidence, or why it is not known. */
export interface Statement {
  readonly truth: true | false | "unknown";
  readonly because: string;
}

/** What a rule's check says: `message` in a sentence, `evidence` what was seen (or why nothing was). */
export interface Verdict {
  readonly outcome: "pass" | "fail" | "unknown";
  readonly message: string;
  readonly evidence: string;
  /** False where nobody looked, or nobody can from here: then the unknown stays out of the grade, and the report names it. */
  readonly examined?: false;
}

/** How probes begin the reason of a fact that cannot exist on a target. */
const notApplicable = "not applicable: ";

/** The reason that observations give for a fact of which the version that recorded them knew nothing. */
export const notLooked = "this version does not look at it";

export function yes(because: string): Statement {
  return { truth: true, because };
}

export function no(because: string): Statement {
  return { truth: false, because };
}

export function unknown(because: string): Statement {
  return { truth: "unknown", because };
}

/** Why a fact cannot exist on this target, which is an answer and no ignorance; null where it can. */
export function inapplicable(outcome: Outcome<unknown> | undefined): string | null {
  if (outcome?.state !== "untestable" || !outcome.why.startsWith(notApplicable)) return null;
  return outcome.why.slice(notApplicable.length);
}

/**
 * The statement an outcome makes. Of what cannot exist here nothing is true; what was not observed else is unknown, for its own reason,
 * after the words of `subject`.
 */
export function stated<T>(outcome: Outcome<T> | undefined, test: (value: T) => Statement, subject = ""): Statement {
  if (outcome === undefined) return unknown(`${subject}not looked at`);
  if (outcome.state === "observed") return test(outcome.value);
  const why = inapplicable(outcome);
  return why === null ? unknown(`${subject}${outcome.why}`) : no(why);
}

/** Kleene's or: one truth decides; else one unknown leaves it open. */
export function anyOf(statements: readonly Statement[]): Statement {
  const decided = statements.filter((statement) => statement.truth === true);
  if (decided.length > 0) return yes(reasons(decided));
  const open = statements.filter((statement) => statement.truth === "unknown");
  return open.length > 0 ? unknown(reasons(open)) : no(reasons(statements));
}

/** Kleene's and: one untruth decides; else one unknown leaves it open. */
export function allOf(statements: readonly Statement[]): Statement {
  return not(anyOf(statements.map(not)));
}

export function not(statement: Statement): Statement {
  if (statement.truth === "unknown") return statement;
  return { truth: !statement.truth, because: statement.because };
}

/** A verdict from a statement that names a defect: true fails, false passes, unknown stays unknown. */
export function defect(
  statement: Statement,
  texts: { readonly fail: string; readonly pass: string; readonly open: string },
): Verdict {
  if (statement.truth === "unknown") return { outcome: "unknown", message: texts.open, evidence: statement.because };
  return statement.truth
    ? { outcome: "fail", message: texts.fail, evidence: statement.because }
    : { outcome: "pass", message: texts.pass, evidence: statement.because };
}

function reasons(statements: readonly Statement[]): string {
  return [...new Set(statements.map((statement) => statement.because).filter((text) => text !== ""))].join("; ");
}
