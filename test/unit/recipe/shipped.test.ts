import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
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
const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "recipe.yaml")));
const stacks = readdirSync(join(folder, "stacks")).filter((file) => file.endsWith(".yaml"));
const platforms: readonly Platform[] = [
  { os: "linux", arch: "x86_64", libc: "gnu" },
  { os: "linux", arch: "aarch64", libc: "gnu" },
  { os: "freebsd", arch: "x86_64", libc: "none" },
];

function load(name: string): Recipe {
  const path = join(folder, name, "recipe.yaml");
  const lock = join(folder, name, "lock.yaml");
  return parseRecipe({
    text: readFileSync(path, "utf8"),
    path,
    folder: join(folder, name),
    ...(existsSync(lock) ? { lock: { text: readFileSync(lock, "utf8"), path: lock } } : {}),
  });
}

describe.each(names)("the shipped recipe %s", (name) => {
  test("has the name of its folder, is accepted, and resolves on every platform of this release", () => {
    const recipe = load(name);
    expect(recipe.name).toBe(name);
    const versions = candidates(recipe, "*");
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
    for (const kind of ["recipe", "lock"] as const) {
      const file = join(folder, name, `${kind}.yaml`);
      if (!existsSync(file)) continue;
      const validate = new Ajv2020({ strict: false }).compile(schemas[kind]);
      expect(validate(parseYaml(readFileSync(file, "utf8"))) || validate.errors).toBe(true);
    }
  });
});

test.each(stacks)("the shipped stack %s fits the shipped recipes", (file) => {
  const path = join(folder, "stacks", file);
  const stack = parseStack({ text: readFileSync(path, "utf8"), path });
  expect(stack.name).toBe(file.replace(".yaml", ""));
  expect(() => checkTogether(names.map(load), stack)).not.toThrow();
});
