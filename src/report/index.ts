export { clean, toJson } from "./clean.ts";
export { toText } from "./text.ts";
export type { TextOptions } from "./text.ts";
