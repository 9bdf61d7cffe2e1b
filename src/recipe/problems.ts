import { ForgeError, type ErrorCode, type Span } from "../errors.ts";

/** One thing that is wrong in a file that a person wrote. */
export interface Problem {
  /** What is wrong there, without the place. */
  readonly message: string;
  readonly span: Span;
  /** What would be right. */
  readonly expected?: string | undefined;
  /** What to do, as an imperative. */
  readonly hint?: string | undefined;
}

/**
 * All problems as one error: the message names the first with its place, `details` hold each with its line and a caret, the first 20 of them.
 * Throws always; call it when there is at least one problem.
 */
export function refuse(code: ErrorCode & ("recipe-invalid" | "site-invalid"), problems: readonly Problem[]): never {
  const sorted = problems.toSorted((a, b) => compareSpans(a.span, b.span));
  const first = sorted[0];
  if (first === undefined) throw new Error("refuse() needs a problem");
  const where = `${first.span.file}:${first.span.line}:${first.span.column}: ${safe(first.message)}`;
  const more = sorted.length === 1 ? "" : ` (and ${sorted.length - 1} more)`;
  throw new ForgeError(code, where + more, {
    ...(first.hint === undefined ? {} : { hint: safe(first.hint) }),
    details: [
      ...sorted.slice(0, mostShown).map(renderProblem),
      ...(sorted.length > mostShown ? [`and ${sorted.length - mostShown} more`] : []),
    ],
  });
}

/** A file of quite another kind is wrong in every line. */
const mostShown = 20;

/** How many problems such details tell of, with those that are only counted. */
export function problemCount(details: readonly string[]): number {
  return details.reduce((sum, detail) => sum + Number(/^and (\d+) more$/.exec(detail)?.[1] ?? 1), 0);
}

/**
 * A problem as text: place and message, the source line with a caret below the column, what was expected, the hint.
 */
export function renderProblem(problem: Problem): string {
  const { file, line, column, text } = problem.span;
  const lines = [`${file}:${line}:${column}: ${safe(problem.message)}`];
  if (text !== undefined) {
    const number = String(line).padStart(5);
    const shown = excerpt(text, column);
    lines.push(`${number} | ${shown.text}`, `${" ".repeat(number.length)} | ${" ".repeat(shown.caret)}^`);
  }
  if (problem.expected !== undefined) lines.push(`expected: ${safe(problem.expected)}`);
  if (problem.hint !== undefined) lines.push(`hint: ${safe(problem.hint)}`);
  return lines.join("\n");
}

const widest = 120;

/** The part of a line around a column, safe for a terminal, and where the caret goes. */
function excerpt(line: string, column: number): { text: string; caret: number } {
  const clean = safe(line);
  const start = column - 1 > widest - 20 ? column - 1 - widest / 2 : 0;
  const cut = clean.slice(start, start + widest).trimEnd();
  const before = start > 0 ? "..." : "";
  const after = start + widest < clean.length ? "..." : "";
  return { text: before + cut + after, caret: before.length + column - 1 - start };
}

/** A person's text as a message may show it: no control characters, which a terminal would obey. */
function safe(text: string): string {
  return text.replaceAll("\t", " ").replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/** A person's word in a message: quoted, and cut when it is long. */
export function quote(word: string): string {
  return `"${word.length > 80 ? `${word.slice(0, 77)}...` : word}"`;
}

function compareSpans(a: Span, b: Span): number {
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column;
}
