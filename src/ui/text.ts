import { stripVTControlCharacters, styleText } from "node:util";

/**
 * Makes one line of foreign text safe to print: no terminal sequences, no control or direction-changing characters (tabs stay),
 * no passwords or tokens in addresses. Controls go first: one inside a password would hide the password from the second step.
 */
export function sanitise(text: string): string {
  const printable = stripVTControlCharacters(text).replace(controls, "");
  return printable.replace(userInfo, "$1***@").replace(secretQuery, "$1***");
}

// C0 without tab, DEL, C1; line and paragraph separators; the marks that reverse the order of what follows.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const controls = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi;
const secretQuery =
  /([?&;](?:access_token|api_?key|auth|key|pass(?:word)?|secret|sig(?:nature)?|token|x-amz-[a-z-]+)=)[^&;\s#]+/gi;

/** Sanitises text of several lines line by line. */
export function sanitiseLines(text: string): readonly string[] {
  return text.split(/\r?\n/).map(sanitise);
}

/** Seconds as people read them: `0.4s`, `12s`, `3m 05s`, `1h 02m`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.max(0, seconds).toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m ${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}

export type Style = "error" | "warning" | "good" | "faint" | "strong";

const styles = { error: "red", warning: "yellow", good: "green", faint: "dim", strong: "bold" } as const;

/** Text in a style, or as it is when no colour is wanted. */
export function styled(style: Style, text: string, colour: boolean): string {
  return colour ? styleText(styles[style], text, { validateStream: false }) : text;
}
