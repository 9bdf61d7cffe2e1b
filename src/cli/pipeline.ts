import { ForgeError } from "../errors.ts";
import type { FetchedSource } from "../fetch/index.ts";
import type { PlannedBuild } from "../plan/index.ts";
import type { Site } from "../recipe/index.ts";
import { activate, lockPrefix, openPrefix, readManifest, type Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";
import { inputsFingerprint, toolStamp } from "./inputs.ts";
import { locationOf, makeAll, type Made } from "./make.ts";
import { satisfyRequirements } from "./packages.ts";
import { fetchFor, planSelection, select, type Selection, type SourceOptions } from "./prepare.ts";
import { loadSite, loadStack, stackNames } from "./load.ts";
import { planText } from "./plan-text.ts";

/** What `provision` and `build` are asked for. */
export interface BuildRequest {
  /** The stack named on the command line; else the site file's. */
  readonly stack: string | null;
  readonly sources: SourceOptions;
  readonly minGrade: string | null;
}

/** Everything up to outputs in the store. */
export interface Built {
  readonly site: Site;
  readonly selection: Selection;
  readonly made: readonly Made[];
  readonly previous: Manifest | null;
  readonly fingerprint: string;
}

/**
 * Checks what the user wrote (site file, stack, recipes) before it waits for anybody, then holds the prefix while the work goes on. The files
 * are read again then: another run may have gone before.
 */
export async function holdingPrefix<T>(
  context: Context,
  request: BuildRequest & { readonly what: string },
  work: () => Promise<T>,
): Promise<T> {
  const { emit, signal, options } = context;
  const site = await loadSite(context);
  await loadStack(context, request.stack ?? site.stack);
  await openPrefix(options.prefix, { create: true });
  const release = await lockPrefix(options.prefix, { what: request.what, wait: options.wait, emit, signal });
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Shows a plan, and asks whether to go on when there is something to build. */
async function showAndAsk(context: Context, planned: readonly PlannedBuild[], selection: Selection): Promise<void> {
  for (const line of planText(planned, selection.resolved)) context.emit({ type: "notice", message: line });
  if (planned.some((entry) => entry.action === "build")) await agreeTo(context, "Go on?");
}

/** Resolve, plan, packages, show and ask, fetch, build. */
export async function buildStack(context: Context, request: BuildRequest): Promise<Built> {
  const { emit, options } = context;
  const site = await loadSite(context);
  await stackNames(context);
  // Before anything is read from the recipes, so that a change while this runs is noticed by the next run.
  const fingerprint = fingerprintOf(context, request);
  const previous = await readManifest(options.prefix);
  emit({ type: "phase", phase: "resolve", state: "start" });
  let selection = await select(context, { site, stack: request.stack ?? site.stack, options: request.sources });
  emit({
    type: "phase",
    phase: "resolve",
    state: "done",
    detail: selection.resolved.map((recipe) => `${recipe.name} ${recipe.version}`).join(", "),
  });
  const requirements = await satisfyRequirements(context, selection);
  selection = { ...selection, requirements };
  emit({ type: "phase", phase: "plan", state: "start" });
  const planned = await planSelection(selection, previous, options.prefix);
  const pending = planned.filter((entry) => entry.action === "build");
  emit({
    type: "phase",
    phase: "plan",
    state: "done",
    detail: pending.length === 0 ? "nothing to build" : `${pending.length} of ${planned.length} to build`,
  });
  await showAndAsk(context, planned, selection);
  emit({ type: "phase", phase: "fetch", state: pending.length === 0 ? "skipped" : "start" });
  const sources = await fetchFor(planned, selection);
  if (pending.length > 0)
    emit({ type: "phase", phase: "fetch", state: "done", detail: fetchedText([...sources.values()].flat()) });
  emit({ type: "phase", phase: "build", state: "start" });
  const made = await makeAll(context, selection, { planned, sources });
  emit({ type: "phase", phase: "build", state: "done" });
  return { site, selection, made, previous, fingerprint };
}

/** How many sources there are and how many of them were here already. */
function fetchedText(sources: readonly FetchedSource[]): string {
  const cached = sources.filter((source) => source.location === "cache").length;
  return `${sources.length} sources${cached === 0 ? "" : `, ${cached === sources.length ? "all" : cached} from the cache`}`;
}

/** Makes a new generation from what was built and points `current` at it. */
export async function activateBuilt(context: Context, built: Built): Promise<Manifest> {
  const { emit, signal, options } = context;
  emit({ type: "phase", phase: "activate", state: "start" });
  const { manifest, conflicts } = await activate(
    options.prefix,
    {
      stack: built.selection.stack.name,
      builds: manifestBuilds(built.made),
      host: built.previous?.host ?? [],
      fingerprint: built.fingerprint,
      tools: toolStamps(built.selection),
      server: null,
      report: null,
      warnings: warningsOf(built.made),
    },
    { what: "provision", wait: options.wait, emit, signal },
  );
  for (const conflict of conflicts)
    emit({ type: "notice", message: `${conflict.path} is in two outputs: ${conflict.shown} is shown` });
  emit({ type: "phase", phase: "activate", state: "done", detail: `generation ${manifest.generation}` });
  return manifest;
}

/** Builds as a manifest holds them. */
export function manifestBuilds(made: readonly Made[]): Manifest["builds"] {
  return made.map(({ derivation, receipt }) => ({
    recipe: derivation.recipe.name,
    version: derivation.recipe.version,
    key: derivation.key,
    out: derivation.out,
    location: locationOf(receipt),
  }));
}

/** Whether two generations show the same outputs. */
export function sameBuilds(a: Manifest["builds"], b: Manifest["builds"]): boolean {
  return a.map((build) => build.key).join() === b.map((build) => build.key).join();
}

/** Programs whose replacement makes the quick answer void. */
export function toolStamps(selection: Selection): Manifest["tools"] {
  const paths = selection.requirements.flatMap((result) => (result.path === undefined ? [] : [result.path]));
  return [...new Set(paths)].toSorted().flatMap((file) => toolStamp(file) ?? []);
}

/** What a user must not overlook about outputs: versions that were fallen back to, sources that were not verified. */
export function warningsOf(made: readonly Made[]): readonly string[] {
  return made.flatMap(({ receipt }) => [
    ...(receipt.fallback === undefined
      ? []
      : [`${receipt.recipe} ${receipt.version} was built because ${receipt.fallback.wanted} could not be had`]),
    ...receipt.sources
      .filter((source) => !source.verified)
      .map((source) => `${receipt.recipe} ${receipt.version}: the source ${source.name} is your own and unverified`),
  ]);
}

function fingerprintOf(context: Context, request: BuildRequest): string {
  const { options, version, recipes, machine } = context;
  const plain = Object.keys(request.sources.sources).length === 0;
  const fingerprint = inputsFingerprint({
    version,
    recipes,
    config: options.config,
    stack: request.stack,
    machine,
    prefix: options.prefix,
    minGrade: request.minGrade,
  });
  return plain ? fingerprint : `${fingerprint} with own sources`;
}

/** Asks whether to go on, or demands `--yes` where nobody can be asked. */
async function agreeTo(context: Context, question: string): Promise<void> {
  if (context.options.yes) return;
  if (!context.interactive) {
    throw new ForgeError("usage", "this would build and change things, and there is no terminal to ask on", {
      hint: "add --yes, or look first with tlsforge plan",
    });
  }
  if (!(await context.confirm(question)))
    throw new ForgeError("interrupted", "stopped, as you said; nothing was changed");
}
