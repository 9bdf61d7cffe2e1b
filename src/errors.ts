/**
 * The only error a user meets. Anything else that reaches `main.ts` is a bug: it prints its stack and exits 4.
 */

/** Every code, with the exit code that it leads to. The list is closed: scripts rest on these names. */
const exitCodes = {
  usage: 2,
  "recipe-invalid": 2,
  "site-invalid": 2,
  "prefix-newer": 2,
  "source-unavailable": 1,
  "source-mismatch": 1,
  "signature-wrong": 1,
  "signature-missing": 1,
  "archive-unsafe": 1,
  "archive-broken": 1,
  "requirement-missing": 1,
  "patch-failed": 1,
  "build-failed": 1,
  "gate-failed": 1,
  "sandbox-missing": 1,
  "prefix-unusable": 1,
  "prefix-busy": 1,
  "disk-full": 1,
  "host-refused": 1,
  "host-failed": 1,
  "port-in-use": 1,
  "certificate-failed": 1,
  "server-failed": 1,
  "not-serving": 1,
  "not-found": 1,
  "grade-low": 1,
  vulnerable: 1,
  "advisory-invalid": 2,
  "check-failed": 1,
  unreachable: 3,
  incomplete: 3,
  interrupted: 130,
} as const;

/** A name from the closed list of error codes. */
export type ErrorCode = keyof typeof exitCodes;

/** A place in a file the user wrote; line and column count from 1. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of that line, shown with a caret below the column. */
  readonly text?: string;
}

/** What a ForgeError may carry besides its message. */
export interface ErrorDetail {
  /** What to do about it, as an imperative. */
  readonly hint?: string;
  readonly span?: Span;
  /** Further lines of evidence: what each location answered, the last lines of a log. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** An expected failure: what happened and where (`message`), what to do (`hint`). No period at the end of the message. */
export class ForgeError extends Error {
  override readonly name = "ForgeError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly span: Span | undefined;
  readonly details: readonly string[];

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.hint = detail.hint;
    this.span = detail.span;
    this.details = detail.details ?? [];
  }
}

/** The process exit code for anything thrown: by its code for a ForgeError, 4 (a bug) for the rest. */
export function exitCodeFor(error: unknown): number {
  return error instanceof ForgeError ? exitCodes[error.code] : 4;
}
