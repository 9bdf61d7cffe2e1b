/** Text that is markup already. Only `html` makes it, and it escapes every value that is not. */
export interface Markup {
  readonly markup: string;
}

type Value = string | number | Markup | readonly Markup[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A template of HTML: values are escaped for text and quoted attributes; markup, and lists of it, go in as they are. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return {
    markup: parts.map((part, index) => part + (index < values.length ? rendered(values[index] ?? "") : "")).join(""),
  };
}

function rendered(value: Value): string {
  if (typeof value === "string" || typeof value === "number") {
    return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character);
  }
  return "markup" in value ? value.markup : value.map(({ markup }) => markup).join("");
}
