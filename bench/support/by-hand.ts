/** The record that `bench:classic` stores, and what `bench:cold` makes of it. */
import type { Receipt } from "../../src/store/index.ts";
import type { Machine } from "./machine.ts";
import { elapsedSeconds } from "./receipts.ts";
import { round } from "./statistics.ts";

export interface HandStep {
  readonly step: "unpack" | "configure" | "make" | "install";
  readonly argv: readonly string[];
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** One package built by hand. Its seconds leave the unpacking out, in favour of the old way. */
export interface HandBuild {
  readonly recipe: string;
  readonly version: string;
  readonly sha256: string;
  readonly steps: readonly HandStep[];
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** What the finished product said of itself. */
  readonly proof: string;
  readonly machine: Machine;
}

export interface HandRecord {
  readonly schema: "tlsforge.bench/1";
  readonly bench: "classic";
  readonly builds: readonly HandBuild[];
}

/** One package both ways. */
export interface Comparison {
  readonly recipe: string;
  readonly version: string;
  readonly ours: Seconds;
  readonly byHand: Seconds;
  readonly ratio: { readonly cpu: number; readonly wall: number };
}

export interface Seconds {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** Ours against by hand, and both packages together when both are there. Another version is not compared, and named in `left`. */
export function compare(
  ours: readonly Receipt[],
  byHand: readonly HandBuild[],
): { readonly rows: readonly Comparison[]; readonly sum: Comparison | null; readonly left: readonly string[] } {
  const rows: Comparison[] = [];
  const left: string[] = [];
  const compared: Receipt[] = [];
  for (const hand of byHand) {
    const own = ours.find((build) => build.recipe === hand.recipe);
    if (own?.version === hand.version) {
      rows.push(against(hand, { ours: own, byHand: hand }));
      compared.push(own);
    } else left.push(`${hand.recipe}: by hand ${hand.version}, here ${own?.version ?? "not built"}`);
  }
  const whole = ["openssl", "python"].every((recipe) => compared.some((build) => build.recipe === recipe));
  const byHandBoth = add(rows.map((row) => row.byHand));
  const oursBoth = { ...add(compared), wallSeconds: elapsedSeconds(compared) };
  const both = { recipe: "openssl + python", version: "" };
  return { rows, sum: whole ? against(both, { ours: oursBoth, byHand: byHandBoth }) : null, left };
}

function against(
  { recipe, version }: { readonly recipe: string; readonly version: string },
  { ours, byHand }: { readonly ours: Seconds; readonly byHand: Seconds },
): Comparison {
  const ratio = (name: keyof Seconds): number => round(ours[name] / byHand[name]);
  return {
    recipe,
    version,
    ours: only(ours),
    byHand: only(byHand),
    ratio: { cpu: ratio("cpuSeconds"), wall: ratio("wallSeconds") },
  };
}

function only({ wallSeconds, cpuSeconds }: Seconds): Seconds {
  return { wallSeconds: round(wallSeconds), cpuSeconds: round(cpuSeconds) };
}

function add(all: readonly Seconds[]): Seconds {
  const total = (name: keyof Seconds): number => all.reduce((sum, one) => sum + one[name], 0);
  return { wallSeconds: total("wallSeconds"), cpuSeconds: total("cpuSeconds") };
}
