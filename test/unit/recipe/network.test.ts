import { expect, test } from "vitest";
import { derive } from "../../../src/plan/index.ts";
import { parseRecipe, resolveRecipe } from "../../../src/recipe/index.ts";

const platform = { os: "linux", arch: "x86_64", libc: "gnu" } as const;

/** A recipe of one step. */
function parse(step: string) {
  const text = `schema: tlsforge.recipe/1\nname: sample\nsummary: A package\nlicense: MIT\nversions:\n  - { version: "1.0", support: { status: supported } }\nsteps:\n  - ${step}\n`;
  return parseRecipe({ text, path: "recipe.yaml", folder: "/recipes/sample" });
}

function keyOf(step: string): string {
  const recipe = resolveRecipe({ recipe: parse(step), version: "1.0", sourceIndex: 0, platform, inputs: {} });
  return derive({ recipe, files: [], platform, prefix: "/p", inputs: [], tools: {} }).key;
}

test.each(["run: [cargo, fetch]", "configure: [./configure]", "make: {}", "install: {}"])(
  "%s may need the network",
  (step) => {
    expect(parse(`{ ${step}, network: true }`).steps[0]).toMatchObject({ network: true });
    expect(parse(`{ ${step} }`).steps[0]).not.toHaveProperty("network");
    expect(keyOf(`{ ${step}, network: true }`)).not.toBe(keyOf(`{ ${step} }`));
  },
);

test.each([
  "{ patch: patches/x.patch, network: true }",
  '{ files: [{ to: "${out}/x", content: x }], network: true }',
  "{ run: [x], network: false }",
])("%s is refused", (step) => {
  expect(() => parse(step)).toThrow(/network|the truth value false/u);
});
