export type * from "./types.ts";
export type { TextFile } from "./document.ts";
export { parseRecipe, parseStack, type RecipeText } from "./parse-recipe.ts";
export { candidates, floorAbove, resolveRecipe, type Choice } from "./resolve.ts";
export { expand, expandPattern } from "./variables.ts";
export { inRange, newestFirst } from "./versions.ts";
