import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { derive, type DeriveOptions } from "../../../src/plan/index.ts";
import { sample } from "./sample.ts";

type Path = readonly (string | number)[];

describe("derive", () => {
  it("puts the output in the store under key, name and version", () => {
    const { key, out } = derive(sample());
    expect(key).toMatch(/^[0-9a-f]{64}$/u);
    expect(out).toBe(`/opt/forge/store/${key.slice(0, 16)}-demo-1.2.3`);
  });

  it("gives a new key for every field that can change the output", () => {
    const paths = leaves(sample()).filter((path) => !isLeftOut(path));
    expect(paths.length).toBeGreaterThan(30);
    const base = derive(sample()).key;
    const property = fc.property(fc.constantFrom(...paths), fc.string(), (path, text) => {
      expect(derive(withChange(sample(), path, (value) => otherValue(value, text))).key).not.toBe(base);
    });
    fc.assert(property, { numRuns: 400, examples: paths.map((path) => [path, "x"]) });
  });

  it("keeps the key when what cannot change the output changes", () => {
    const paths = leaves(sample()).filter(isLeftOut);
    expect(paths.length).toBeGreaterThan(8);
    const base = derive(sample()).key;
    const keyAfter = (path: Path) => derive(withChange(sample(), path, (value) => otherValue(value, "x"))).key;
    expect(paths.filter((path) => keyAfter(path) !== base)).toEqual([]);
  });

  it("keeps the key when a step moves in its file, and when keys or files come in another order", () => {
    const base = derive(sample());
    const moved = withChange(sample(), ["recipe", "steps", 0], (step) => ({
      ...(step as object),
      span: { file: "recipe.yaml", line: 9, column: 1 },
    }));
    const shuffled = withChange(sample(), ["recipe", "steps", 1, "variables"], () => ({ B: "2", A: "1" }));
    const reordered = withChange(sample(), ["files"], (files) => (files as unknown[]).toReversed());
    expect([moved, shuffled, reordered].map((options) => derive(options).key)).toEqual([base.key, base.key, base.key]);
  });

  it("gives a new key when steps change places, go or come", () => {
    const base = derive(sample()).key;
    const steps = ["recipe", "steps"];
    const turned = withChange(sample(), steps, (list) => (list as unknown[]).toReversed());
    const fewer = withChange(sample(), steps, (list) => (list as unknown[]).slice(1));
    const more = withChange(sample(), steps, (list) => [...(list as unknown[]), { kind: "run", argv: ["true"] }]);
    expect(new Set([base, ...[turned, fewer, more].map((options) => derive(options).key)]).size).toBe(4);
  });

  it("gives a new key when an input's key changes, and only then", () => {
    const user = (input: DeriveOptions): string => {
      const inputs = [derive(withChange(input, ["recipe", "name"], () => "base"))];
      return derive({ ...withChange(sample(), ["recipe", "inputs"], () => ["base"]), inputs }).key;
    };
    const base = user(sample());
    expect(user(withChange(sample(), ["recipe", "weight"], () => 99))).toBe(base);
    expect(user(withChange(sample(), ["tools", "cc"], () => "cc 13"))).not.toBe(base);
  });

  it("takes a user's own source by its computed digest, apart from the same bytes verified", () => {
    const own = withChange(sample(), ["recipe", "sources", 0, "sha256"], () => null);
    const key = (digest: string): string => derive({ ...own, ownDigests: { demo: digest } }).key;
    expect(key("a".repeat(64))).not.toBe(derive(sample()).key);
    expect(key("a".repeat(64))).not.toBe(key("e".repeat(64)));
    expect(() => derive(own)).toThrow("the source demo of demo has no digest");
  });

  it("refuses an input that was not derived", () => {
    const lacking = withChange(sample(), ["recipe", "inputs"], () => ["base"]);
    expect(() => derive(lacking)).toThrow("the input base of demo was not derived");
  });

  it("does not confuse neighbouring fields", () => {
    const one = withChange(sample(), ["tools"], () => ({ a: "1,b:2" }));
    const two = withChange(sample(), ["tools"], () => ({ a: "1", b: "2" }));
    expect(derive(one).key).not.toBe(derive(two).key);
  });
});

/** Paths of all values that are no containers. */
function leaves(value: unknown, path: Path = []): Path[] {
  if (value === null || typeof value !== "object") return [path];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return keys.flatMap((key) => leaves((value as Record<string | number, unknown>)[key], [...path, key]));
}

function isLeftOut(path: Path): boolean {
  const [top, field] = path;
  if (top !== "recipe") return false;
  return (
    ["folder", "support", "requirements", "gates", "weight"].includes(String(field)) ||
    path.includes("locations") ||
    path.includes("signature")
  );
}

function withChange(options: DeriveOptions, path: Path, change: (value: unknown) => unknown): DeriveOptions {
  const copy = structuredClone(options);
  let holder = copy as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as typeof holder;
  const last = path.at(-1)!;
  holder[last] = change(holder[last]);
  return copy;
}

function otherValue(value: unknown, text: string): unknown {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1 + text.length;
  return `${String(value)}${text}!`;
}
