/** A cold build, recipe by recipe, and against the same versions built by hand. */
import { ForgeError } from "../src/errors.ts";
import { compare, type Comparison, type HandRecord, type Seconds } from "./support/by-hand.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { freshBuild, freshBuildOptions, type FreshBuild } from "./support/fresh-build.ts";
import { busy, machineText, type Machine } from "./support/machine.ts";
import { runProgram, type Arguments } from "./support/program.ts";
import { elapsedSeconds, readJson, readReceipts } from "./support/receipts.ts";
import { round } from "./support/statistics.ts";
import { table } from "./support/table.ts";

interface RecipeRow extends Seconds {
  readonly recipe: string;
  readonly version: string;
}

interface Result {
  readonly prefix: string;
  readonly builds: readonly RecipeRow[];
  /** CPU seconds added up, and the wall seconds in which at least one build went on. */
  readonly total: Seconds;
  /** The whole command; null when receipts of an earlier run were read. */
  readonly whole:
    | (Seconds & { readonly command: string; readonly complete: boolean; readonly machine: Machine })
    | null;
  readonly resident: FreshBuild["resident"];
  /** Null without `--classic`. */
  readonly comparison: ReturnType<typeof compare> | null;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "cold",
  summary:
    "A cold build into a fresh prefix: CPU and wall seconds of each recipe, and ratios to the same versions built by hand (bench:classic).",
  options: {
    ...freshBuildOptions,
    read: { help: "build nothing: read the receipts of the prefix, which was built before" },
    classic: { value: "FILE", help: "the classic.json that bench:classic wrote" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const file = given.path("classic");
  const byHand = file === undefined ? null : readJson<HandRecord>(file);
  const { prefix, receipts, fresh } = given.flag("read") ? readPrefix(given) : await build(given, signal);
  const builds = receipts.map(({ recipe, version, wallSeconds, cpuSeconds }) => ({
    recipe,
    version,
    wallSeconds: round(wallSeconds),
    cpuSeconds: round(cpuSeconds),
  }));
  const comparison = byHand === null ? null : compare(receipts, byHand.builds);
  const noisy = fresh === null ? null : busy(fresh.machine);
  const eitherNoisy = noisy === false ? worst(byHand?.builds ?? []) : noisy;
  return {
    prefix,
    builds,
    total: {
      wallSeconds: round(elapsedSeconds(receipts)),
      cpuSeconds: round(receipts.reduce((sum, receipt) => sum + receipt.cpuSeconds, 0)),
    },
    whole: fresh === null ? null : wholeOf(fresh),
    resident: fresh?.resident ?? null,
    comparison,
    figures: [...wholeFigures(fresh, noisy), ...ratioFigures(comparison?.sum ?? null, eitherNoisy)],
  };
}

/** False when others left the machine alone during all builds by hand. */
function worst(byHand: HandRecord["builds"]): boolean | null {
  const all = byHand.map((build) => busy(build.machine));
  return all.includes(true) ? true : all.includes(null) ? null : false;
}

type Source = Pick<FreshBuild, "prefix" | "receipts"> & { readonly fresh: FreshBuild | null };

async function build(given: Arguments, signal: AbortSignal): Promise<Source> {
  const fresh = await freshBuild(given, signal);
  return { prefix: fresh.prefix, receipts: fresh.receipts, fresh };
}

function readPrefix(given: Arguments): Source {
  const prefix = given.path("prefix");
  if (prefix === undefined) throw new ForgeError("usage", "--read wants --prefix DIR");
  const receipts = readReceipts(prefix);
  if (receipts.length === 0)
    throw new ForgeError("not-found", `${prefix} holds no receipts`, { hint: "leave --read out" });
  return { prefix, receipts, fresh: null };
}

function wholeOf({ command, complete, wallSeconds, cpuSeconds, machine }: FreshBuild): NonNullable<Result["whole"]> {
  return { command, complete, wallSeconds, cpuSeconds, machine };
}

function wholeFigures(fresh: FreshBuild | null, noisy: boolean | null): readonly Figure[] {
  if (fresh === null || !fresh.complete) return [];
  const { command, cpuSeconds, wallSeconds } = fresh;
  return [
    figure(`cold ${command}, CPU`, { value: cpuSeconds, atMost: 450, unit: "s" }, false),
    figure(`cold ${command}, wall`, { value: wallSeconds, atMost: 300, unit: "s" }, noisy),
  ];
}

function ratioFigures(sum: Comparison | null, noisy: boolean | null): readonly Figure[] {
  if (sum === null) return [];
  return [
    figure("OpenSSL + Python against by hand, CPU", { value: sum.ratio.cpu, atMost: 0.5, unit: "" }, false),
    figure("OpenSSL + Python against by hand, wall", { value: sum.ratio.wall, atMost: 0.3, unit: "" }, noisy),
  ];
}

function text(result: Result): string {
  const { whole, resident, comparison, total } = result;
  return [
    table([
      [`Cold, ${result.prefix}`, "CPU s", "wall s"],
      ...result.builds.map((build) => row(`${build.recipe} ${build.version}`, build)),
      row("these together", total),
      ...(whole === null ? [] : wholeRows(whole, total)),
    ]),
    ...(comparison === null ? [] : [comparisonText(comparison)]),
    figuresText(result.figures) +
      (resident === null ? "" : `Memory     tlsforge itself: ${resident.peakMB} MB resident at its peak\n`) +
      (whole === null
        ? "Machine    not known: the receipts are of an earlier run, whose wall times may be noise\n"
        : machineText(whole.machine)),
  ].join("\n");
}

function wholeRows(whole: NonNullable<Result["whole"]>, total: Seconds): readonly (readonly string[])[] {
  const { command, complete, cpuSeconds, wallSeconds } = whole;
  const rest = { cpuSeconds: cpuSeconds - total.cpuSeconds, wallSeconds: wallSeconds - total.wallSeconds };
  const label = complete
    ? "all else: fetch, unpack, checks, tlsforge itself"
    : "all else, and builds that --only left unfinished";
  return [row(label, rest), row(`tlsforge ${command}${complete ? "" : ", stopped early"}`, whole)];
}

function row(label: string, { cpuSeconds, wallSeconds }: Seconds): readonly string[] {
  return [label, cpuSeconds.toFixed(1), wallSeconds.toFixed(1)];
}

function comparisonText({ rows, sum, left }: ReturnType<typeof compare>): string {
  const both = ({ recipe, version, ours, byHand, ratio }: Comparison): readonly string[] => [
    `${recipe} ${version}`.trim(),
    ...[ours.cpuSeconds, byHand.cpuSeconds].map((value) => value.toFixed(1)),
    ratio.cpu.toFixed(2),
    ...[ours.wallSeconds, byHand.wallSeconds].map((value) => value.toFixed(1)),
    ratio.wall.toFixed(2),
  ];
  return [
    table([
      ["Against by hand", "CPU s", "by hand", "ratio", "wall s", "by hand", "ratio"],
      ...rows.map(both),
      ...(sum === null ? [] : [both(sum)]),
    ]),
    ...left.map((line) => `Not compared: ${line}\n`),
  ].join("");
}
