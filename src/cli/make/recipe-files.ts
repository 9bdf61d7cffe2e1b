import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { RecipeFile } from "../../plan/index.ts";
import { refuse, type Problem, type Recipe, type ResolvedRecipe } from "../../recipe/index.ts";

/** Checks that what a recipe's steps read in its folder is there, whichever version it is for. Throws one ForgeError `recipe-invalid` with the places. */
export async function checkRecipeFiles({ folder, spans }: Recipe): Promise<void> {
  const problems: Problem[] = [];
  for (const [name, span] of Object.entries(spans?.files ?? {})) {
    const file = path.join(folder, name);
    const facts = await stat(file).catch(() => null);
    if (facts?.isFile() === true || facts?.isDirectory() === true) continue;
    const message = facts === null ? `the file is missing: ${file}` : `${file} is no regular file`;
    problems.push({ message, span, hint: "put it there, or mend the name" });
  }
  if (problems.length > 0) refuse("recipe-invalid", problems);
}

/** The files of its folder that a recipe's steps read (patches, copied files and folders), with their digests. */
export async function recipeFiles(recipe: ResolvedRecipe): Promise<readonly RecipeFile[]> {
  const named = recipe.steps.flatMap((step) => {
    if (step.kind === "patch") return [step.file];
    return step.kind === "files" ? step.files.flatMap((file) => (file.from === undefined ? [] : [file.from])) : [];
  });
  const files: RecipeFile[] = [];
  for (const name of new Set(named)) files.push(...(await describe(recipe, name)));
  return files;
}

async function describe(recipe: ResolvedRecipe, name: string): Promise<RecipeFile[]> {
  const file = path.join(recipe.folder, name);
  const facts = await stat(file).catch((error: unknown) => {
    throw new ForgeError("recipe-invalid", `recipe ${recipe.name} reads ${name}, which is not in ${recipe.folder}`, {
      cause: error,
    });
  });
  if (facts.isDirectory()) {
    const entries = (await readdir(file)).filter((entry) => entry !== "__pycache__").toSorted();
    return (await Promise.all(entries.map((entry) => describe(recipe, `${name}/${entry}`)))).flat();
  }
  // A device in its place would never end.
  if (!facts.isFile())
    throw new ForgeError(
      "recipe-invalid",
      `recipe ${recipe.name} reads ${name}, which is no regular file in ${recipe.folder}`,
      {
        hint: "put a regular file in its place",
      },
    );
  const sha256 = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  return [{ path: name, sha256, executable: (facts.mode & 0o111) !== 0 }];
}
