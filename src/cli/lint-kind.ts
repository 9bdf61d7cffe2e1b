import path from "node:path";
import { refuse } from "../recipe/index.ts";

/** What `recipe lint` can check by itself. */
export type FileKind = "recipe" | "stack" | "site";

/** How each kind of file begins, for who has to choose. */
export const beginnings =
  "a recipe begins with schema: tlsforge.recipe/1, a stack with schema: tlsforge.stack/1; " +
  "a site file has no schema, but keys among stack, server, host and verify";

/**
 * The kind of a file, by its `schema`: without one it is a site file, or by its name a recipe. Throws `recipe-invalid` for an unknown schema, and
 * for a file that holds nothing and is not named as a site file is.
 */
export function kindOf({ text: whole, path: file }: { readonly text: string; readonly path: string }): FileKind {
  // A byte order mark is no part of the first key.
  const text = whole.replace(/^\uFEFF/, "");
  const found = /^schema:[ \t]*["']?([^\s"'#]*)/m.exec(text);
  const name = path.basename(file);
  if (found === null && !isEmpty(text)) return name === "recipe.yaml" ? "recipe" : "site";
  if (found === null && name === "tlsforge.yaml") return "site";
  const kind = /^tlsforge\.(recipe|stack)\/1$/.exec(found?.[1] ?? "")?.[1];
  if (kind === "recipe" || kind === "stack") return kind;
  const [before, schema] = [text.slice(0, found?.index ?? 0).split("\n"), found?.[1]];
  const message =
    schema === undefined
      ? "it holds nothing that says what it is"
      : `the schema "${schema}" is of no file that is checked here`;
  const hint = hintFor(schema);
  const line = text.split("\n")[before.length - 1] ?? "";
  const span = { file, line: before.length, column: 1, ...(schema === undefined ? {} : { text: line }) };
  return refuse("recipe-invalid", [{ message, span, expected: beginnings, hint }]);
}

/** Comments and marks of a document are nothing. */
function isEmpty(text: string): boolean {
  return text.split("\n").every((line) => /^\s*(?:#.*|---|\.\.\.)?\s*$/.test(line));
}

function hintFor(schema: string | undefined): string | undefined {
  if (schema === undefined) return "an empty site file is valid: name it tlsforge.yaml";
  if (!schema.startsWith("tlsforge.lock/")) return undefined;
  return "packages that are locked are checked with the recipe that they belong to: name its folder";
}
