export { observe, type ObserveOptions, type ObserveTarget } from "./observe.ts";
export type * from "./types.ts";
