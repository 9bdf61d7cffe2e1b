import type { ForgeEvent } from "../events.ts";
import { stopwatch } from "./clock.ts";
import { describe, isShown } from "./describe.ts";
import { sanitise, styled } from "./text.ts";
import type { RendererOptions } from "./types.ts";

/** Gives the finished lines of an event: chosen by level, sanitised, coloured. */
export function lineWriter(options: RendererOptions): (event: ForgeEvent) => readonly string[] {
  const watch = stopwatch(options.now);
  const level = options.level ?? "normal";
  const builds = new Map<string, string>();
  return (event) => {
    if (event.type === "build-start") builds.set(event.key, `${event.recipe} ${event.version}`);
    const build = event.type === "build-step" ? builds.get(event.key) : undefined;
    return describe(event, watch.note(event), build)
      .filter((line) => isShown(line, level))
      .map(({ text, style }) => {
        const safe = sanitise(text);
        return style === undefined ? safe : styled(style, safe, options.colour);
      });
  };
}

/** One line per event worth it; nothing is ever redrawn. */
export function plainSink(options: RendererOptions): (event: ForgeEvent) => void {
  const lines = lineWriter(options);
  return (event) => {
    for (const line of lines(event)) options.out.write(`${line}\n`);
  };
}

/** Every event as one JSON line. */
export function jsonSink(options: RendererOptions): (event: ForgeEvent) => void {
  return (event) => {
    const text = JSON.stringify(event, (_name, value: unknown) =>
      typeof value === "string" ? sanitise(value) : value,
    );
    options.out.write(`${text}\n`);
  };
}
