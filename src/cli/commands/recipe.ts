import { stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { checkKeys } from "../../fetch/index.ts";
import { jsonSchemas, jsonSchemaText, parseStack, problemCount } from "../../recipe/index.ts";
import type { Context } from "../context.ts";
import { entriesIn, reasonOf } from "../files.ts";
import { beginnings, kindOf } from "../lint-kind.ts";
import { checkRecipeFiles } from "../make/recipe-files.ts";
import { checkSite, loadRecipe, loadSiteFor, loadStack, readText, recipeNames, stackNames } from "../make/load.ts";
import { errorFields, type Result } from "../result.ts";

/** Checks recipes, stacks and site files: those named, else every recipe and stack of the folder. Every problem of every file is told; exit 2 when there is one. */
export async function lint(context: Context, files: readonly string[]): Promise<Result> {
  const problems: ForgeError[] = [];
  const checked = files.length > 0 ? files.map((file) => path.resolve(context.cwd, file)) : [];
  for (const file of checked) await attempt(problems, () => lintFile(context, file));
  if (checked.length === 0) await lintFolder(context, problems);
  const names = checked.length > 0 ? checked : [context.recipes];
  const first = problems[0];
  if (first === undefined)
    return {
      outcome: "done",
      exitCode: 0,
      fields: { files: names, problems: [] },
      text: `No problem in ${names.join(", ")}.\n`,
    };
  const details = problems.flatMap((problem) => (problem.details.length > 0 ? problem.details : [problem.message]));
  const count = problemCount(details);
  const all = new ForgeError(
    "recipe-invalid",
    `${count} ${count === 1 ? "problem" : "problems"} in ${names.join(", ")}`,
    { details, hint: `mend what is shown above${problems.some(isOfSite) ? `; ${beginnings}` : ""}` },
  );
  return { outcome: "failed", exitCode: 2, fields: { ...errorFields(all) }, text: "", error: all };
}

/** The JSON Schema of a file format, for editors. */
export function schema(kind: string): Result {
  const schemas: Readonly<Record<string, object>> = jsonSchemas();
  const found = Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
  if (found === undefined)
    throw new ForgeError("usage", `there is no schema named ${JSON.stringify(kind)}`, {
      hint: `use one of ${Object.keys(schemas).join(", ")}`,
    });
  return { outcome: "done", exitCode: 0, fields: {}, text: jsonSchemaText(found) };
}

/** Each recipe and stack of the folder for itself, and when all are sound, each stack together with its recipes. */
async function lintFolder(context: Context, problems: ForgeError[]): Promise<void> {
  const stacks = await stackNames(context);
  for (const name of await recipeNames(context))
    await attempt(problems, async () => {
      for (const file of await recipeFiles(path.join(context.recipes, name)))
        await attempt(problems, () => lintFile(context, file));
    });
  for (const stack of stacks)
    await attempt(problems, () => lintFile(context, path.join(context.recipes, "stacks", `${stack}.yaml`)));
  if (problems.length > 0) return;
  for (const stack of stacks) await attempt(problems, () => loadStack(context, stack));
}

/** Files of a recipe's folder that are recipes: `recipe.yaml` and its lines. */
async function recipeFiles(folder: string): Promise<readonly string[]> {
  const entries = await entriesIn(folder);
  return entries
    .filter(({ name }) => /^[a-z0-9-]+\.yaml$/.test(name) && name !== "lock.yaml")
    .map(({ name }) => path.join(folder, name));
}

async function lintFile(context: Context, file: string): Promise<void> {
  const facts = await stat(file).catch((error: unknown) => {
    throw new ForgeError("usage", `${file} cannot be read: ${reasonOf(error)}`, {
      cause: error,
      hint: "name a recipe, stack or site file, or a recipe's folder",
    });
  });
  const text = facts.isDirectory() ? path.join(file, "recipe.yaml") : file;
  const content = await readText(
    text,
    "file",
    "name a recipe, stack or site file, or a folder that holds a recipe.yaml",
  );
  const kind = kindOf({ text: content, path: text });
  if (kind === "stack") parseStack({ text: content, path: text });
  else if (kind === "recipe") {
    const recipe = await loadRecipe({ text: content, path: text, folder: path.dirname(text) });
    await checkKeys(recipe);
    await checkRecipeFiles(recipe);
  } else await lintSite(context, { text: content, path: text });
}

async function lintSite(context: Context, file: { readonly text: string; readonly path: string }): Promise<void> {
  const { stack } = await checkSite(file);
  const known = await stackNames(context);
  if (known.includes(stack)) {
    await loadSiteFor(
      { ...context, options: { ...context.options, config: file.path } },
      null,
      () => context.options.exposed,
    );
    return;
  }
  throw new ForgeError("site-invalid", `${file.path}: stack: there is no stack named ${JSON.stringify(stack)}`, {
    hint: `use one of ${known.join(", ")}`,
  });
}

/** What has no schema is taken for a site file, which it may not have been meant for. */
function isOfSite({ code }: ForgeError): boolean {
  return code === "site-invalid";
}

async function attempt(problems: ForgeError[], check: () => Promise<unknown>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    problems.push(error);
  }
}
