import { readdir } from "node:fs/promises";
import path from "node:path";
import { ForgeError, type Span } from "../../errors.ts";
import {
  checkTogether,
  checkFit,
  parseRecipe,
  parseSite,
  parseStack,
  siteSpan,
  type Recipe,
  type Site,
  type Stack,
} from "../../recipe/index.ts";
import { orderRecipes } from "../../plan/index.ts";
import { readManifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { entriesIn, readTextIfThere, reasonOf } from "../files.ts";
import { exposureOf } from "../serve/exposure.ts";
import { checkAuthority, checkFolders, checkMaterial, type SiteFile } from "./site-files.ts";

/** A stack with the recipes it names and those that they need, in build order. */
export interface LoadedStack {
  readonly stack: Stack;
  readonly recipes: readonly Recipe[];
}

/** Reads and checks the site file and the folders it names; all defaults when there is none. */
export async function loadSite(context: Pick<Context, "options">): Promise<Site> {
  const file = context.options.config;
  return file === null ? parseSite(null) : checkSite(await readSite(file));
}

/** The grade that a site file writes in `verify.min-grade` itself, and where; null where only the default would say one. Throws as `loadSite`. */
export async function writtenMinGrade(path: string): Promise<{ readonly grade: string; readonly span: Span } | null> {
  const file = await readSite(path);
  const { verify } = await checkSite(file);
  const span = siteSpan(file, "verify", "min-grade");
  return span === null || verify.minGrade === null ? null : { grade: verify.minGrade, span };
}

async function readSite(path: string): Promise<SiteFile> {
  return { text: await readText(path, "site file", "create it (an empty file is valid), or leave --config out"), path };
}

/** Checks a site file's text, that the folders it names are there, and the authority it is graded with. Throws `site-invalid`. */
export async function checkSite(file: SiteFile): Promise<Site> {
  const site = parseSite(file);
  await checkFolders(site, file);
  await checkAuthority(site, file);
  return site;
}

/**
 * The site file, read once and checked, also against the stack: the one that is named, else the site file's. `exposed` is asked about addresses
 * that others reach. Throws as `loadSite` and `loadStack`, `site-invalid` for what the stack is not made for, and as `checkMaterial`.
 */
export async function loadSiteFor(
  context: Pick<Context, "options" | "recipes">,
  named: string | null,
  exposed: (stack: Stack, address: string) => boolean,
): Promise<LoadedStack & { readonly site: Site }> {
  const { config } = context.options;
  const file = config === null ? null : await readSite(config);
  const site = file === null ? parseSite(null) : await checkSite(file);
  const loaded = await loadStack(context, named ?? site.stack);
  const { stack } = loaded;
  checkFit(site, stack, { file, exposed: (address) => exposed(stack, address) });
  if (file !== null) await checkMaterial(site, file, stack.purpose);
  return { ...loaded, site };
}

/** The site and stack of a command that builds: what the current generation of that stack has been insisted on counts. */
export async function siteFor(context: Context, stack: string | null): ReturnType<typeof loadSiteFor> {
  const previous = await readManifest(context.options.prefix);
  return loadSiteFor(context, stack, ({ name }, address) =>
    exposureOf(context, previous?.stack === name ? previous : null)(address),
  );
}

/** Reads and checks a stack and its recipes together: every problem of one file at once, then those between files. */
export async function loadStack(context: Pick<Context, "recipes">, name: string): Promise<LoadedStack> {
  const file = path.join(context.recipes, "stacks", `${name}.yaml`);
  const known = await stackNames(context);
  if (!known.includes(name)) {
    throw new ForgeError("usage", `there is no stack named ${JSON.stringify(name)}`, {
      hint: `use one of ${known.join(", ")}, as the argument or as stack: of the site file`,
    });
  }
  const stack = parseStack({ text: await readText(file, "stack", "mend the file, or name another stack"), path: file });
  const recipes = await loadRecipes(context, stack);
  checkTogether(recipes, stack);
  const wanted = new Set(Object.keys(stack.recipes));
  const ordered = orderRecipes(recipes.filter((recipe) => wanted.has(recipe.name)));
  return { stack, recipes: ordered.flatMap((entry) => recipes.filter((recipe) => recipe.name === entry)) };
}

/** Names of the stacks there are. Throws `usage` when the folder of recipes has no folder of stacks. */
export async function stackNames(context: Pick<Context, "recipes">): Promise<readonly string[]> {
  const folder = path.join(context.recipes, "stacks");
  const entries = await readdir(folder).catch((error: unknown) => {
    throw new ForgeError("usage", `there are no stacks in ${folder}: ${reasonOf(error)}`, {
      cause: error,
      hint: "name a folder that holds recipes, and stacks in a folder named stacks, with --recipes or TLSFORGE_RECIPES",
    });
  });
  return entries
    .filter((entry) => entry.endsWith(".yaml"))
    .map((entry) => entry.slice(0, -5))
    .toSorted();
}

/** Names of the folders that are recipes', in order. Throws `usage` when the folder of recipes cannot be read. */
export async function recipeNames(context: Pick<Context, "recipes">): Promise<readonly string[]> {
  const entries = await entriesIn(context.recipes);
  return entries.filter((entry) => entry.isDirectory() && entry.name !== "stacks").map(({ name }) => name);
}

/** Every recipe below a folder, those of `lines` from the file of their line; without those that the stack does not name and that are broken. */
async function loadRecipes(
  context: Pick<Context, "recipes">,
  { recipes: wanted, lines }: Stack,
): Promise<readonly Recipe[]> {
  const recipes: Recipe[] = [];
  for (const name of await recipeNames(context)) {
    const recipe = await recipeIn(path.join(context.recipes, name), lines[name] ?? "recipe").catch((error: unknown) => {
      if (name in wanted || !(error instanceof ForgeError)) throw error;
      return null;
    });
    if (recipe !== null) recipes.push(recipe);
  }
  return recipes;
}

async function recipeIn(folder: string, line: string): Promise<Recipe | null> {
  const file = path.join(folder, `${line}.yaml`);
  const text = await readTextIfThere(file);
  return text === null ? null : loadRecipe({ text, path: file, folder });
}

/** One recipe with its lock file, when it has one: `lock.yaml` beside `recipe.yaml`, `LINE.lock.yaml` beside `LINE.yaml`. */
export async function loadRecipe(file: {
  readonly text: string;
  readonly path: string;
  readonly folder: string;
}): Promise<Recipe> {
  const line = path.basename(file.path, ".yaml");
  const lockPath = path.join(file.folder, line === "recipe" ? "lock.yaml" : `${line}.lock.yaml`);
  const lock = await readTextIfThere(lockPath);
  return parseRecipe({ ...file, ...(lock === null ? {} : { lock: { text: lock, path: lockPath } }) });
}

/** The text of a file that has to be there. Throws `usage` with the hint. */
export async function readText(file: string, what: string, hint: string): Promise<string> {
  const text = await readTextIfThere(file).catch((error: unknown) => {
    if (error instanceof ForgeError) throw error;
    throw new ForgeError("usage", `the ${what} ${file} cannot be read: ${reasonOf(error)}`, { cause: error, hint });
  });
  if (text === null) throw new ForgeError("usage", `the ${what} ${file} is not there`, { hint });
  return text;
}
