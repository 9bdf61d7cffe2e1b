import path from "node:path";
import { ForgeError } from "../../errors.ts";

/** What names a build: its recipe and its key, as many digits of it as there are. */
interface Named {
  readonly recipe: string | null;
  readonly key: string;
}

/**
 * Those of some builds (or of their logs) that a user means: all of a recipe's name, or else those of one key, by the beginning of the key, by
 * the name of the log (`KEY.log`) or of the output in the store (`KEY-NAME-VERSION`). Order is kept.
 * Throws `not-found` with names that are like it, and `usage` where the beginning of a key fits several builds.
 */
export async function findBuilds<T extends Named>(
  name: string,
  builds: readonly T[],
  sought: { readonly what: string; readonly more?: string },
): Promise<readonly T[]> {
  const ofRecipe = builds.filter(({ recipe }) => recipe === name);
  if (ofRecipe.length > 0) return ofRecipe;
  const digits = /^([0-9a-f]+)(?:\.(?:\d+\.)?log|-.*)?$/.exec(path.basename(name))?.[1];
  const ofKey = digits === undefined ? [] : builds.filter(({ key }) => key.startsWith(digits));
  const keys = new Map(ofKey.map((build) => [build.key, build]));
  if (keys.size === 1) return ofKey;
  if (keys.size > 1)
    throw new ForgeError("usage", `${name} is the beginning of ${keys.size} keys`, {
      details: [...keys.values()].map(({ key, recipe }) => `${key.slice(0, 16)}  ${recipe ?? ""}`.trimEnd()),
      hint: "give more digits of the one that is meant",
    });
  throw await unknown(name, builds, sought);
}

async function unknown(
  name: string,
  builds: readonly Named[],
  { what, more }: { readonly what: string; readonly more?: string },
): Promise<ForgeError> {
  const recipes = [...new Set(builds.map(({ recipe }) => recipe))].filter((recipe) => recipe !== null).toSorted();
  // The language of recipes comes with its parsers, which a log that is there does not need.
  const near = (await import("../../recipe/index.ts")).nearest(name, recipes);
  const there = recipes.length === 0 ? "there is none" : `there is ${recipes.join(", ")}`;
  const meant = near !== undefined ? `did you mean ${near}?` : "name a recipe or the beginning of a key";
  return new ForgeError("not-found", `there is no ${what} of ${name}`, {
    hint: [meant, there, ...(more === undefined ? [] : [more])].join("; "),
  });
}
