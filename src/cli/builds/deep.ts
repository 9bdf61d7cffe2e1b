/** Whether the outputs in the store are as they were built, and building those anew that are not. */
import { existsSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { FetchedSource } from "../../fetch/index.ts";
import { requirementError, type Host } from "../../host/index.ts";
import type { PlannedBuild } from "../../plan/index.ts";
import {
  compareContents,
  listReceipts,
  lockAlone,
  outputsInUse,
  readManifest,
  readReceipt,
  type ContentsVerdict,
  type Manifest,
  type Receipt,
} from "../../store/index.ts";
import { sizeText } from "../../words.ts";
import type { Check } from "../checks.ts";
import type { Context } from "../context.ts";
import { loadSite } from "../make/load.ts";
import { makeAll } from "../make/make.ts";
import { neededFor } from "../make/packages.ts";
import { preflight } from "../make/preflight.ts";
import { boundCaches } from "../make/source-caches.ts";
import { fetchFor, machine, planSelection, select, type Selection } from "../make/prepare.ts";
import type { SourceOptions } from "../make/types.ts";

/** How many differences a check names. */
const mostNamed = 5;

/** What a run has found out of outputs, by their folders. */
export type Looks = ReadonlyMap<string, Look>;

/**
 * A check for each output in the store: every file, folder and link of it against the digest that its receipt has, and for file capabilities, which
 * no build gives; one more where those cannot be asked for. `known`: what need not be looked at again.
 */
export async function contentsChecks(context: Context, known: Looks = new Map()): Promise<readonly Check[]> {
  const { program, options } = context;
  const { prefix } = options;
  if (!existsSync(prefix)) return [];
  const checks: Check[] = [];
  const lookAt = await looker(context);
  let unasked: Unasked | null = null;
  const { reasons } = await outputsInUse(prefix);
  const current = new Set((await readManifest(prefix))?.builds.map(({ out }) => out));
  const receipts = await listReceipts(prefix);
  for (const receipt of receipts) {
    const name = path.basename(receipt.out);
    const check = { id: `contents:${name}`, fix: null };
    const { verdict, untestable } = known.get(receipt.out) ?? (await lookAt(receipt));
    unasked ??= untestable;
    const what = labelOf(receipt, receipts);
    const isCurrent = current.has(receipt.out);
    if (verdict.outcome === "intact") {
      const size = `${verdict.entries} files, folders and links, ${sizeText(verdict.bytes)}`;
      checks.push({ ...check, outcome: "pass", message: `${what}: as it was built (${size})` });
    } else if (verdict.outcome === "untestable") {
      checks.push({
        ...check,
        outcome: "unknown",
        message: `${what}: whether it was changed is untestable: ${verdict.reason}${isCurrent ? "" : "; the current generation does not use it"}`,
        fix: isCurrent
          ? null
          : `${program} gc --keep 1 removes it, with generations that are neither current nor the newest`,
      });
    } else {
      const { differences } = verdict;
      const more = differences.length > mostNamed ? `; and ${differences.length - mostNamed} more` : "";
      checks.push({
        ...check,
        outcome: "fail",
        message: `${what} was changed since it was built (${receipt.out}): ${differences.slice(0, mostNamed).join("; ")}${more}`,
        fix: reasons.has(name)
          ? `${reasons.get(name)}: stop the server (${program} stop), then run ${program} doctor --deep --repair, then ${program} launch`
          : `run ${program} doctor --deep --repair`,
      });
    }
  }
  if (unasked !== null) checks.push({ id: "capabilities", outcome: "unknown", ...unasked });
  return checks;
}

/** Its name, with what its folder begins with where another one has the same. */
function labelOf({ recipe, version, key }: Receipt, all: readonly Receipt[]): string {
  const same = all.filter((other) => other.recipe === recipe && other.version === version);
  return `${recipe} ${version}${same.length > 1 ? ` (${key.slice(0, 16)})` : ""}`;
}

/** Why file capabilities cannot be asked for, and what to do. */
type Unasked = Pick<Check, "message" | "fix">;

/** How an output compares with its receipt. Whoever may run a program with a capability has it, so that one is a change though no byte is another. */
interface Look {
  readonly verdict: ContentsVerdict;
  readonly untestable: Unasked | null;
}

async function looker(context: Context): Promise<(receipt: Receipt) => Promise<Look>> {
  const host = machine(context, await loadSite(context));
  const getcap = await host.which("getcap");
  return async (receipt) => {
    const verdict = await compareContents(receipt);
    const found = await capabilitiesIn(host, getcap, receipt.out);
    if ("message" in found) return { verdict, untestable: found };
    if (found.length === 0) return { verdict, untestable: null };
    const differences = verdict.outcome === "changed" ? verdict.differences : [];
    return { verdict: { outcome: "changed", differences: [...found, ...differences] }, untestable: null };
  };
}

/** A line for each file of an output that has a capability; getcap says nothing of the others. */
async function capabilitiesIn(host: Host, getcap: string | null, out: string): Promise<readonly string[] | Unasked> {
  if (host.platform.os !== "linux") return [];
  const what = "whether files of outputs have capabilities is untestable";
  if (getcap === null) return { message: `${what}: getcap is missing`, fix: "install it (Debian: libcap2-bin)" };
  const { exitCode, stdout, stderr } = await host.exec([getcap, "-r", out], { timeoutSeconds: 300 });
  const found = stdout.split("\n").filter((line) => line !== "");
  if (found.length === 0 && (exitCode !== 0 || stderr !== ""))
    return { message: `${what}: getcap -r ${out}: ${stderr.trim() || `exit code ${exitCode}`}`, fix: null };
  return found.map((line) => `${line.replace(`${out}/`, "")}: a capability, which no build gives`);
}

/**
 * Builds every output of the current generation that was changed, has lost its receipt or is gone anew, in its place: its path is part of what it
 * is. That is done only while no process uses it and no other run is at work; the changed one stays until the new one is whole, and when the build fails.
 * Gives a line of the checks for each, a failed one for what cannot be built as it was, and what was found of all that was not built anew. Throws
 * `prefix-busy` (in use: by whom, and what to do), `not-found` when that is so of all that was changed, and what a build throws.
 */
export async function repairOutputs(
  context: Context,
  places: SourceOptions,
): Promise<{ readonly checks: readonly Check[]; readonly looks: Looks }> {
  const { emit, signal, options } = context;
  const { prefix, wait } = options;
  // A lock would make it.
  if (!existsSync(prefix)) return { checks: [], looks: new Map() };
  const release = await lockAlone(prefix, { what: "doctor --repair", wait, emit, signal });
  const fetched: FetchedSource[] = [];
  try {
    const looks = new Map<string, Look>();
    const manifest = await readManifest(prefix);
    const changed = await changedReceipts(context, looks);
    const broken: readonly Output[] = [...changed, ...(await withoutReceipt(manifest))];
    if (broken.length === 0) return { checks: [], looks };
    if (manifest === null) throw notRebuildable(context, broken);
    const { selection, planned } = await planOf(context, manifest, places);
    const isPlanned = ({ out }: Output): boolean => planned.some(({ derivation }) => derivation.out === out);
    const lost = broken.filter((output) => !isPlanned(output));
    const wanted = broken.filter(isPlanned);
    if (wanted.length === 0) throw notRebuildable(context, lost);
    await refuseInUse(context, wanted);
    const outs = new Set(wanted.map(({ out }) => out));
    const replace = new Set(changed.map(({ out }) => out));
    const rebuilt = await rebuild(context, selection, { planned, outs, replace, fetched });
    for (const out of outs) looks.delete(out);
    return { checks: [...rebuilt, ...lost.map((one) => lostCheck(context, one))], looks };
  } finally {
    await release();
    await boundCaches(context, fetched);
  }
}

async function changedReceipts(context: Context, looks: Map<string, Look>): Promise<readonly Receipt[]> {
  const lookAt = await looker(context);
  const receipts = await listReceipts(context.options.prefix);
  for (const receipt of receipts) looks.set(receipt.out, await lookAt(receipt));
  return receipts.filter(({ out }) => looks.get(out)?.verdict.outcome === "changed");
}

/** Whatever names an output: its receipt, or where that is lost what a generation says of it. */
type Output = Pick<Receipt, "recipe" | "version" | "out">;

/** Outputs of a generation that are gone, or whose receipt is or cannot be read. */
async function withoutReceipt(manifest: Manifest | null): Promise<readonly Output[]> {
  const builds = manifest?.builds ?? [];
  const receipts = await Promise.all(builds.map(({ out }) => readReceipt(out)));
  return builds.filter((_, index) => receipts[index] === null);
}

async function refuseInUse({ program, options }: Context, changed: readonly Output[]): Promise<void> {
  const { reasons, unseen } = await outputsInUse(options.prefix);
  const used = changed.flatMap(({ recipe, version, out }) => {
    const reason = reasons.get(path.basename(out)) ?? unseen;
    return reason === null ? [] : [`${recipe} ${version}: ${reason}`];
  });
  if (used.length === 0) return;
  throw new ForgeError(
    "prefix-busy",
    `What was changed is in use and cannot be built anew under it: ${used.join("; ")}`,
    {
      hint: `Stop the server with ${program} stop (end other programs of the prefix too), run ${program} doctor --deep --repair again, then ${program} launch`,
    },
  );
}

async function planOf(
  context: Context,
  manifest: Manifest,
  places: SourceOptions,
): Promise<{ readonly selection: Selection; readonly planned: readonly PlannedBuild[] }> {
  const site = await loadSite(context);
  const selection = await select(context, { site, stack: manifest.stack, options: places });
  return { selection, planned: await planSelection(selection, manifest, context.options.prefix) };
}

async function rebuild(
  context: Context,
  selection: Selection,
  work: {
    readonly planned: readonly PlannedBuild[];
    readonly outs: ReadonlySet<string>;
    /** Of those, the ones that stand until the new one is whole. */
    readonly replace: ReadonlySet<string>;
    /** Gets what was fetched, also of builds that fail. */
    readonly fetched: FetchedSource[];
  },
): Promise<readonly Check[]> {
  const { planned, outs, replace, fetched } = work;
  const forced = withInputs(planned, outs).map((entry): PlannedBuild =>
    outs.has(entry.derivation.out)
      ? { derivation: entry.derivation, action: "build", why: "it is not as it was built" }
      : entry,
  );
  const recipes = forced.flatMap(({ action, derivation }) => (action === "build" ? [derivation.recipe] : []));
  const problem = requirementError(selection.host, neededFor(recipes, selection.requirements));
  if (problem !== null) throw problem;
  preflight(context, selection, forced);
  const sources = await fetchFor(forced, selection);
  fetched.push(...[...sources.values()].flat());
  const made = await makeAll(context, selection, { planned: forced, sources, what: "doctor --repair", replace });
  return made.flatMap(({ cached, receipt }): Check[] => {
    const message = `${receipt.recipe} ${receipt.version}: built anew in its place`;
    return cached ? [] : [{ id: `repaired:${path.basename(receipt.out)}`, outcome: "info", message, fix: null }];
  });
}

/** What is to be built, and what it is built with. */
function withInputs(planned: readonly PlannedBuild[], outs: ReadonlySet<string>): readonly PlannedBuild[] {
  const wanted = new Set(outs);
  for (const { derivation } of planned.toReversed())
    if (wanted.has(derivation.out)) for (const input of derivation.inputs) wanted.add(input.out);
  return planned.filter(({ derivation }) => wanted.has(derivation.out));
}

function lostCheck(context: Context, output: Output): Check {
  const { message, hint = null } = notRebuildable(context, [output]);
  return { id: `repaired:${path.basename(output.out)}`, outcome: "fail", message, fix: hint };
}

function notRebuildable({ program }: Context, outputs: readonly Output[]): ForgeError {
  const names = outputs.map(({ recipe, version, out }) => `${recipe} ${version} (${out})`).join(", ");
  return new ForgeError("not-found", `Cannot be built anew in its place: ${names}`, {
    details: [
      "what it was built from or with (recipe, source, compiler) has changed since, or the current generation does not use it",
    ],
    hint: `${program} provision builds the current versions elsewhere and makes a generation of them; ${program} gc --keep 1 then removes what was changed`,
  });
}
