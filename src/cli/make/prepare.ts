import path from "node:path";
import { ForgeError } from "../../errors.ts";
import {
  cargoDefaultIndex,
  fetchAll,
  pipDefaultIndex,
  registryBases,
  usableCaches,
  type FetchedSource,
  type FetchOptions,
} from "../../fetch/index.ts";
import {
  checkRequirements,
  nodeHost,
  toolIdentity,
  toolPaths,
  type Host,
  type RequirementResult,
} from "../../host/index.ts";
import { derive, planBuilds, type Derivation, type PlannedBuild } from "../../plan/index.ts";
import type { ResolvedRecipe, Site, Source } from "../../recipe/index.ts";
import { listReceipts, prefixPaths, readReceipt, type Manifest } from "../../store/index.ts";
import { chooseVersions } from "./choose.ts";
import type { Context } from "../context.ts";
import { loadStack, type LoadedStack } from "./load.ts";
import { refuseChanged, refuseOwnAround } from "./own-sources.ts";
import { recipeFiles } from "./recipe-files.ts";
import { sourcesFolder } from "./shared-cache.ts";
import type { SourceOptions } from "./types.ts";

/** A stack made concrete on this machine, before its builds have keys: which versions, and what the machine lacks. */
export interface Selection extends LoadedStack {
  readonly site: Site;
  readonly host: Host;
  readonly resolved: readonly ResolvedRecipe[];
  readonly requirements: readonly RequirementResult[];
  readonly fetch: FetchOptions;
  readonly options: SourceOptions;
  /** The user's home folder, where an installed pip may be. */
  readonly home: string;
}

/** Chooses versions and tries the requirements. Changes nothing; looks at the network only for what is not in a cache. */
export async function select(
  context: Context,
  request: { readonly site: Site; readonly stack: string; readonly options: SourceOptions },
): Promise<Selection> {
  const found = await resolveSources(context, request);
  return { ...found, requirements: await tryRequirements(found.host, found.resolved) };
}

/** Chooses versions, without a look at what the machine lacks. */
export async function resolveSources(
  context: Context,
  request: { readonly site: Site; readonly stack: string; readonly options: SourceOptions },
): Promise<Omit<Selection, "requirements">> {
  const { site, options } = request;
  const loaded = await loadStack(context, request.stack);
  refuseUnknownSources(loaded, options);
  await refuseOwnAround(context.options.prefix, options.sources);
  const host = machine(context, site);
  const fetch = await fetchOptions(context, host, options);
  const resolved = await chooseVersions({
    recipes: loaded.recipes,
    stack: loaded.stack,
    platform: context.platform,
    own: new Set(Object.keys(options.sources)),
    built: await builtSources(context.options.prefix),
    fetch,
  });
  return { ...loaded, site, host, resolved, fetch, options, home: context.home };
}

/** Digests of the verified sources that the outputs of a prefix were made from. */
async function builtSources(prefix: string): Promise<ReadonlySet<string>> {
  const sources = (await listReceipts(prefix)).flatMap((receipt) => receipt.sources);
  return new Set(sources.filter(({ verified }) => verified).map(({ sha256 }) => sha256));
}

/** Tries every requirement of the recipes, each once. */
export async function tryRequirements(
  host: Host,
  resolved: readonly ResolvedRecipe[],
): Promise<readonly RequirementResult[]> {
  const all = resolved.flatMap((recipe) => recipe.requirements);
  const distinct = new Map(all.map((requirement) => [JSON.stringify(requirement), requirement]));
  return checkRequirements(host, [...distinct.values()]);
}

/** The machine behind the host seam. sudo is used only where the site file lets packages be installed or `--yes` was given. */
export function machine(context: Context, site: Site | null): Host {
  return nodeHost({
    platform: context.platform,
    environment: context.environment,
    uid: context.uid,
    emit: context.emit,
    interactive: context.interactive,
    allowSudo: context.options.yes || site?.host.packages === "install",
    signal: context.signal,
    helper: context.helper,
  });
}

