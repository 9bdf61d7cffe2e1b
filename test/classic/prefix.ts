/** The exact stack of 2013, which nobody can download here: `npm run test:classic` with TLSFORGE_TEST_CLASSIC naming a prefix that has it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The prefix. Throws when it has not the stack classic-2013. */
export function classicPrefix(): string {
  const prefix = process.env["TLSFORGE_TEST_CLASSIC"] ?? "";
  if (manifestOf(prefix).stack !== "classic-2013")
    throw new Error(`${prefix} is no prefix with the stack classic-2013`);
  return prefix;
}

/** The store path of a recipe in it. */
export function outputOf(recipe: string): string {
  const build = manifestOf(classicPrefix()).builds.find((each) => each.recipe === recipe);
  if (build === undefined) throw new Error(`there is no build of ${recipe}`);
  return build.out;
}

interface Built {
  readonly stack: string;
  readonly builds: readonly { readonly recipe: string; readonly out: string }[];
}

function manifestOf(prefix: string): Built {
  return JSON.parse(readFileSync(join(prefix, "current", "manifest.json"), "utf8")) as Built;
}
