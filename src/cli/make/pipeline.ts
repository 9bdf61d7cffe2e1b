import { sealText } from "../../build/index.ts";
import { ForgeError } from "../../errors.ts";
import type { FetchedSource } from "../../fetch/index.ts";
import { refuseEarly, type ResourcePlan } from "../../host/index.ts";
import type { PlannedBuild } from "../../plan/index.ts";
import type { ResolvedRecipe, Site } from "../../recipe/index.ts";
import {
  activate,
  readManifest,
  readReceipt,
  stage,
  type Manifest,
  type Receipt,
  type ViewConflict,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { inputsFingerprint, toolStamp } from "../unchanged/inputs.ts";
import { locationOf, makeAll } from "./make.ts";
import { satisfyRequirements } from "./packages.ts";
import { optional } from "../options/option-values.ts";
import { fetchFor, planSelection, select, type Selection } from "./prepare.ts";
import { preflight } from "./preflight.ts";
import { recordedExposure } from "../serve/exposure.ts";
import { checkMade, checkWarnings } from "./own-tests.ts";
import { siteFor } from "./load.ts";
import { hostText } from "../machine/host-changes.ts";
import { planText } from "./plan-text.ts";
import { noteUser } from "./shared-cache.ts";
import { boundCaches } from "./source-caches.ts";
import {
  leftBehindWarnings,
  onlineText,
  refuseMadeUnsealed,
  refuseOnline,
  refuseUnsealed,
  sealOf,
  unsealedWarning,
} from "./sandbox.ts";
import { unsignedWarnings } from "./unsigned.ts";
import { supportWarnings } from "./support.ts";
import { flawsOf, vulnerableText } from "../serve/vulnerable.ts";
import { counted } from "../../words.ts";
import type { BuildRequest, Grip, Made } from "./types.ts";

/** Everything up to outputs in the store. */
export interface Built {
  readonly site: Site;
  readonly selection: Selection;
  readonly made: readonly Made[];
  readonly previous: Manifest | null;
  readonly fingerprint: string;
}

/** Shows a plan, and asks whether to go on when there is something to build. */
async function showAndAsk(
  context: Context,
  plan: {
    readonly planned: readonly PlannedBuild[];
    readonly selection: Selection;
    readonly hostChanges: readonly ResourcePlan[];
  },
): Promise<void> {
  const changes = plan.hostChanges.filter((entry) => entry.action !== "none");
  const lines = [...planText(plan.planned, plan.selection.resolved), ...hostText(changes)];
  for (const line of [...lines, ...vulnerableText(flawsOf(plan.selection.resolved))])
    context.emit({ type: "notice", message: line });
  const builds = plan.planned.some((entry) => entry.action === "build");
  if (builds || changes.some((entry) => entry.action !== "blocked")) await agreeTo(context, "Go on?");
}

/** Host changes that a run will make besides builds, to be shown and asked about with them. */
export type Preview = (planned: readonly PlannedBuild[], selection: Selection) => Promise<readonly ResourcePlan[]>;

/** Resolve, plan, packages, show and ask, fetch, build. Other runs may be at work in the prefix meanwhile. */
export async function buildStack(
  context: Context,
  { grip, ...request }: BuildRequest & { readonly grip: Grip },
  preview: Preview,
): Promise<Built> {
  const { emit, options } = context;
  // Before anything is read, so that a change while this runs is noticed by the next run.
  const fingerprint = fingerprintOf(context, request);
  const { site, stack } = await siteFor(context, request.stack);
  const previous = await readManifest(options.prefix);
  emit({ type: "phase", phase: "resolve", state: "start" });
  let selection = await select(context, { site, stack: stack.name, options: request.sources });
  emit({
    type: "phase",
    phase: "resolve",
    state: "done",
    detail: selection.resolved.map((recipe) => `${recipe.name} ${recipe.version}`).join(", "),
  });
  emit({ type: "phase", phase: "plan", state: "start" });
  let planned = await planSelection(selection, previous, options.prefix);
  const required = request.sources.requireSandbox === true;
  refuseMadeUnsealed(await receiptsOf(planned), required);
  const toBuild = pendingRecipes(planned);
  refuseOnline({ pending: toBuild, stack: selection.resolved }, request.tests, request.sources);
  if (toBuild.length > 0) {
    preflight(context, selection, planned);
    // Before packages and minutes of building, for a change that cannot be made anyway.
    refuseEarly(await preview(planned, selection));
    await refuseUnsealed(context, required, true);
    const requirements = await satisfyRequirements(context, {
      ...selection,
      pending: toBuild,
      alone: grip.alone,
    });
    await refuseUnsealed(context, required, false);
    selection = { ...selection, requirements };
    planned = await planSelection(selection, previous, options.prefix);
  }
  await grip.needs(planned);
  const pending = planned.filter((entry) => entry.action === "build");
  emit({
    type: "phase",
    phase: "plan",
    state: "done",
    detail: pending.length === 0 ? "nothing to build" : `${pending.length} of ${planned.length} to build`,
  });
  const hostChanges = await preview(planned, selection);
  refuseEarly(hostChanges);
  await showAndAsk(context, { planned, selection, hostChanges });
  emit({ type: "phase", phase: "fetch", state: pending.length === 0 ? "skipped" : "start" });
  if (pending.length > 0) await noteUser(context);
  const sources = await fetchFor(planned, selection);
  if (pending.length > 0)
    emit({ type: "phase", phase: "fetch", state: "done", detail: fetchedText([...sources.values()].flat()) });
  const online = onlineText(pendingRecipes(planned), request.sources.offline);
  const sealed = pending.length === 0 ? {} : { detail: sealText(await sealOf(context), online) };
  emit({ type: "phase", phase: "build", state: "start", ...sealed });
  const making = makeAll(context, selection, {
    planned,
    sources,
    what: grip.what,
    ...optional("keepFailed", request.keepFailed),
  });
  await Promise.allSettled([making]);
  await boundCaches(context, [...sources.values()].flat());
  const outputs = await making;
  // Another run may have built some of them meanwhile.
  refuseMadeUnsealed(
    outputs.map(({ receipt }) => receipt),
    required,
  );
  const made = await checkMade(context, request.tests, { selection, planned, made: outputs });
  emit({ type: "phase", phase: "build", state: "done" });
  return { site, selection, made, previous, fingerprint };
}

/** The same with what another run may have made current while this one built; to be asked for once no other run can. */
export async function afresh<T extends Built>(context: Context, built: T): Promise<T> {
  return { ...built, previous: await readManifest(context.options.prefix) };
}

/** The recipes that have to be built. */
export function pendingRecipes(planned: readonly PlannedBuild[]): readonly ResolvedRecipe[] {
  return planned.filter(({ action }) => action === "build").map(({ derivation }) => derivation.recipe);
}

/** Of what is not to be built. */
async function receiptsOf(planned: readonly PlannedBuild[]): Promise<readonly Receipt[]> {
  const cached = planned.filter(({ action }) => action === "cached");
  const receipts = await Promise.all(cached.map(({ derivation }) => readReceipt(derivation.out)));
  return receipts.filter((receipt) => receipt !== null);
}

/** How many sources there are and how many of them were here already. */
function fetchedText(sources: readonly FetchedSource[]): string {
  const cached = sources.filter((source) => source.location === "cache").length;
  return `${counted(sources.length, "source")}${cached === 0 ? "" : `, ${cached === sources.length ? "all" : cached} from the cache`}`;
}

/** Makes a new generation from what was built and points `current` at it. */
export async function activateBuilt(context: Context, built: Built): Promise<Manifest> {
  return generationFrom(context, built, activate);
}

/** Makes a new generation from what was built, and leaves `current` where it is. */
export async function stageBuilt(context: Context, built: Built): Promise<Manifest> {
  return generationFrom(context, built, stage);
}

async function generationFrom(context: Context, built: Built, make: typeof stage): Promise<Manifest> {
  const { emit, signal, options } = context;
  const recipes = built.made.map(({ derivation }) => derivation.recipe);
  const reproduced = built.selection.stack.purpose === "reproduction";
  emit({ type: "phase", phase: "activate", state: "start" });
  const { manifest, conflicts } = await make(
    options.prefix,
    {
      stack: built.selection.stack.name,
      builds: manifestBuilds(built.made),
      host: built.previous?.host ?? [],
      fingerprint: "",
      tools: toolStamps(built.selection),
      server: null,
      accepted: false,
      report: null,
      warnings: warningsOf(built.made),
      ...(reproduced
        ? { vulnerable: flawsOf(recipes), exposed: recordedExposure(context, built.site.server, ofSameStack(built)) }
        : {}),
    },
    { what: "provision", wait: options.wait, emit, signal },
  );
  for (const message of conflictText(conflicts)) emit({ type: "notice", message });
  emit({ type: "phase", phase: "activate", state: "done", detail: `generation ${manifest.generation}` });
  return manifest;
}

function ofSameStack({ previous, selection }: Built): Manifest | null {
  return previous?.stack === selection.stack.name ? previous : null;
}

/** Names that two outputs want, a line for each output whose files are shown. */
function conflictText(conflicts: readonly ViewConflict[]): readonly string[] {
  const outputs = Map.groupBy(conflicts, ({ path, shown }) => shown.slice(0, -path.length - 1));
  return [...outputs].map(([output, found]) => {
    const names = found.map(({ path }) => path);
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    return `in two outputs, those of ${output} are shown: ${names.slice(0, 3).join(", ")}${more}`;
  });
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

/** Their times change when a header comes or goes, and headers decide what Python is built with. */
const headerFolders = ["/usr/include", "/usr/local/include"];

/** Programs, folders and files whose change makes the quick answer void: a server has been graded by the authority that the site file names. */
export function toolStamps({ requirements, site }: Pick<Selection, "requirements" | "site">): Manifest["tools"] {
  const programs = requirements.flatMap((result) => (result.path === undefined ? [] : [result.path]));
  const { ca } = site.verify;
  return [...new Set([...programs, ...headerFolders, ...(ca === null ? [] : [ca])])]
    .toSorted()
    .flatMap((file) => toolStamp(file) ?? []);
}

/** What a user must not overlook about outputs: versions that were fallen back to, sources that were not verified, support that has ended. */
export function warningsOf(made: readonly Made[]): readonly string[] {
  // What is only reproduced is told with its known holes.
  const inService = made.map(({ derivation }) => derivation.recipe).filter(({ vulnerable }) => vulnerable.length === 0);
  const ended = supportWarnings(inService, new Date());
  const own = made.flatMap(({ derivation: { recipe }, receipt }) => [
    ...(recipe.fallback === undefined
      ? []
      : [`${recipe.name} ${recipe.version} was built because ${recipe.fallback.wanted} could not be had`]),
    ...receipt.sources
      .filter((source) => !source.verified)
      .map((source) => `${receipt.recipe} ${receipt.version}: the source ${source.name} is your own and unverified`),
    ...unsealedWarning(receipt),
    ...leftBehindWarnings(receipt),
    ...unsignedWarnings(recipe, receipt),
  ]);
  return [...own, ...ended, ...checkWarnings(made)];
}

/** Digest over everything that a run with this request would look at; own sources make it one of its own. */
export function fingerprintOf(context: Context, request: BuildRequest): string {
  const { options, version, code, recipes, machine } = context;
  const plain = Object.keys(request.sources.sources).length === 0;
  const fingerprint = inputsFingerprint({
    version,
    code,
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
