export type * from "./types.ts";
export { jsonSchemas, jsonSchemaText } from "./json-schema.ts";
export { parseRecipe, parseStack } from "./parse-recipe.ts";
export { problemCount } from "./problems.ts";
export { candidates, resolveRecipe } from "./resolve.ts";
export { minGradeSpan, parseSite } from "./site.ts";
export { checkTogether } from "./together.ts";
export { expand, expandPattern } from "./variables.ts";
export { inRange, newestFirst } from "./versions.ts";
