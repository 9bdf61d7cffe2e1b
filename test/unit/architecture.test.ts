import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importsOf, rules } from "../tools/architecture.ts";
import type { Sources } from "../tools/architecture.ts";

const root = join(import.meta.dirname, "..", "..");
const names = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".ts"),
);
const sources: Sources = new Map(names.map((name) => [`src/${name}`, readFileSync(join(root, "src", name), "utf8")]));

test("the sources are there", () => {
  expect(sources.has("src/errors.ts")).toBe(true);
  expect(sources.size).toBeGreaterThan(50);
});

describe.each(Object.entries(rules))("%s", (_name, rule) => {
  test("holds", () => {
    expect(rule(sources)).toEqual([]);
  });
});

/** For each rule small sources that break it, with what it must say, and sources that it must let through. */
const examples: Readonly<
  Record<string, { bad: readonly (readonly [string, string, string])[]; good: readonly (readonly [string, string])[] }>
> = {
  "a folder loads only what it may": {
    bad: [
      ["src/plan/a.ts", 'import { x } from "../host/index.ts";', "plan may not load host"],
      ["src/grade/a.ts", 'import { x } from "../probe/index.ts";', "grade may not load probe"],
      ["src/grade/a.ts", 'import {\n  type A,\n  type B,\n} from "../probe/index.ts";', "grade may not load probe"],
      ["src/ui/a.ts", 'export { x } from "../host/index.ts";', "ui may not load host"],
      ["src/fetch/a.ts", 'import "../cli/index.ts";', "fetch may not load cli"],
      ["src/host/deep/a.ts", 'const x = await import("../../cli/index.ts");', "host may not load cli"],
      ["src/wire/a.ts", 'import type { X } from "../probe/types.ts";', "wire may not know probe"],
      ["src/new/a.ts", 'import { x } from "../plan/index.ts";', "new may not load plan"],
    ],
    good: [
      ["src/grade/a.ts", 'import type { X } from "../probe/types.ts";'],
      ["src/grade/deep/a.ts", 'import { ForgeError } from "../../errors.ts";\nimport { y } from "../index.ts";'],
      ["src/plan/a.ts", '// import { x } from "../host/index.ts";\n/*\nimport { x } from "../host/index.ts";\n*/'],
    ],
  },
  "outside a folder only its entries are imported, types.ts only as types": {
    bad: [
      ["src/cli/a.ts", 'import { x } from "../fetch/http.ts";', "../fetch/http.ts is not an entry"],
      ["src/cli/a.ts", 'import { x } from "../fetch/types.ts";', "../fetch/types.ts is not an entry"],
      ["src/cli/a.ts", 'import { x } from "../host/resources/index.ts";', "is not an entry"],
      ["src/main.ts", 'import { x } from "./host/node.ts";', "is not an entry"],
    ],
    good: [
      ["src/cli/a.ts", 'import type { X } from "../fetch/types.ts";\nimport { y } from "../fetch/index.ts";'],
      ["src/main.ts", 'import { y } from "./cli/quick.ts";'],
    ],
  },
  "events.ts and types.ts hold types only": {
    bad: [
      ["src/events.ts", "export type A = 1;\nexport const b = 1;", "not a type"],
      ["src/plan/types.ts", "export function f(): void {}", "not a type"],
    ],
    good: [["src/plan/types.ts", 'import type { A } from "../errors.ts";\nexport interface B {}\nexport type { A };']],
  },
  "pure folders reach neither machine, network, clock nor chance": {
    bad: [
      ["src/plan/a.ts", 'import { readFileSync } from "node:fs";', "imports node:fs"],
      ["src/wire/a.ts", 'import { connect } from "net";', "imports net"],
      ["src/recipe/a.ts", 'const { got } = await import("got");', "imports got"],
      ["src/grade/a.ts", "const now = Date.now();", "uses Date.now("],
      ["src/wire/a.ts", "const key = randomBytes(32);", "uses randomBytes("],
    ],
    good: [
      ["src/plan/a.ts", 'import { createHash } from "node:crypto";\n// Date.now() is not for us'],
      ["src/fetch/a.ts", 'import { readFileSync } from "node:fs";\nDate.now();'],
    ],
  },
  "listr2 is only loaded by ui": {
    bad: [["src/cli/a.ts", 'const { Listr } = await import("listr2");', "imports listr2"]],
    good: [["src/ui/a.ts", 'const { Listr } = await import("listr2");']],
  },
  "only main.ts touches process": {
    bad: [
      ["src/cli/a.ts", "const home = process.env.HOME;", "touches process"],
      ["src/cli/a.ts", 'import process from "node:process";', "touches process"],
      ["src/cli/a.ts", 'import { kill, env } from "node:process";', "touches process"],
      ["src/cli/a.ts", "globalThis.process", "touches process"],
    ],
    good: [
      ["src/main.ts", "process.exitCode = 1;"],
      ["src/build/a.ts", 'import { kill } from "node:process";\nconst subprocess = child.process;'],
    ],
  },
  "main.ts loads nothing heavy before it is needed": {
    bad: [["src/main.ts", 'import { z } from "zod";', "loads zod"]],
    good: [["src/main.ts", 'import type { z } from "zod";\nconst m = await import("zod");']],
  },
  "no file is over 350 lines": {
    bad: [["src/plan/a.ts", "\n".repeat(351), "351 lines"]],
    good: [["src/plan/a.ts", "\n".repeat(350)]],
  },
  "nothing loads itself in a circle": {
    bad: [["src/plan/a.ts", 'import { x } from "./a.ts";', "src/plan/a.ts -> src/plan/a.ts"]],
    good: [["src/plan/a.ts", 'import type { X } from "./a.ts";\nconst later = () => import("./a.ts");']],
  },
  "a rule of the linter is only switched off with a reason": {
    bad: [
      ["src/plan/a.ts", "// oxlint-disable-next-line no-console", "oxlint-disable-next-line no-console"],
      ["src/plan/a.ts", "// @ts-expect-error", "@ts-expect-error"],
    ],
    good: [["src/plan/a.ts", "// oxlint-disable-next-line no-console -- it is what this file is for"]],
  },
};

