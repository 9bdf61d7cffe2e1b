import { style } from "./html-style.ts";
import { html } from "./markup.ts";
import type { Markup } from "./markup.ts";

export const nothing: Markup = html``;

/**
 * One HTML document that stands alone: no script, no file from elsewhere (its own policy forbids both), light and dark, readable without colours and by
 * screen readers.
 */
export function documentOf(title: string, body: Markup): string {
  // The style is our own constant and holds nothing to escape.
  const sheet: Markup = { markup: `<style>${style}</style>` };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        />
        <title>${title}</title>
        ${sheet}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `;
  return page.markup;
}

/** The letter of a grade, large. */
export function letter(grade: string, label: string): Markup {
  return html`<div
    class="letter ${tone(grade)}${isRange(grade) ? " range" : ""}"
    role="img"
    aria-label="${label} ${grade === "?" ? "not known" : grade}"
  >
    ${grade}
  </div>`;
}

function tone(grade: string): "good" | "doubt" | "bad" {
  if (grade === "B" || grade === "?" || isRange(grade)) return "doubt";
  return grade.startsWith("A") ? "good" : "bad";
}

/** Two letters, one of which it is. */
function isRange(grade: string): boolean {
  return grade.includes(" to ");
}
