/** The source of a recipe that ships, fetched as a build would. */
import { readFile, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fetchAll, pipDefaultIndex, registryBases } from "../../src/fetch/index.ts";
import { parseRecipe } from "../../src/recipe/index.ts";
import { root } from "./checkout.ts";

/** Fetches the main source of a version into a cache of its own; `path` is where it lies, `name` its file name. */
export async function fetchMain(
  recipe: string,
  { version, cache }: { readonly version: string; readonly cache: string },
): Promise<{ readonly path: string; readonly name: string }> {
  const folder = join(root, "recipes", recipe);
  const path = join(folder, "recipe.yaml");
  const { versions } = parseRecipe({ text: await readFile(path, "utf8"), path, folder });
  const [source] = versions.find((entry) => entry.version === version)?.sources ?? [];
  if (source === undefined) throw new Error(`${recipe} has no version ${version}`);
  const bases = await registryBases({
    environment: process.env,
    home: homedir(),
    readFile: (file) => readFile(file, "utf8").catch(() => null),
    list: (at) => readdir(at).catch(() => []),
    pipDefault: await pipDefaultIndex({ home: homedir() }),
  });
  const [fetched] = await fetchAll([{ name: recipe, ...source, unpack: "main" }], {
    caches: [cache],
    bases,
    offline: false,
    emit: () => undefined,
    signal: new AbortController().signal,
    environment: process.env,
  });
  if (fetched === undefined) throw new Error(`${recipe} ${version} was not fetched`);
  return { path: fetched.path, name: source.file };
}
