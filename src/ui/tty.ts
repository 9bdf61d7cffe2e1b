import { Writable } from "node:stream";
import type { ForgeEvent } from "../events.ts";
import { trackItems } from "./items.ts";
import type { Items } from "./items.ts";
import { lineWriter } from "./plain.ts";
import type { Output, RendererOptions } from "./types.ts";

/** A sink that draws; `end` takes the moving part away. */
export interface Drawing {
  readonly sink: (event: ForgeEvent) => void;
  readonly end: () => Promise<void>;
}

/** How often titles are brought up to date, in milliseconds. */
const refresh = 250;

/**
 * Lines that stay, and below them one moving line for each thing that is going on, drawn by listr2. Whenever a line must stay or
 * an item comes or goes, the moving part is taken away, the lines are written, and it is drawn anew.
 */
export function ttyDrawing(options: RendererOptions): Drawing {
  const items = trackItems(options.now);
  const lines = lineWriter(options);
  let staying: string[] = [];
  let changed = false;
  let ended = false;
  /** Someone else has the terminal: a password may be asked for. */
  let yielded = false;
  let stop: () => Promise<void> = async () => {};
  let drawing = Promise.resolve();

  async function redraw(): Promise<void> {
    if (!changed) return;
    await stop();
    stop = async () => {};
    changed = false;
    for (const line of staying) options.out.write(`${line}\n`);
    staying = [];
    if (!ended && !yielded && items.keys().length > 0) stop = await drawItems(items, options);
  }

  return {
    sink(event) {
      yielded = event.type === "host-command" && event.elevated;
      // What begins is drawn as a moving line; only its end stays.
      const begins =
        event.type === "build-start" ||
        (event.type === "build-step" && options.level !== "verbose") ||
        (event.type === "phase" && event.state === "start");
      const said = begins ? [] : lines(event);
      if (begins) lines(event);
      if (!items.note(event) && said.length === 0 && !yielded) return;
      staying.push(...said);
      changed = true;
      drawing = drawing.then(redraw);
    },
    async end() {
      staying.push(...items.unfinished());
      ended = true;
      changed = true;
      drawing = drawing.then(redraw);
      await drawing;
    },
  };
}

/** Draws what is going on until the function that it gives is called. */
async function drawItems(items: Items, options: RendererOptions): Promise<() => Promise<void>> {
  const { DefaultRenderer, Listr, ListrLogger, ProcessOutput } = await import("listr2");
  // The caller has decided that this is a terminal, of whatever stream.
  class Renderer extends DefaultRenderer {
    static override nonTTY = true;
  }
  const stream = asStream(options.out, options.colour);
  let finish = (): void => {};
  const over = new Promise<void>((resolve) => (finish = resolve));
  const list = new Listr(
    items.keys().map((key) => ({
      title: items.view(key)?.title ?? key,
      task: async (_context: unknown, task: { title: string; output: string }) => {
        const update = (): void => {
          const view = items.view(key);
          if (view === null) return;
          task.title = view.title;
          if (view.activity !== "") task.output = view.activity;
        };
        update();
        const timer = setInterval(update, refresh);
        await over;
        clearInterval(timer);
      },
    })),
    {
      concurrent: true,
      registerSignalListeners: false,
      renderer: Renderer,
      rendererOptions: {
        clearOutput: true,
        formatOutput: "truncate",
        logger: new ListrLogger({ processOutput: new ProcessOutput(stream, stream) }),
      },
    },
  );
  const running = list.run();
  return async () => {
    finish();
    await running;
  };
}

/** Our output in the form that listr2 draws on. */
function asStream(out: Output, colour: boolean): NodeJS.WriteStream {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      out.write(colour ? chunk : chunk.replace(colours, ""));
      done();
    },
  });
  const shape = { isTTY: true, columns: out.columns ?? 80, rows: out.rows ?? 24 };
  return Object.assign(stream, shape) as unknown as NodeJS.WriteStream;
}

// oxlint-disable-next-line no-control-regex -- an escape sequence begins with a control character
const colours = /\u001b\[[0-9;]*m/g;
