/** What a build wrote, for a terminal: nobody knows what is in it. */
import { sanitiseLines } from "../../ui/index.ts";

/** Text of whole lines without what a terminal would obey. */
export function harmless(text: string): string {
  return sanitiseLines(text).join("\n");
}

/** A line that is longer is given in parts. */
const longestLine = 64 * 1024;

/** The same for text that comes in pieces: a line is given when it is whole, since a piece may end within what a terminal would obey. `end` gives the rest. */
export function harmlessly(write: (text: string) => Promise<void>): {
  readonly write: (text: string) => Promise<void>;
  readonly end: () => Promise<void>;
} {
  let rest = "";
  return {
    async write(text) {
      rest += text;
      const whole = rest.length > longestLine ? rest.length : rest.lastIndexOf("\n") + 1;
      if (whole === 0) return;
      const lines = harmless(rest.slice(0, whole));
      rest = rest.slice(whole);
      await write(lines);
    },
    end: () => (rest === "" ? Promise.resolve() : write(harmless(rest))),
  };
}
