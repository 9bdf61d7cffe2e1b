import { stripVTControlCharacters } from "node:util";

/** Text broken at spaces into lines of at most `width` characters; a longer word is cut. At least one line. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((long) => pieces(long, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** A paragraph behind a lead (a mark, a label); further lines are indented to stand under its first. `paint` colours the text alone; the lead may carry colours. */
export function hang(lead: string, text: string, { width, paint = (line) => line }: HangOptions): readonly string[] {
  const leadWidth = stripVTControlCharacters(lead).length;
  const lines = wrap(text, Math.max(20, width - leadWidth));
  return lines.map((line, index) => (index === 0 ? lead : " ".repeat(leadWidth)) + paint(line));
}

export interface HangOptions {
  readonly width: number;
  readonly paint?: (line: string) => string;
}

/** What of a text fits into `room` columns; `…` stands for the rest. */
export function cut(text: string, room: number): string {
  return text.length <= room
    ? text
    : `${text
        .slice(0, room - 2)
        .replace(/[\ud800-\udbff]$/, "")
        .trimEnd()} …`;
}

/** Filled and empty cells for a share of 100. */
export function bar(score: number, cells: number): string {
  const full = Math.round((Math.min(100, Math.max(0, score)) / 100) * cells);
  return "█".repeat(full) + "░".repeat(cells - full);
}

/** A long name is cut behind one of its joints, where there is one in the second half. */
function pieces(word: string, width: number): readonly string[] {
  if (word.length <= width) return [word];
  const joint = /^.*[_/:-]/.exec(word.slice(0, width))?.[0].length ?? 0;
  const at = joint > width / 2 ? joint : width;
  return [word.slice(0, at), ...pieces(word.slice(at), width)];
}
