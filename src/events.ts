/**
 * Everything the core reports while it works, as data. Renderers in `ui/` print; the core never does. Types only.
 */

/** The phases of `provision`, in order. */
export type Phase = "resolve" | "plan" | "packages" | "fetch" | "build" | "activate" | "host" | "launch" | "verify";

/** One thing that happened. Sizes in bytes, times in seconds. */
export type ForgeEvent =
  | {
      readonly type: "phase";
      readonly phase: Phase;
      readonly state: "start" | "done" | "skipped";
      readonly detail?: string;
    }
  /** A source begins to arrive from a location; `total` when the location told it. */
  | { readonly type: "fetch-start"; readonly source: string; readonly location: string; readonly total?: number }
  | { readonly type: "fetch-progress"; readonly source: string; readonly received: number; readonly total?: number }
  | { readonly type: "fetch-done"; readonly source: string; readonly location: string; readonly bytes: number }
  | {
      readonly type: "fetch-retry";
      readonly source: string;
      readonly location: string;
      readonly reason: string;
      readonly waitSeconds: number;
    }
  /** A location did not deliver; the next one is tried. */
  | { readonly type: "location-failed"; readonly source: string; readonly location: string; readonly reason: string }
  /** Cached sources that nothing needs were removed, the oldest first, down to their bound. */
  | { readonly type: "cache-bounded"; readonly files: number; readonly bytes: number }
  /** A newer version could not be had and an older one, above the security floor, is taken. Always shown loudly. */
  | {
      readonly type: "fallback";
      readonly recipe: string;
      readonly wanted: string;
      readonly got: string;
      readonly reasons: readonly string[];
    }
  | {
      readonly type: "build-start";
      readonly recipe: string;
      readonly version: string;
      readonly key: string;
      readonly log: string;
      readonly expectedSeconds: number;
    }
  | {
      readonly type: "build-step";
      readonly key: string;
      readonly step: string;
      readonly index: number;
      readonly count: number;
    }
  /** The current action in a build: the file being compiled, the package being built. */
  | { readonly type: "build-activity"; readonly key: string; readonly activity: string }
  | {
      readonly type: "build-done";
      readonly recipe: string;
      readonly version: string;
      readonly key: string;
      readonly cached: boolean;
      readonly wallSeconds: number;
      /** Null where nobody has counted. */
      readonly cpuSeconds: number | null;
      /** How far the build was kept to itself, in a sentence. */
      readonly sealed?: string;
    }
  | {
      readonly type: "gate";
      readonly key: string;
      readonly gate: string;
      /** `untestable`: the part of a gate that this machine cannot answer, told beside the gate's own outcome. */
      readonly outcome: "pass" | "fail" | "untestable";
      readonly detail?: string;
    }
  /** `takes`: the build that the holder makes and whose output is taken then. */
  | { readonly type: "lock-wait"; readonly path: string; readonly holder: string; readonly takes?: string }
  | {
      readonly type: "host-command";
      readonly argv: readonly string[];
      readonly elevated: boolean;
      readonly why: string;
    }
  | {
      readonly type: "host-change";
      readonly id: string;
      readonly action: "create" | "update" | "delete" | "blocked" | "skipped";
      readonly detail: string;
    }
  | { readonly type: "server-log"; readonly line: string }
  | { readonly type: "notice"; readonly message: string; readonly hint?: string }
  | { readonly type: "warning"; readonly message: string; readonly hint?: string };

/** Where the core sends its events. Never throws, never waits. */
export type Emit = (event: ForgeEvent) => void;
