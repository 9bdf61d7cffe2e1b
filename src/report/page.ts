import { styleText } from "node:util";
import { hang } from "./layout.ts";

export interface TextOptions {
  readonly colour: boolean;
  /** Columns of the terminal; lines are wrapped, at 40 columns at least and 120 at most. */
  readonly width: number;
}

export type Style = "good" | "bad" | "doubtful" | "quiet" | "strong";
export type Paint = (style: Style, text: string) => string;

/** What lines are laid out on. */
export interface Page {
  readonly paint: Paint;
  readonly width: number;
  /** A paragraph behind a lead, in one style. */
  readonly says: (lead: string, text: string, style?: Style) => readonly string[];
}

const formats = { good: "green", bad: "red", doubtful: "yellow", quiet: "dim", strong: "bold" } as const;

export function pageOf({ colour, width }: TextOptions): Page {
  const paint: Paint = (style, text) => (colour ? styleText(formats[style], text, { validateStream: false }) : text);
  const columns = Math.max(40, Math.min(width, 120));
  const says: Page["says"] = (lead, text, style) =>
    hang(lead, text, { width: columns, paint: (line) => (style === undefined ? line : paint(style, line)) });
  return { paint, width: columns, says };
}

/** Lines below a title; nothing where there are none. */
export function section(title: string, lines: readonly string[], { paint }: Page): readonly string[] {
  return lines.length === 0 ? [] : [paint("strong", title), ...lines];
}

/** Sections with an empty line between them, and a line feed at the end. */
export function joined(sections: readonly (readonly string[])[]): string {
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** At most two decimals. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}
