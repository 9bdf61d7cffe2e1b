/** The recipes that ship: NAME/recipe.yaml, and NAME/LINE.yaml for the lines of a recipe. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseRecipe, type Recipe } from "../../src/recipe/index.ts";
import { root } from "./checkout.ts";

export const recipesFolder = join(root, "recipes");

/** Files of recipes, relative to `recipesFolder`. */
export const recipeFiles: readonly string[] = readdirSync(recipesFolder, { recursive: true, encoding: "utf8" })
  .filter((file) => /^[a-z0-9-]+\/[a-z0-9-]+\.yaml$/.test(file) && !/^stacks\/|\/lock\.yaml$/.test(file))
  .toSorted();

/** The lock file that a recipe's file would have. */
export function lockOf(file: string): string {
  return file.endsWith("/recipe.yaml") ? file.replace("recipe.yaml", "lock.yaml") : file.replace(".yaml", ".lock.yaml");
}

export function shippedRecipe(file: string): Recipe {
  const path = join(recipesFolder, file);
  const lock = join(recipesFolder, lockOf(file));
  return parseRecipe({
    text: readFileSync(path, "utf8"),
    path,
    folder: dirname(path),
    ...(existsSync(lock) ? { lock: { text: readFileSync(lock, "utf8"), path: lock } } : {}),
  });
}
