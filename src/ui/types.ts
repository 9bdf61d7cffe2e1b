import type { Emit, ForgeEvent } from "../events.ts";

/** Where a renderer writes: a process stream, or anything with a `write`. */
export interface Output {
  write(text: string): unknown;
  /** Width of the terminal; 80 when it is not told. */
  readonly columns?: number;
  /** Height of the terminal; 24 when it is not told. */
  readonly rows?: number;
}

/** `tty` redraws, `plain` writes a line per event worth one, `json` writes every event as a JSON line. */
export type RendererKind = "tty" | "plain" | "json";

export interface RendererOptions {
  readonly kind: RendererKind;
  readonly out: Output;
  /** Whether colour is wanted; the caller looks at NO_COLOR, FORCE_COLOR and the terminal. */
  readonly colour: boolean;
  /** A clock in milliseconds. */
  readonly now: () => number;
  /** How tlsforge is called from this shell; records keep its name. */
  readonly program?: string;
  /** `quiet`: only what is loud; `verbose`: also each build step in full, passed gate, host command and server line. */
  readonly level?: "quiet" | "normal" | "verbose";
}

/** What must not scroll away: it is shown in full when it happens, and its message again at the end. */
export type LoudEvent = Extract<ForgeEvent, { type: "warning" | "fallback" }>;

export interface Renderer {
  readonly emit: Emit;
  /** The loud events so far, each once, in the order they came. */
  summary(): readonly LoudEvent[];
  /** Ends the drawing, repeats the messages of the loud events where others came after (not in `json`), and leaves the terminal as it was. Events after it are dropped. */
  close(): Promise<void>;
}
