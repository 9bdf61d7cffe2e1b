export type * from "./types.ts";
export type { TextFile } from "./document.ts";
export { jsonSchemas, jsonSchemaText } from "./json-schema.ts";
export { parseRecipe, parseStack, type RecipeText } from "./parse-recipe.ts";
export { candidates, floorAbove, resolveRecipe, type Choice } from "./resolve.ts";
export { parseSite } from "./site.ts";
export { checkTogether } from "./together.ts";
export { expand, expandPattern } from "./variables.ts";
export { inRange, newestFirst } from "./versions.ts";
