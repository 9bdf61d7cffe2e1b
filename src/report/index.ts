export { clean, toJson } from "./clean.ts";
export { toHtml } from "./html.ts";
export { toText } from "./text.ts";
export type { TextOptions } from "./page.ts";
