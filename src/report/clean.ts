/**
 * Characters that can deceive a reader or drive a terminal: controls (C0, DEL, C1), line and paragraph separators, marks and overrides of
 * writing direction, zero-width characters, tags, and halves of surrogate pairs.
 */
const harmful = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;
const longest = 400;

/** A text from the network made fit to show: harmful characters become `\ufffd`, and at most 400 characters are kept. */
export function clean(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)} … (${text.length} characters)` : text;
  return short.replace(harmful, "\ufffd");
}

/** JSON, indented by two, in which those characters are escaped, so that a terminal shows it unharmed. Parses to the same value. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(harmful, (character) =>
    character === "\n"
      ? character
      : [...utf16(character)].map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join(""),
  );
}

function utf16(text: string): readonly number[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
}
