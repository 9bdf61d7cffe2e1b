import { expect, test } from "vitest";
import { checkRequirements, memoryHost, requirementError } from "../../../src/host/index.ts";
import type { Requirement } from "../../../src/recipe/index.ts";
import { packageAnswers, packageTables } from "../../../src/host/packages/index.ts";
import { alternativesOf, decide, parseAptPolicy } from "../../../src/host/packages/candidates.ts";
import { recipeFiles, shippedRecipe } from "../../tools/shipped.ts";

test("the output of apt-cache policy gives candidates", () => {
  const text =
    "rustc:\n  Installed: (none)\n  Candidate: 1.63.0+dfsg1-2\n  Version table:\n     1.63.0+dfsg1-2 500\n        500 somewhere bookworm/main\ngone:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n";
  expect([...parseAptPolicy(text)]).toEqual([["rustc", "1.63.0+dfsg1-2"]]);
});

test("alternatives are decided by version, in order", async () => {
  const wanted = "rustc>=1.83|rustc-web>=1.83";
  expect(alternativesOf("libstdc++-12-dev")).toEqual([{ name: "libstdc++-12-dev", range: null }]);
  expect(
    await decide(
      wanted,
      new Map([
        ["rustc", "1.63.0"],
        ["rustc-web", "1.96.0+dfsg1-1~deb12u2"],
      ]),
    ),
  ).toBe("rustc-web");
  expect(
    await decide(
      wanted,
      new Map([
        ["rustc", "1.85.0"],
        ["rustc-web", "1.96.0"],
      ]),
    ),
  ).toBe("rustc");
  expect(await decide(wanted, new Map([["rustc", "1.63.0"]]))).toBeNull();
});

const families = Object.keys(packageTables) as (keyof typeof packageTables)[];

/** Every requirement of every shipped recipe, whatever its condition. */
function shipped(): readonly Requirement[] {
  return recipeFiles.flatMap((file) => shippedRecipe(file).requirements);
}

test.each(families)("%s has an answer for every requirement of every shipped recipe", (family) => {
  const requirements = shipped();
  expect(new Set(requirements.map(({ kind }) => kind))).toEqual(new Set(["program", "header", "perl-module"]));
  const lacking = requirements.filter((requirement) => {
    const [first] = packageAnswers(family, requirement);
    return first === undefined || (first.packages.length === 0 && first.base === undefined);
  });
  expect(lacking).toEqual([]);
});

test.each(families)(
  "%s: an answer is packages or the system itself, never both, and names that its manager takes",
  (family) => {
    const { programs, headers, perlModules } = packageTables[family];
    const answers = [programs, headers, perlModules].flatMap((table) => Object.values(table)).flat();
    for (const { packages, base } of answers) {
      expect(packages.length === 0).toBe(base !== undefined);
      for (const name of packages) expect(name).toMatch(/^(?:[a-zA-Z0-9][\w.+-]*|perl\([\w:]+\)|\/usr\/bin\/\w+)$/);
    }
  },
);

test("what comes with the system is no package, and is told with how it is had", async () => {
  const host = memoryHost({ platform: { os: "freebsd", arch: "x86_64", libc: "none" }, packageFamily: "pkg" });
  const results = await checkRequirements(host, [
    { kind: "program", name: "cc" },
    { kind: "program", name: "perl" },
  ]);
  expect(results.map(({ provides }) => provides)).toEqual([[], ["perl5"]]);
  expect(requirementError(host, results)?.details[0]).toMatch(
    /^program cc: missing \(part of the base system of FreeBSD: install .*\)$/,
  );
});

test("what nobody has has no answer", () => {
  expect(packageAnswers("apt", { kind: "program", name: "frobnicate" })).toEqual([]);
  expect(packageAnswers("unknown", { kind: "program", name: "make" })).toEqual([]);
});
