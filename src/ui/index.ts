export { asCalled } from "./called.ts";
export { renderError } from "./error.ts";
export { renderer } from "./renderer.ts";
export { duration, sanitise, sanitiseLines, styled } from "./text.ts";
export type { LoudEvent, Output, Renderer, RendererKind, RendererOptions } from "./types.ts";
