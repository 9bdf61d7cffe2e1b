import { expect, test } from "vitest";
import { packageAnswers, packageTables } from "../../../src/host/packages/index.ts";
import { alternativesOf, decide, parseAptPolicy } from "../../../src/host/packages/candidates.ts";

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

const linux = ["apt", "dnf", "apk", "zypper", "pacman"] as const;

test.each(linux)("%s has an answer for every requirement that apt has one for", (family) => {
  const exceptions: Record<string, string[]> = { apk: ["ldconfig", "Text::Template"] };
  for (const [kind, table] of [
    ["program", "programs"],
    ["header", "headers"],
    ["perl-module", "perlModules"],
  ] as const) {
    const lacking = Object.keys(packageTables.apt[table]).filter(
      (name) => packageAnswers(family, { kind, name }).length === 0,
    );
    expect(lacking.filter((name) => exceptions[family]?.includes(name) !== true)).toEqual([]);
  }
});

test("what nobody has has no answer", () => {
  expect(packageAnswers("apt", { kind: "program", name: "frobnicate" })).toEqual([]);
  expect(packageAnswers("unknown", { kind: "program", name: "make" })).toEqual([]);
});
