import { z } from "zod";

/** Text of a record that may be shown: no controls, nothing that turns the order of what follows, no breaks of a line. */
export const plain = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]*$/u, { error: "text without control characters" });

/** What names an advisory: a word. */
export const identifier = z.string().regex(/^[\u0021-\u007e]{1,100}$/, { error: "one word, as CVE-2026-1234 is" });

/** The first line of a text, cut where it is longer than a line of a terminal bears, fit to be shown. */
export function firstLine(text: string): string {
  const line = (text.trim().split("\n")[0] ?? "").replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
