import { expect, it } from "vitest";
import { diskNeed } from "../../../src/plan/disk.ts";
import type { Derivation } from "../../../src/plan/index.ts";

/** Builds by name: scratch, output, and the names of those before that they need. */
function builds(...given: readonly (readonly [string, number, number, ...string[]])[]): Derivation[] {
  return given.map(
    ([key, scratch, output, ...inputs]) =>
      ({
        key,
        recipe: { disk: { scratch, output } },
        inputs: inputs.map((input) => ({ key: input })),
      }) as unknown as Derivation,
  );
}

it("counts what can be built at once, and every output", () => {
  const stack = builds(
    ["openssl", 300, 10],
    ["ffi", 20, 1],
    ["python", 200, 60, "openssl", "ffi"],
    ["tls", 400, 70, "python"],
  );
  expect(diskNeed(stack)).toEqual({ scratch: 400, outputs: 141 });
  expect(diskNeed(stack.slice(0, 3))).toEqual({ scratch: 320, outputs: 71 });
  // Needed by way of another, which is built already.
  expect(diskNeed(builds(["a", 5, 1], ["b", 1, 1, "a"], ["c", 7, 1, "b"], ["d", 3, 1]))).toEqual({
    scratch: 10,
    outputs: 4,
  });
  expect(diskNeed([])).toEqual({ scratch: 0, outputs: 0 });
  const many = builds(...Array.from({ length: 40 }, (_, nth) => [`b${nth}`, 1, 1] as const));
  expect(diskNeed(many).scratch).toBe(40);
});

it("a recipe that does not say needs nothing that is known", () => {
  expect(diskNeed([{ key: "a", recipe: {}, inputs: [] } as unknown as Derivation])).toEqual({ scratch: 0, outputs: 0 });
});
