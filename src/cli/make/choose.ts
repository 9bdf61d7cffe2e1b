import { ForgeError } from "../../errors.ts";
import { availability, remedyFor, type FetchOptions } from "../../fetch/index.ts";
import {
  candidates,
  resolveRecipe,
  type Platform,
  type Recipe,
  type RecipeVersion,
  type ResolvedRecipe,
  type Source,
  type Stack,
} from "../../recipe/index.ts";

/** What versions are chosen for. `own` names the sources that the user brings: those are taken as they are, without a look at the network. */
export interface ChoiceRequest {
  readonly recipes: readonly Recipe[];
  readonly stack: Pick<Stack, "recipes" | "purpose">;
  readonly platform: Platform;
  readonly own: ReadonlySet<string>;
  /** Digests of sources that outputs in the store were made from: what stands need not be had again. */
  readonly built: ReadonlySet<string>;
  readonly fetch: FetchOptions;
}

/**
 * For each recipe, in build order, the newest version in the stack's range that can be had: built already, in the cache, or at one of its locations. Going
 * one down because a newer one cannot be had is reported as an event and stays in the resolved recipe; the security floor is never passed.
 * When no version can be had: `source-unavailable` with what each location answered.
 */
export async function chooseVersions(request: ChoiceRequest): Promise<readonly ResolvedRecipe[]> {
  const found = await Promise.all(request.recipes.map((recipe) => findVersion(recipe, request)));
  const versions: Record<string, string> = {};
  return request.recipes.map((recipe, index) => {
    const choice = found[index];
    if (choice === undefined) throw new Error(`no choice for ${recipe.name}`);
    versions[recipe.name] = choice.version;
    return resolveRecipe({
      recipe,
      version: choice.version,
      sourceIndex: choice.sourceIndex,
      platform: request.platform,
      inputs: Object.fromEntries(recipe.inputs.map((input) => [input, versions[input] ?? ""])),
      ...(choice.fallback === undefined ? {} : { fallback: choice.fallback }),
    });
  });
}

interface Found {
  readonly version: string;
  readonly sourceIndex: number;
  readonly fallback?: NonNullable<ResolvedRecipe["fallback"]>;
}

async function findVersion(recipe: Recipe, request: ChoiceRequest): Promise<Found> {
  const range = request.stack.recipes[recipe.name] ?? "*";
  const versions = candidates(recipe, range, request.stack.purpose);
  const newest = versions[0];
  if (newest === undefined) {
    throw new ForgeError(
      "recipe-invalid",
      `no version of ${recipe.name} in the range ${range} is at or above the recipe's security floor`,
      {
        hint: "widen the range in the stack file",
      },
    );
  }
  if (newest.sources.length === 0 || request.own.has(recipe.name)) return { version: newest.version, sourceIndex: 0 };
  const reasons: string[] = [];
  for (const version of versions) {
    const sourceIndex = await firstAvailable(recipe, version, { request, reasons });
    if (sourceIndex === null) continue;
    if (version === newest) return { version: version.version, sourceIndex };
    const fallback = { wanted: newest.version, reasons };
    request.fetch.emit({
      type: "fallback",
      recipe: recipe.name,
      wanted: newest.version,
      got: version.version,
      reasons,
    });
    return { version: version.version, sourceIndex, fallback };
  }
  throw new ForgeError(
    "source-unavailable",
    `no version of ${recipe.name} can be had (tried ${versions.map((entry) => entry.version).join(", ")})`,
    {
      details: reasons,
      hint: remedyFor(
        recipe.name,
        newest.sources.flatMap(({ locations }) => locations),
        request.fetch,
      ),
    },
  );
}

async function firstAvailable(
  recipe: Recipe,
  version: RecipeVersion,
  { request, reasons }: { readonly request: ChoiceRequest; readonly reasons: string[] },
): Promise<number | null> {
  const standing = version.sources.findIndex(({ sha256 }) => request.built.has(sha256));
  if (standing >= 0) return standing;
  for (const [index, entry] of version.sources.entries()) {
    const source: Source = { name: recipe.name, ...entry, unpack: "main" };
    const answer = await availability(source, request.fetch);
    if (answer.state !== "unavailable" || awaitsIndex(source, request)) return index;
    reasons.push(...answer.reasons.map((reason) => `${recipe.name} ${version.version}: ${reason}`));
  }
  return null;
}

/** Where no index of Python packages is configured, the sources of this very Python may name one: that is known when they have been fetched. */
function awaitsIndex({ locations }: Source, { fetch }: ChoiceRequest): boolean {
  return !fetch.offline && fetch.bases.pypi === null && locations.some(({ kind }) => kind === "pypi");
}
