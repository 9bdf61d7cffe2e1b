import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import {
  candidates,
  checkTogether,
  jsonSchemas,
  parseStack,
  resolveRecipe,
  type Platform,
} from "../../../src/recipe/index.ts";
import { lockOf, recipeFiles, recipesFolder, shippedRecipe } from "../../tools/shipped.ts";

const folder = recipesFolder;
const stacks = readdirSync(join(folder, "stacks")).filter((file) => file.endsWith(".yaml"));
const platforms: readonly Platform[] = [
  { os: "linux", arch: "x86_64", libc: "gnu" },
  { os: "linux", arch: "aarch64", libc: "gnu" },
  { os: "freebsd", arch: "x86_64", libc: "none" },
];

describe.each(recipeFiles)("the shipped recipe %s", (file) => {
  test("has the name of its folder, is accepted, and resolves on every platform of this release", () => {
    const recipe = shippedRecipe(file);
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
  for (const file of recipeFiles) {
    const inService = candidates(shippedRecipe(file), "*").map(({ version }) => version);
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
  const recipes = recipeFiles.filter(
    (name) => name === `${dirname(name)}/${stack.lines[dirname(name)] ?? "recipe"}.yaml`,
  );
  expect(() => checkTogether(recipes.map(shippedRecipe), stack)).not.toThrow();
});
