import { styled } from "../ui/index.ts";

const styles = {
  pass: "good",
  fail: "error",
  hit: "error",
  warning: "warning",
  unknown: "warning",
  removed: "good",
  "would remove": "warning",
  keep: "faint",
  info: "faint",
} as const;

/** What a line of a command's text is about, in the colour that it has in all of them. */
export type Mark = keyof typeof styles;

/** A mark as the lead of a line, `columns` wide. */
export function lead(mark: Mark, columns: number, colour: boolean): string {
  return `${styled(styles[mark], mark, colour)}${" ".repeat(Math.max(1, columns - mark.length))}`;
}

/** The same for a lead that is laid out already; another text stays as it is. */
export function markedLead(text: string, colour: boolean): string {
  const mark = text.trimEnd();
  return mark in styles ? lead(mark as Mark, text.length, colour) : text;
}