test("every rule has examples that break it", () => {
  expect(Object.keys(examples).sort()).toEqual(Object.keys(rules).sort());
});

describe.each(Object.entries(examples))("%s", (name, { bad, good }) => {
  const rule = rules[name]!;

  test.each(bad)("refuses %s: %s", (file, text, said) => {
    expect(rule(new Map([[file, text]])).join("\n")).toContain(said);
  });

  test.each(good)("allows %s: %s", (file, text) => {
    expect(rule(new Map([[file, text]]))).toEqual([]);
  });
});

test("a circle over several files, and heavy packages behind other files, are found", () => {
  const small: Sources = new Map([
    ["src/main.ts", 'import { a } from "./cli/index.ts";'],
    ["src/cli/index.ts", 'export { a } from "./a.ts";'],
    ["src/cli/a.ts", 'import { b } from "./b.ts";'],
    ["src/cli/b.ts", 'import { a } from "./a.ts";\nimport { got } from "got";'],
  ]);
  expect(rules["nothing loads itself in a circle"]!(small)).toEqual(["src/cli/a.ts -> src/cli/b.ts -> src/cli/a.ts"]);
  expect(rules["main.ts loads nothing heavy before it is needed"]!(small)).toEqual([
    "src/cli/b.ts: loads got on the way from main.ts",
  ]);
});

test("imports are read whatever their form", () => {
  const text = [
    'import a from "a";',
    'import type { B } from "./b.ts";',
    'import {\n  c,\n  type C,\n} from "../c/index.ts";',
    'import * as d from "d";',
    'import "e";',
    'export * from "./f.ts";',
    'export type { G } from "./g.ts";',
    'const h = await import("h");',
    'import data from "./data.json" with { type: "json" };',
    'const address = "https://host/x"; // import i from "i"',
  ].join("\n");
  expect(importsOf("src/x/y.ts", text).map((item) => [item.specifier, item.typeOnly, item.dynamic])).toEqual([
    ["a", false, false],
    ["./b.ts", true, false],
    ["../c/index.ts", false, false],
    ["d", false, false],
    ["e", false, false],
    ["./f.ts", false, false],
    ["./g.ts", true, false],
    ["./data.json", false, false],
    ["h", false, true],
  ]);
});
