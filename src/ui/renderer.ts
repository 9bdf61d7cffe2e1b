import type { ForgeEvent } from "../events.ts";
import { eventAsCalled } from "./called.ts";
import { describe, isShown } from "./describe.ts";
import { jsonSink, plainSink } from "./plain.ts";
import { sanitise, styled } from "./text.ts";
import { ttyDrawing } from "./tty.ts";
import type { Drawing } from "./tty.ts";
import type { LoudEvent, Renderer, RendererOptions } from "./types.ts";

/** What prints events. Writing never throws into the core: an output that breaks is the caller's to handle (`error` event of its stream). */
export function renderer(options: RendererOptions): Renderer {
  const { sink, end } = drawingFor(options);
  const loud = new Map<string, LoudEvent>();
  let closed = false;
  let buried = false;
  const shown = (event: ForgeEvent): ForgeEvent =>
    options.kind === "json" ? event : eventAsCalled(event, options.program);
  return {
    emit(event) {
      if (closed) return;
      if (event.type === "warning" || event.type === "fallback") {
        const key = JSON.stringify(event);
        // Said once for a reader; a record keeps how often.
        if (loud.has(key) && options.kind !== "json") return;
        loud.set(key, event);
      } else buried ||= loud.size > 0 && describe(event, 0).some((line) => isShown(line, options.level ?? "normal"));
      sink(shown(event));
    },
    summary: () => [...loud.values()],
    async close() {
      if (closed) return;
      closed = true;
      await end();
      if (options.kind !== "json" && buried) repeat([...loud.values()].map(shown), options);
    },
  };
}

function drawingFor(options: RendererOptions): Drawing {
  switch (options.kind) {
    case "tty":
      return ttyDrawing(options);
    case "plain":
      return { sink: plainSink(options), end: async () => {} };
    case "json":
      return { sink: jsonSink(options), end: async () => {} };
  }
}

function repeat(events: readonly ForgeEvent[], options: RendererOptions): void {
  if (events.length === 0) return;
  const { out, colour } = options;
  out.write(
    `\n${styled("strong", events.length === 1 ? "One warning of this run:" : `${events.length} warnings of this run:`, colour)}\n`,
  );
  // The first line is the message; what it rests on was shown when it happened.
  for (const line of events.flatMap((event) => describe(event, 0).slice(0, 1))) {
    const text = sanitise(line.text);
    out.write(`  ${line.style === undefined ? text : styled(line.style, text, colour)}\n`);
  }
}