/** Derivations of a selection in build order, with what has to be built and why. */
export async function planSelection(
  selection: Selection,
  previous: Manifest | null,
  prefix: string,
): Promise<readonly PlannedBuild[]> {
  const found = { ...toolIdentity(selection.requirements), ...optionalHeaders(selection.requirements) };
  const remembered = await rememberedTools(previous);
  const ownDigests = await digestsOfOwn(selection);
  const derivations: Derivation[] = [];
  for (const recipe of selection.resolved.map((entry) => withOwnSources(entry, ownDigests))) {
    const names = new Set(recipe.requirements.map((requirement) => requirement.name));
    const known = Object.entries({ ...remembered.get(recipe.name), ...found });
    const tools = Object.fromEntries(known.filter(([name]) => names.has(name)));
    derivations.push(
      derive({
        recipe,
        files: await recipeFiles(recipe),
        platform: selection.host.platform,
        prefix,
        inputs: derivations,
        tools,
        ownDigests,
      }),
    );
  }
  const receipts = await listReceipts(prefix);
  return planBuilds({
    derivations,
    have: new Set(receipts.map((receipt) => receipt.key)),
    previous: previous?.builds ?? [],
  });
}

/**
 * What a wanted header changes in a build is part of the build's identity. Without a compiler nobody can tell whether it is there: then what
 * the last build found counts.
 */
function optionalHeaders(results: readonly RequirementResult[]): Record<string, string> {
  const headers = results.filter(
    ({ requirement, outcome }) =>
      requirement.kind !== "program" && requirement.wanted === true && outcome !== "unknown",
  );
  return Object.fromEntries(
    headers.map((result) => [result.requirement.name, result.outcome === "met" ? "present" : "absent"]),
  );
}

/**
 * The tools that the outputs of a generation were built with, by recipe. An output is not outdated because its compiler has left the machine,
 * as it does in an image that is made in stages.
 */
async function rememberedTools(
  previous: Manifest | null,
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const receipts = await Promise.all((previous?.builds ?? []).map(({ out }) => readReceipt(out)));
  return new Map(receipts.flatMap((receipt) => (receipt === null ? [] : [[receipt.recipe, receipt.tools]])));
}

/** Fetches the sources of the builds that are to be made, all at once. */
export async function fetchFor(
  planned: readonly PlannedBuild[],
  selection: Selection,
): Promise<ReadonlyMap<string, readonly FetchedSource[]>> {
  return fetchSources(
    planned.filter((entry) => entry.action === "build").map((entry) => entry.derivation.recipe),
    selection,
  );
}

/** Fetches the sources of some recipes, all at once; by the recipe's name. */
export async function fetchSources(
  wanted: readonly ResolvedRecipe[],
  selection: Selection,
): Promise<ReadonlyMap<string, readonly FetchedSource[]>> {
  const needsIndex = (source: Source): boolean =>
    source.locations.some(({ kind }) => kind === "pypi" || kind === "crate");
  const options = { ...selection.fetch, overrides: selection.options.sources };
  const all = distinct(wanted.flatMap((recipe) => recipe.sources));
  const plain = await fetchAll(
    all.filter((source) => !needsIndex(source)),
    options,
  );
  const { bases } = selection.fetch;
  const pypi = bases.pypi ?? (await indexOf(plain, selection));
  const crates = bases.crates ?? (await crateIndexOf(selection));
  const indexed = await fetchAll(all.filter(needsIndex), { ...options, bases: { ...bases, pypi, crates } });
  refuseChanged([...plain, ...indexed], await digestsOfOwn(selection));
  const bySource = new Map([...plain, ...indexed].map((fetched) => [sourceKey(fetched.source), fetched]));
  return new Map(
    wanted.map((recipe) => [recipe.name, recipe.sources.flatMap((source) => bySource.get(sourceKey(source)) ?? [])]),
  );
}

