import { z } from "zod";
import { lockSchema, recipeSchema, stackSchema } from "./recipe-schema.ts";
import { siteSchema } from "./site.ts";

/**
 * The JSON Schemas that editors complete and check the files with, from the definitions that the parser uses:
 * `recipes/<name>.schema.json` each. `tlsforge recipe schema <name>` prints one.
 */
export function jsonSchemas(): Readonly<Record<"recipe" | "stack" | "site" | "lock", object>> {
  return {
    recipe: toJson(recipeSchema, "A tlsforge recipe (recipe.yaml)"),
    stack: toJson(stackSchema, "A tlsforge stack"),
    site: toJson(siteSchema, "A tlsforge site file (tlsforge.yaml)"),
    lock: toJson(lockSchema, "Locked packages of a tlsforge recipe (lock.yaml)"),
  };
}

/** A schema as its committed file holds it. */
export function jsonSchemaText(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function toJson(schema: z.ZodType, title: string): object {
  return { title, ...z.toJSONSchema(schema, { io: "input" }) };
}
