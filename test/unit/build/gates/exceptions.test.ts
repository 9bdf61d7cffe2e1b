import { expect, test } from "vitest";
import { bindExceptions, globOf } from "../../../../src/build/gates/exceptions.ts";

test.each([
  ["*.S", "unix64.S", true],
  ["*.S", "x86/unix64.S", false],
  ["*.S", "unix64XS", false],
  ["**/*.S", "src/x86/unix64.S", true],
  ["**", "a/b/c", true],
  ["lib/python*/x.json", "lib/python3.13/x.json", true],
  ["lib/python*/x.json", "lib/python3.13/deep/x.json", false],
  ["*-cgu.*", "pyo3.acfff5-cgu.07", true],
  ["+([a-z0-9])", "5e29xofj", true],
  ["+([a-z0-9])", "main.c", false],
  ["+([a-z0-9])", "", false],
  ["a+(b)", "a+(b)", true],
  ["[x]?", "x", false],
])("%s takes %s: %s", (pattern, text, taken) => {
  expect(globOf(pattern).test(text)).toBe(taken);
});

test("each entry that fits counts, and one that nothing needed is told", () => {
  const exceptions = bindExceptions([
    { files: ["a/*", "b"], reason: "first" },
    { files: ["**"], reason: "second" },
    { files: ["c"], reason: "third" },
  ]);
  expect(exceptions.excuse("a/x")).toBe(true);
  expect(exceptions.excuse("d", ({ reason }) => reason === "first")).toBe(false);
  expect(exceptions.excuse("d")).toBe(true);
  expect(exceptions.told()).toEqual(["1 let be: first", "2 let be: second", "the exception for c is not needed"]);
});
