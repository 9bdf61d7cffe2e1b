import type { ForgeEvent, Phase } from "../events.ts";
import { shellLine, sizeText } from "../words.ts";
import { duration } from "./text.ts";
import type { Style } from "./text.ts";
import type { RendererOptions } from "./types.ts";

type Level = NonNullable<RendererOptions["level"]>;

/** One line for people about an event. `level`: the least talkative setting at which it is shown. */
export interface Line {
  readonly text: string;
  readonly level: Level;
  readonly style?: Style;
}

const phaseNames: Readonly<Record<Phase, string>> = {
  resolve: "reading recipes",
  plan: "planning",
  packages: "checking what the builds need of this machine",
  fetch: "fetching sources",
  build: "building",
  activate: "activating",
  host: "setting up the machine",
  launch: "launching the server",
  verify: "grading the server over the wire",
};

export function phaseName(phase: Phase): string {
  return phaseNames[phase];
}

/** Whether a line at its level is shown under the chosen one. */
export function isShown(line: Line, chosen: Level): boolean {
  const order: readonly Level[] = ["quiet", "normal", "verbose"];
  return order.indexOf(line.level) <= order.indexOf(chosen);
}

/**
 * What an event says to people, as unsanitised lines without colour. `elapsed`: seconds since the phase or build began that this event ends.
 * `build`: name of the build that the event belongs to. Progress that a later event supersedes (bytes received, current compile) gives none.
 */
export function describe(event: ForgeEvent, elapsed: number, build = "build"): readonly Line[] {
  switch (event.type) {
    case "phase":
      return phaseLines(event, elapsed);
    case "fetch-start":
      return [{ text: `  ${event.source}: from ${event.location}${total(event.total)}`, level: "verbose" }];
    case "fetch-done":
      return [
        {
          text: `  ${event.source}: fetched, ${sizeText(event.bytes)} from ${event.location} [${duration(elapsed)}]`,
          level: event.location === "cache" ? "verbose" : "normal",
        },
      ];
    case "fetch-retry":
      return [
        {
          text: `  ${event.source}: ${event.reason}; again in ${duration(event.waitSeconds)} (${event.location})`,
          level: "normal",
        },
      ];
    case "location-failed":
      return [{ text: `  ${event.source}: not from ${event.location}: ${event.reason}`, level: "normal" }];
    case "cache-bounded":
      return [
        {
          text: `  caches: ${event.files} ${event.files === 1 ? "file" : "files"} of sources that nothing needs removed (${sizeText(event.bytes)})`,
          level: "verbose",
        },
      ];
    case "build-start":
      return [
        {
          text: `  ${event.recipe} ${event.version}: building, about ${duration(event.expectedSeconds)}; log: ${event.log}`,
          level: "normal",
        },
      ];
    case "build-step":
      return stepText(event, build);
    case "build-done":
      return [{ text: `  ${builtText(event)}`, level: "normal", style: "good" }];
    case "gate":
      if (event.outcome === "untestable")
        return [{ text: `    gate ${event.gate}: cannot be judged here${suffix(event.detail)}`, level: "normal" }];
      return event.outcome === "fail"
        ? [{ text: `    gate ${event.gate} failed${suffix(event.detail)}`, level: "quiet", style: "error" }]
        : [{ text: `    gate ${event.gate} passed${suffix(event.detail)}`, level: "verbose" }];
    case "lock-wait":
      return [{ text: `waiting for ${waitText(event)}`, level: "quiet", style: "warning" }];
    case "host-command":
      return [
        {
          text: `  ${event.elevated ? "with privilege" : "running"}: ${shellLine(event.argv)} (${event.why})`,
          level: event.elevated ? "quiet" : "verbose",
        },
      ];
    case "host-change":
      return [{ text: `  ${event.id}: ${event.action}${suffix(event.detail)}`, level: "normal" }];
    case "server-log":
      return [{ text: `  server: ${event.line}`, level: "verbose" }];
    case "notice":
      return [{ text: event.message, level: "normal" }, ...hintLines(event.hint, "normal")];
    case "warning":
      return [
        { text: `warning: ${event.message}`, level: "quiet", style: "warning" },
        ...hintLines(event.hint, "quiet"),
      ];
    case "fallback":
      return [
        {
          text: `warning: ${event.recipe} ${event.wanted} could not be had, taking ${event.got}`,
          level: "quiet",
          style: "warning",
        },
        ...event.reasons.map((reason): Line => ({ text: `  ${reason}`, level: "quiet" })),
      ];
    case "fetch-progress":
    case "build-activity":
      return [];
  }
}

function phaseLines(event: Extract<ForgeEvent, { type: "phase" }>, elapsed: number): readonly Line[] {
  const name = phaseName(event.phase);
  switch (event.state) {
    case "start":
      return [{ text: `${name}${suffix(event.detail)}`, level: "normal", style: "strong" }];
    case "done":
      return [{ text: `${name}: done${suffix(event.detail)} [${duration(elapsed)}]`, level: "normal" }];
    case "skipped":
      return [{ text: `${name}: skipped${suffix(event.detail)}`, level: "normal" }];
  }
}

function stepText(event: Extract<ForgeEvent, { type: "build-step" }>, build: string): readonly Line[] {
  const short = stepProgress(event);
  const full: Line = { text: `      ${event.step.replaceAll(/\s+/g, " ")}`, level: "verbose" };
  return [{ text: `  ${build}: ${short}`, level: "normal" }, ...(shortStep(event.step) === event.step ? [] : [full])];
}

/** Which step a build is at: `make build_sw (2/5)`. Events count steps from 0, people from 1. */
export function stepProgress({ step, index, count }: Extract<ForgeEvent, { type: "build-step" }>): string {
  return `${shortStep(step)} (${index + 1}/${count})`;
}

/** A step's title cut to its kind and program, without the variables of the recipe: `configure`, `run pip wheel …`. */
export function shortStep(title: string): string {
  const [kind = "", ...words] = title.trim().split(/\s+/);
  if (kind === "configure" || kind === "python-env") return kind;
  // A program inside another build's output is known by its file name.
  const plain = words.map((word, at) => (kind === "run" && at === 0 ? word.replace(/^.*\//, "") : word));
  const end = plain.findIndex((word) => word.includes("${"));
  const kept = [kind, ...(end === -1 ? plain : plain.slice(0, end))].join(" ");
  if (kept.length > longestStep) return `${kept.slice(0, longestStep - 2).trimEnd()} …`;
  return end === -1 || kind !== "run" ? kept : `${kept} …`;
}

const longestStep = 40;

/** How a build ended, in words. */
export function builtText(event: Extract<ForgeEvent, { type: "build-done" }>): string {
  const name = `${event.recipe} ${event.version}`;
  if (event.cached) return `${name}: already built`;
  const cpu = event.cpuSeconds === null ? "" : `, CPU ${duration(event.cpuSeconds)}`;
  return `${name}: built [${duration(event.wallSeconds)}${cpu}]`;
}

function waitText({ holder, path, takes }: Extract<ForgeEvent, { type: "lock-wait" }>): string {
  return takes === undefined ? `${holder}, which holds ${path}` : `${holder}; takes its build of ${takes}`;
}

function suffix(detail: string | undefined): string {
  return detail === undefined || detail === "" ? "" : `: ${detail}`;
}

function total(bytes: number | undefined): string {
  return bytes === undefined ? "" : `, ${sizeText(bytes)}`;
}

function hintLines(hint: string | undefined, level: Level): readonly Line[] {
  return hint === undefined ? [] : [{ text: `  hint: ${hint}`, level }];
}
