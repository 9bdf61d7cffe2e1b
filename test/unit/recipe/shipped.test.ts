import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import {
  candidates,
  checkTogether,
  jsonSchemas,
  parseRecipe,
  parseStack,
  resolveRecipe,
  type Platform,
  type Recipe,
} from "../../../src/recipe/index.ts";

const folder = join(import.meta.dirname, "../../../recipes");
/** Every recipe file: NAME/recipe.yaml, and NAME/LINE.yaml for the lines of a recipe. */
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => /^[a-z0-9-]+\/[a-z0-9-]+\.yaml$/.test(file) && !/^stacks\/|\/lock\.yaml$/.test(file))
  .toSorted();
const stacks = readdirSync(join(folder, "stacks")).filter((file) => file.endsWith(".yaml"));
const platforms: readonly Platform[] = [
  { os: "linux", arch: "x86_64", libc: "gnu" },
  { os: "linux", arch: "aarch64", libc: "gnu" },
  { os: "freebsd", arch: "x86_64", libc: "none" },
];

function lockOf(file: string): string {
  return file.endsWith("/recipe.yaml") ? file.replace("recipe.yaml", "lock.yaml") : file.replace(".yaml", ".lock.yaml");
}

function load(file: string): Recipe {
  const path = join(folder, file);
  const lock = join(folder, lockOf(file));
  return parseRecipe({
    text: readFileSync(path, "utf8"),
    path,
    folder: dirname(path),
    ...(existsSync(lock) ? { lock: { text: readFileSync(lock, "utf8"), path: lock } } : {}),
  });
}

describe.each(files)("the shipped recipe %s", (file) => {
  test("has the name of its folder, is accepted, and resolves on every platform of this release", () => {
    const recipe = load(file);
    expect(recipe.name).toBe(dirname(file));
    const versions = candidates(recipe, "*", "reproduction");
    expect(versions.length).toBeGreaterThan(0);
    for (const { version, sources } of versions) {
      for (const platform of platforms) {
        for (let sourceIndex = 0; sourceIndex < Math.max(1, sources.length); sourceIndex += 1) {
          const resolved = resolveRecipe({ recipe, version, sourceIndex, platform, inputs: {} });
          expect(resolved.steps.length).toBeGreaterThan(0);
        }
      }
    }
  });

  test("is accepted by the editor schemas", () => {
    const schemas = jsonSchemas();
    for (const [kind, written] of [["recipe", file] as const, ["lock", lockOf(file)] as const]) {
      const path = join(folder, written);
      if (!existsSync(path)) continue;
      const validate = new Ajv2020({ strict: false }).compile(schemas[kind]);
      expect(validate(parseYaml(readFileSync(path, "utf8"))) || validate.errors).toBe(true);
    }
  });
});

test("a line is for reproduction alone, and no other recipe has a version with known holes", () => {
  for (const file of files) {
    const inService = candidates(load(file), "*").map(({ version }) => version);
    expect([file, inService.length > 0]).toEqual([
      file,
      file.endsWith("/recipe.yaml") && !/^(?:pyopenssl|classic-server)\//.test(file),
    ]);
  }
});

test.each(stacks)("the shipped stack %s fits the shipped recipes", (file) => {
  const path = join(folder, "stacks", file);
  const stack = parseStack({ text: readFileSync(path, "utf8"), path });
  expect(stack.name).toBe(file.replace(".yaml", ""));
  const recipes = files.filter((name) => name === `${dirname(name)}/${stack.lines[dirname(name)] ?? "recipe"}.yaml`);
  expect(() => checkTogether(recipes.map(load), stack)).not.toThrow();
});
