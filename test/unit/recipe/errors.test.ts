import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import {
  checkTogether,
  parseRecipe,
  parseSite,
  parseStack,
  problemCount,
  type Recipe,
} from "../../../src/recipe/index.ts";

const fixtures = join(import.meta.dirname, "../../fixtures/recipes");
const read = (path: string): string => readFileSync(join(fixtures, path), "utf8");
const names = (folder: string): string[] =>
  readdirSync(join(fixtures, folder))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => basename(file, ".yaml"));

/** What a user reads: the error's message, then each problem. */
function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    return `${error.code}: ${error.message}\n\n${error.details.join("\n\n")}\n`;
  }
  throw new Error("no error");
}

const parse = (text: string, path: string): Recipe => parseRecipe({ text, path, folder: "/recipes/sample" });

describe("each error of a recipe shows its place, what was expected and a hint", () => {
  test.each(names("recipe"))("%s", async (name) => {
    const text = read(`recipe/${name}.yaml`);
    await expect(messageOf(() => parse(text, "sample/recipe.yaml"))).toMatchFileSnapshot(
      join(fixtures, "recipe", `${name}.txt`),
    );
  });
});

describe("each error of a lock file", () => {
  test.each(names("lock"))("%s", async (name) => {
    const lock = { text: read(`lock/${name}.yaml`), path: "sample/lock.yaml" };
    const message = messageOf(() =>
      parseRecipe({ text: read("valid-locked.yaml"), path: "sample/recipe.yaml", folder: "/recipes/sample", lock }),
    );
    await expect(message).toMatchFileSnapshot(join(fixtures, "lock", `${name}.txt`));
  });

  test("a lock file that the recipe does not name", () => {
    const lock = { text: read("valid-lock.yaml"), path: "sample/lock.yaml" };
    expect(
      messageOf(() =>
        parseRecipe({ text: read("valid.yaml"), path: "sample/recipe.yaml", folder: "/recipes/sample", lock }),
      ),
    ).toContain('hint: add "lock: lock.yaml"');
  });
});

describe("each error of a site file", () => {
  test.each(names("site"))("%s", async (name) => {
    const text = read(`site/${name}.yaml`);
    await expect(messageOf(() => parseSite({ text, path: "tlsforge.yaml" }))).toMatchFileSnapshot(
      join(fixtures, "site", `${name}.txt`),
    );
  });
});

test("a file that is wrong in every line shows 20 problems and counts the others", () => {
  const text = Array.from({ length: 50 }, (_, index) => `wrong-${index}: 1\n`).join("");
  const caught = ((): unknown => {
    try {
      return parseSite({ text, path: "tlsforge.yaml" });
    } catch (error) {
      return error;
    }
  })() as { readonly message: string; readonly details: readonly string[] };
  expect(caught.message).toContain("(and 49 more)");
  expect(caught.details).toHaveLength(21);
  expect(caught.details.at(-1)).toBe("and 30 more");
  expect(problemCount(caught.details)).toBe(50);
});

describe("each error of a stack, alone and with its recipes", () => {
  const sample = parse(read("valid.yaml"), "sample/recipe.yaml");
  const openssl = parse(
    read("valid.yaml")
      .replace("name: sample", "name: openssl")
      .replace("[openssl]", "[]")
      .replace("${inputs.openssl}", "")
      .replaceAll("2.10.1", "3.5.1")
      .replace("2.x", "3.5.x")
      .replace('"2.9"', '"3.5.0"'),
    "openssl/recipe.yaml",
  );
  const raised: Recipe = { ...openssl, securityFloor: [{ branch: "3.5.x", version: "3.5.5", reason: "a flaw" }] };

  test.each(names("stack"))("%s", async (name) => {
    const text = read(`stack/${name}.yaml`);
    const recipes = [sample, name === "together-below-floor" ? raised : openssl];
    const message = messageOf(() => checkTogether(recipes, parseStack({ text, path: "stacks/sample.yaml" })));
    await expect(message).toMatchFileSnapshot(join(fixtures, "stack", `${name}.txt`));
  });

  test("an input that no recipe has", () => {
    const lost = parse(read("valid.yaml").replace("[openssl]", "[openssl, opnessl]"), "sample/recipe.yaml");
    const stack = parseStack({ text: read("valid-stack.yaml"), path: "stacks/sample.yaml" });
    expect(messageOf(() => checkTogether([lost, openssl], stack))).toMatchInlineSnapshot(`
      "recipe-invalid: sample/recipe.yaml:6:19: unknown input "opnessl"

      sample/recipe.yaml:6:19: unknown input "opnessl"
          6 | inputs: [openssl, opnessl]
            |                   ^
      expected: one of sample, openssl
      hint: did you mean "openssl"?
      "
    `);
  });

  test("a cycle is named as the path that leads back", () => {
    const back = parse(
      read("valid.yaml")
        .replace("name: sample", "name: openssl")
        .replace("[openssl]", "[sample]")
        .replace("${inputs.openssl}", ""),
      "openssl/recipe.yaml",
    );
    const stack = parseStack({ text: read("valid-stack.yaml").replace('"~3.5"', '"*"'), path: "stacks/sample.yaml" });
    expect(messageOf(() => checkTogether([sample, back], stack))).toMatchInlineSnapshot(`
      "recipe-invalid: sample/recipe.yaml:6:10: cycle: openssl -> sample -> openssl

      sample/recipe.yaml:6:10: cycle: openssl -> sample -> openssl
          6 | inputs: [openssl]
            |          ^
      expected: inputs that do not lead back to the recipe
      hint: remove one of these inputs
      "
    `);
  });

  test("what fits together passes", () => {
    const stack = parseStack({ text: read("valid-stack.yaml"), path: "stacks/sample.yaml" });
    expect(() => checkTogether([sample, openssl], stack)).not.toThrow();
  });
});
