import { ForgeError } from "../errors.ts";
import type { Span } from "../errors.ts";
import { asCalled } from "./called.ts";
import { sanitise, sanitiseLines, styled } from "./text.ts";

interface ErrorOptions {
  readonly colour: boolean;
  /** How tlsforge is called from this shell. */
  readonly program?: string;
}

/**
 * An error as text, ending in a newline: message and code, the place with its line and a caret, the evidence, what to do.
 * Anything that is not a ForgeError is a bug and shows its stack.
 */
export function renderError(error: unknown, options: ErrorOptions): string {
  const { colour } = options;
  const lines = error instanceof ForgeError ? expected(error, options) : bug(error, colour);
  return `${lines.join("\n")}\n`;
}

function expected(error: ForgeError, { colour, program }: ErrorOptions): readonly string[] {
  const [first = "", ...rest] = sanitiseLines(error.message);
  return [
    `${styled("error", `error[${error.code}]`, colour)}: ${styled("strong", first, colour)}`,
    ...rest.map((line) => `  ${line}`),
    ...(error.span === undefined ? [] : place(error.span, colour)),
    ...error.details.flatMap(sanitiseLines).map((line) => `  ${line}`),
    ...(error.hint === undefined || told(error.hint, error.details) ? [] : hint(asCalled(error.hint, program), colour)),
  ];
}

/** Whether the evidence ends with the hint already, as that of what is wrong in a file does. */
function told(text: string, details: readonly string[]): boolean {
  return details.some((detail) => detail.endsWith(`\nhint: ${text}`));
}

function place(span: Span, colour: boolean): readonly string[] {
  const number = String(span.line);
  const margin = " ".repeat(number.length);
  const bar = styled("faint", "|", colour);
  const head = `${margin}${styled("faint", "-->", colour)} ${sanitise(span.file)}:${span.line}:${span.column}`;
  if (span.text === undefined) return [head];
  // Whatever stands before the column keeps its tabs, so that the caret stays below its character.
  const before = sanitise(span.text.slice(0, span.column - 1)).replace(/[^\t]/g, " ");
  return [
    head,
    `${margin} ${bar}`,
    `${styled("faint", number, colour)} ${bar} ${sanitise(span.text)}`,
    `${margin} ${bar} ${before}${styled("error", "^", colour)}`,
  ];
}

function hint(text: string, colour: boolean): readonly string[] {
  const [first = "", ...rest] = sanitiseLines(text);
  return [`${styled("good", "hint", colour)}: ${first}`, ...rest.map((line) => `      ${line}`)];
}

function bug(error: unknown, colour: boolean): readonly string[] {
  const text = error instanceof Error ? withCauses(error) : `thrown: ${String(error)}`;
  const [first = "", ...rest] = sanitiseLines(text);
  return [
    `${styled("error", "bug in tlsforge", colour)}: ${styled("strong", first, colour)}`,
    ...rest,
    "This is a mistake in tlsforge, not in what you did: please report it with the lines above and the command.",
  ];
}

/** The stack of an error and of what caused it; bounded, as causes can form a ring. */
function withCauses(error: Error): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    parts.push(current.stack ?? `${current.name}: ${current.message}`);
    current = current.cause;
  }
  return parts.join("\ncaused by: ");
}
