/** A command against the start of a bare Node, in turns, so that what else happens on the machine meets both. */
import { ForgeError } from "../../src/errors.ts";
import { figure, type Figure } from "./figure.ts";
import { busy, type Machine } from "./machine.ts";
import { measure, type Command, type Measured } from "./measure.ts";
import { round, summarise, type Summary } from "./statistics.ts";
import { table } from "./table.ts";

export interface Cost {
  readonly wallMs: Summary;
  readonly cpuMs: Summary;
}

export interface Pairs {
  readonly pairs: number;
  readonly bare: Cost;
  readonly command: Cost;
  /** What the command takes beyond the bare start of its own pair. */
  readonly beyond: Cost;
  readonly totalCpuSeconds: number;
}

/** Runs `count` pairs, each the other way round than the one before. `check` sees what each run of the command printed, and throws when that is not what is to be measured. */
export async function runPairs(
  command: Command,
  options: { readonly count: number; readonly signal: AbortSignal; readonly check: (stdout: string) => void },
): Promise<Pairs> {
  const bare: Measured[] = [];
  const own: Measured[] = [];
  const runBare = async (): Promise<void> => {
    bare.push(await measure({ argv: [process.execPath, "-e", "0"] }, options));
  };
  const runOwn = async (): Promise<void> => {
    const run = await measure(command, options);
    if (run.exitCode !== 0)
      throw new ForgeError("incomplete", `${command.argv.join(" ")} ended with exit ${run.exitCode}`);
    options.check(run.stdout);
    own.push(run);
  };
  for (let pair = 0; pair < options.count; pair += 1) {
    const order = pair % 2 === 0 ? [runBare, runOwn] : [runOwn, runBare];
    for (const run of order) await run();
  }
  const differences = own.map((run, index) => subtract(run, bare[index]));
  const totalCpuSeconds = round([...bare, ...own].reduce((sum, run) => sum + run.cpuSeconds, 0));
  return { pairs: options.count, bare: cost(bare), command: cost(own), beyond: cost(differences), totalCpuSeconds };
}

/** The median of the wall times beyond a bare start, held against a limit in milliseconds. */
export function beyondFigure(
  what: string,
  atMost: number,
  seen: { readonly pairs: Pairs; readonly machine: Machine },
): Figure {
  const { wallMs, cpuMs } = seen.pairs.beyond;
  // Nothing finishes faster than its CPU time spread over all cores: above the limit, noise is no excuse.
  const certain = cpuMs.median / seen.machine.cores > atMost;
  const measured = { value: wallMs.median, atMost, unit: "ms" };
  return figure(`${what} beyond bare Node, wall, median`, measured, certain ? false : busy(seen.machine));
}

/** The three rows as a table, in milliseconds. */
export function pairsText(name: string, found: Pairs): string {
  const row = (label: string, { wallMs, cpuMs }: Cost): readonly string[] => [
    label,
    ...[wallMs, cpuMs].flatMap(({ median, min, max }) => [median, min, max].map((value) => value.toFixed(1))),
  ];
  return table([
    [`${found.pairs} pairs, ms`, "wall median", "min", "max", "CPU median", "min", "max"],
    row("node -e 0", found.bare),
    row(name, found.command),
    row("difference", found.beyond),
  ]);
}

type Times = Pick<Measured, "wallSeconds" | "cpuSeconds">;

function subtract(run: Times, bare: Times | undefined): Times {
  if (bare === undefined) throw new Error("a pair has no bare start");
  return { wallSeconds: run.wallSeconds - bare.wallSeconds, cpuSeconds: run.cpuSeconds - bare.cpuSeconds };
}

function cost(runs: readonly Times[]): Cost {
  return {
    wallMs: summarise(runs.map((run) => run.wallSeconds * 1000)),
    cpuMs: summarise(runs.map((run) => run.cpuSeconds * 1000)),
  };
}
