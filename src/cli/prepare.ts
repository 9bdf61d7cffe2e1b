import path from "node:path";
import { ForgeError } from "../errors.ts";
import {
  fetchAll,
  pipDefaultIndex,
  registryBases,
  usableCaches,
  type FetchedSource,
  type FetchOptions,
} from "../fetch/index.ts";
import {
  checkRequirements,
  nodeHost,
  toolIdentity,
  toolPaths,
  type Host,
  type RequirementResult,
} from "../host/index.ts";
import { derive, planBuilds, type Derivation, type PlannedBuild } from "../plan/index.ts";
import type { ResolvedRecipe, Site, Source } from "../recipe/index.ts";
import { listReceipts, prefixPaths, readReceipt, type Manifest } from "../store/index.ts";
import { chooseVersions } from "./choose.ts";
import type { Context } from "./context.ts";
import { loadStack, type LoadedStack } from "./load.ts";
import { recipeFiles } from "./recipe-files.ts";

/** Options of `provision`, `plan` and `build`. */
export interface SourceOptions {
  /** `--source NAME=FILE|DIR`, by name. */
  readonly sources: Readonly<Record<string, string>>;
  readonly mirror?: string;
  readonly offline: boolean;
}

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
  const { site, options } = request;
  const loaded = await loadStack(context, request.stack);
  refuseUnknownSources(loaded, options);
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
  const requirements = await tryRequirements(host, resolved);
  return { ...loaded, site, host, resolved, requirements, fetch, options, home: context.home };
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
  const wanted = planned.filter((entry) => entry.action === "build").map((entry) => entry.derivation.recipe);
  const needsIndex = (source: Source): boolean => source.locations.some((location) => location.kind === "pypi");
  const options = { ...selection.fetch, overrides: selection.options.sources };
  const all = distinct(wanted.flatMap((recipe) => recipe.sources));
  const plain = await fetchAll(
    all.filter((source) => !needsIndex(source)),
    options,
  );
  const bases =
    selection.fetch.bases.pypi === null
      ? { ...selection.fetch.bases, pypi: await indexOf(plain, selection) }
      : selection.fetch.bases;
  const indexed = await fetchAll(all.filter(needsIndex), { ...options, bases });
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

async function fetchOptions(context: Context, host: Host, options: SourceOptions): Promise<FetchOptions> {
  const bases = await registryBases({
    environment: context.environment,
    home: context.home,
    readFile: host.readFile,
    list: host.list,
    pipDefault: null,
  });
  const caches = [
    path.join(context.home, ".cache", "tlsforge", "sources"),
    prefixPaths(context.options.prefix).sources,
  ];
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

async function digestsOfOwn(selection: Selection): Promise<Record<string, string>> {
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
