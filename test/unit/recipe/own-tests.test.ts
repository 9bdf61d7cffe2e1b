import { describe, expect, test } from "vitest";
import { excludedFrom, parseRecipe, resolveRecipe, stepsOfCheck, type Recipe } from "../../../src/recipe/index.ts";
import { derive } from "../../../src/plan/index.ts";
import { shippedRecipe } from "../../tools/shipped.ts";

const text = (check: readonly string[]): string =>
  [
    "schema: tlsforge.recipe/1",
    "name: thing",
    "summary: x",
    "license: MIT",
    'versions: [{ version: "1.0", support: { status: supported } }]',
    "steps:",
    '  - configure: [./configure, "--prefix=${out}", --no-tests]',
    "  - make: {}",
    "  - install: {}",
    '  - run: ["${out}/bin/thing", --mend]',
    "check:",
    "  name: its tests",
    "  results: tap",
    ...check.map((line) => `  ${line}`),
    "",
  ].join("\n");
const usual = [
  "without: [--no-tests]",
  'exclude-as: "-{test}"',
  "exclude:",
  "  - { test: flaky, reason: depends on the hour }",
  "  - { test: other, reason: needs another system, when: { os: freebsd } }",
  "steps:",
  '  - make: { targets: [test], variables: { TESTS: "${check.tests} ${check.excluded}", LINES: "${check.excluded.lines}", KEPT: "$${check.tests} ${jobs}" } }',
];
const parse = (lines: readonly string[]): Recipe =>
  parseRecipe({ text: text(lines), path: "recipe.yaml", folder: "/r" });
const platform = { os: "linux", arch: "x86_64", libc: "gnu" } as const;
const resolve = (recipe: Recipe) => resolveRecipe({ recipe, version: "1.0", sourceIndex: 0, platform, inputs: {} });

describe("steps of a check", () => {
  const resolved = resolve(parse(usual));

  test("are the recipe's own until it installs, without the words that leave tests out, then its own", () => {
    expect(stepsOfCheck(resolved, [])).toMatchObject([
      { kind: "configure", argv: ["./configure", "--prefix=${out}"] },
      { kind: "make", targets: [] },
      {
        kind: "make",
        targets: ["test"],
        variables: { TESTS: " -flaky", LINES: "-flaky", KEPT: "$${check.tests} ${jobs}" },
      },
    ]);
  });

  test("run the tests that are named, excluded ones too", () => {
    const last = stepsOfCheck(resolved, ["one", "flaky"])?.at(-1);
    expect(last).toMatchObject({ variables: { TESTS: "one flaky " } });
    expect(resolved.check && excludedFrom(resolved.check, ["flaky"])).toEqual([]);
  });

  test("are no part of the build key", () => {
    const key = (recipe: Recipe): string =>
      derive({ recipe: resolve(recipe), files: [], platform, prefix: "/p", inputs: [], tools: {} }).key;
    const other = usual.map((line) => line.replace("flaky", "another"));
    expect(key(parse(other))).toBe(key(parse(usual)));
  });
});

test.each([
  [
    "a word that no step has",
    usual.map((line) => line.replace("--no-tests", "--no-test")),
    'no step of this recipe has the word "--no-test"',
  ],
  [
    "a variable that there is not",
    usual.map((line) => line.replace("${check.tests} ", "${check.test} ")),
    'did you mean "${check.tests}"?',
  ],
  ["an exclusion without a reason", usual.map((line) => line.replace(", reason: depends on the hour", "")), "reason"],
  [
    "a file elsewhere than in the build's folders",
    [...usual, "  - files: [{ to: /etc/x, content: x }]"],
    '"/etc/x" is outside of the output and of the build\'s folder',
  ],
  [
    "a form of exclusion that names no test",
    usual.map((line) => line.replace("-{test}", "-x")),
    "a text that holds {test}",
  ],
])("%s is refused", (_, lines, message) => {
  expect(() => parse(lines)).toThrow(expect.objectContaining({ code: "recipe-invalid" }) as Error);
  const told = ((): string => {
    try {
      parse(lines);
    } catch (error) {
      return (error as { details: readonly string[] }).details.join("\n") + String(error);
    }
    return "";
  })();
  expect(told).toContain(message);
});

test("outside of check its variables are unknown", () => {
  const lines = text(usual).replace("--prefix=${out}", "--prefix=${check.tests}");
  expect(() => parseRecipe({ text: lines, path: "recipe.yaml", folder: "/r" })).toThrow("unknown variable");
});

test("the tests of OpenSSL and Python that the shipped recipes leave out have their reasons", () => {
  for (const name of ["openssl", "python"]) {
    const { check } = shippedRecipe(`${name}/recipe.yaml`);
    expect(check?.without).toHaveLength(1);
    for (const { reason } of check?.exclude ?? []) expect(reason.length).toBeGreaterThan(20);
  }
});
