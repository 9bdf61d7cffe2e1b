import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderRecipes } from "../../../src/plan/index.ts";

const stack = [
  { name: "server", inputs: ["env", "python"] },
  { name: "python", inputs: ["openssl", "libffi"] },
  { name: "env", inputs: ["python", "openssl"] },
  { name: "openssl", inputs: [] },
  { name: "libffi", inputs: [] },
];

describe("orderRecipes", () => {
  it("puts inputs first and is the same for every order of the list", () => {
    const property = fc.property(fc.shuffledSubarray(stack, { minLength: stack.length }), (shuffled) => {
      expect(orderRecipes(shuffled)).toEqual(["libffi", "openssl", "python", "env", "server"]);
    });
    fc.assert(property);
  });

  it("refuses an input that the stack does not name", () => {
    expect(() => orderRecipes([{ name: "python", inputs: ["openssl"] }])).toThrow(
      expect.objectContaining({
        code: "recipe-invalid",
        message: "python needs openssl, which the stack does not name",
      }),
    );
  });

  it("names the circle, without what only leads to it", () => {
    const circle = [
      { name: "a", inputs: ["b"] },
      { name: "b", inputs: ["c"] },
      { name: "c", inputs: ["b"] },
    ];
    expect(() => orderRecipes(circle)).toThrow("The inputs of these recipes go round in a circle: b -> c -> b");
    expect(() => orderRecipes([{ name: "a", inputs: ["a"] }])).toThrow("a -> a");
  });
});
