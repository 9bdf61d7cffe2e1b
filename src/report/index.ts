export { comparisonToHtml } from "./comparison-html.ts";
export { clean, toJson } from "./clean.ts";
export { comparisonToText } from "./comparison-text.ts";
export { toHtml } from "./html.ts";
export { toText } from "./text.ts";
export { pageOf, type TextOptions } from "./page.ts";