/** Absolute paths of required programs, and the folders of those that lie outside of the standard ones. */
export function buildTools(requirements: readonly RequirementResult[]): {
  readonly toolPaths: Readonly<Record<string, string>>;
  readonly toolFolders: readonly string[];
} {
  const paths = toolPaths(requirements);
  const standard = new Set(["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]);
  const folders = Object.values(paths).map((file) => path.dirname(file));
  return { toolPaths: paths, toolFolders: [...new Set(folders)].filter((folder) => !standard.has(folder)) };
}

/** How sources are fetched on this machine, for commands that build nothing. The index of a pip at hand counts where none is configured. */
export async function networkOf(context: Context, site: Site): Promise<FetchOptions> {
  const options = await fetchOptions(context, machine(context, site), { sources: {}, offline: false });
  const { bases } = options;
  return bases.pypi === null
    ? { ...options, bases: { ...bases, pypi: await pipDefaultIndex({ home: context.home }) } }
    : options;
}

async function fetchOptions(context: Context, host: Host, options: SourceOptions): Promise<FetchOptions> {
  const bases = await registryBases({
    environment: context.environment,
    home: context.home,
    readFile: host.readFile,
    list: host.list,
    pipDefault: null,
  });
  const caches = [sourcesFolder(context), prefixPaths(context.options.prefix).sources];
  return {
    caches: await usableCaches(caches, context.emit),
    bases,
    offline: options.offline,
    emit: context.emit,
    signal: context.signal,
    environment: context.environment,
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  };
}

function refuseUnknownSources({ recipes }: LoadedStack, options: SourceOptions): void {
  const names = new Set(recipes.flatMap((recipe) => [recipe.name, ...recipe.lock.map((entry) => entry.project)]));
  const unknown = Object.keys(options.sources).filter((name) => !names.has(name));
  if (unknown.length > 0) {
    throw new ForgeError("usage", `--source names ${unknown.join(", ")}, which no recipe of the stack has`, {
      hint: `use one of ${[...names].toSorted().join(", ")}`,
    });
  }
}

/** Digests of the user's own sources as they were when the run first looked at them: what is built from later has to be the same. */
async function digestsOfOwn(selection: Selection): Promise<Readonly<Record<string, string>>> {
  const known = ownDigests.get(selection.options) ?? hashOwn(selection);
  ownDigests.set(selection.options, known);
  return known;
}

const ownDigests = new WeakMap<SourceOptions, Promise<Readonly<Record<string, string>>>>();

async function hashOwn(selection: Selection): Promise<Readonly<Record<string, string>>> {
  const own = distinct(selection.resolved.flatMap((recipe) => recipe.sources)).filter(
    (source) => source.name in selection.options.sources,
  );
  if (own.length === 0) return {};
  const fetched = await fetchAll(own, { ...selection.fetch, overrides: selection.options.sources });
  return Object.fromEntries(fetched.map((entry) => [entry.source.name, entry.sha256]));
}

/** The default index of a pip at hand: one that is installed, or the one inside of the Python source that was just fetched. */
async function indexOf(fetched: readonly FetchedSource[], selection: Selection): Promise<string | null> {
  const python = fetched.find((entry) => entry.source.name === selection.stack.python);
  return pipDefaultIndex({ home: selection.home, ...(python === undefined ? {} : { pythonSource: python.path }) });
}

/** The default registry of a cargo at hand; looked for only when something comes from it. */
async function crateIndexOf({ requirements, resolved, options }: Selection): Promise<string | null> {
  const { cargo, rustc } = toolPaths(requirements);
  const needed = resolved.some(({ sources }) =>
    sources.some(({ locations }) => locations.some(({ kind }) => kind === "crate")),
  );
  return cargo === undefined || !needed || options.offline ? null : cargoDefaultIndex({ cargo, rustc });
}

/** A source that the user brings and that is not the recipe's own file has no digest to be checked against. */
function withOwnSources(recipe: ResolvedRecipe, digests: Readonly<Record<string, string>>): ResolvedRecipe {
  const replaced = (source: Source): boolean => source.name in digests && digests[source.name] !== source.sha256;
  return {
    ...recipe,
    sources: recipe.sources.map((source) => (replaced(source) ? { ...source, sha256: null } : source)),
  };
}

function distinct(sources: readonly Source[]): readonly Source[] {
  return [...new Map(sources.map((source) => [sourceKey(source), source])).values()];
}

function sourceKey(source: Source): string {
  return `${source.name} ${source.file} ${source.sha256 ?? ""}`;
}
