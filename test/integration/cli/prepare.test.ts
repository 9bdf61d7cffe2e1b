import { rename } from "node:fs/promises";
import { expect, test } from "vitest";
import { neededFor } from "../../../src/cli/make/packages.ts";
import { planSelection, tryRequirements, type Selection } from "../../../src/cli/make/prepare.ts";
import { memoryHost, requirementError, type MemoryHost } from "../../../src/host/index.ts";
import type { PlannedBuild } from "../../../src/plan/index.ts";
import type { Requirement, ResolvedRecipe } from "../../../src/recipe/index.ts";
import { openPrefix, realise, type Manifest } from "../../../src/store/index.ts";
import { parts, surroundings, writes } from "../store/samples.ts";
import { freshFolder } from "./context.ts";

const cc: Requirement = { kind: "program", name: "cc" };
const perl: Requirement = { kind: "program", name: "perl" };
const readline: Requirement = { kind: "header", name: "readline/readline.h", wanted: true, why: "line editing" };

function recipe(name: string, requirements: readonly Requirement[], inputs: readonly string[] = []): ResolvedRecipe {
  return {
    name,
    version: "1.0",
    folder: "/recipes",
    support: { status: "lts" },
    vulnerable: [],
    inputs,
    sources: [],
    packages: [],
    platformValues: {},
    requirements,
    environment: {},
    steps: [],
    gates: [],
    weight: 1,
  };
}

const resolved = [recipe("openssl", [cc, perl]), recipe("python", [cc, readline], ["openssl"])];

/** A machine with a compiler of this version, or without one; every header can be compiled with it but those `lacking`. */
function machine(compiler: string | null, lacking: readonly string[] = []): MemoryHost {
  return memoryHost({
    programs: { perl: "/usr/bin/perl", ...(compiler === null ? {} : { cc: "/usr/bin/cc", gcc: "/usr/bin/cc" }) },
    answers: {
      "/usr/bin/perl -v": { stdout: "This is perl 5, version 36, subversion 0 (v5.36.0)\n" },
      "/usr/bin/cc --version": { stdout: `cc (Debian) ${compiler ?? ""}\n` },
      "/usr/bin/cc -x": (_argv, { input = "" }) => ({ exitCode: lacking.some((name) => input.includes(name)) ? 1 : 0 }),
    },
  });
}

async function plan(host: MemoryHost, prefix: string, previous: Manifest | null): Promise<readonly PlannedBuild[]> {
  const requirements = await tryRequirements(host, resolved);
  const selection = { host, resolved, requirements, options: { sources: {}, offline: true } };
  return planSelection(selection as unknown as Selection, previous, prefix);
}

/** A prefix whose generation was built on such a machine. */
async function built(host: MemoryHost): Promise<{ prefix: string; previous: Manifest }> {
  const { path: prefix } = await openPrefix(`${await freshFolder()}/p`, { create: true });
  const planned = await plan(host, prefix, null);
  for (const { derivation } of planned) await realise(derivation, writes({ "share/x": "" }), surroundings());
  const made = parts(planned.map(({ derivation }) => derivation));
  const fixed = { schema: "tlsforge.manifest/1", layout: 1, generation: 1, created: "2026-01-01T00:00:00Z" } as const;
  return { prefix, previous: { ...fixed, ...made } };
}

const actions = (planned: readonly PlannedBuild[]) => planned.map(({ action }) => action);

test("what stands stays when the compiler has left the machine, headers and all", async () => {
  const { prefix, previous } = await built(machine("12.2"));
  const gone = machine(null);
  const planned = await plan(gone, prefix, previous);
  expect(actions(planned)).toEqual(["cached", "cached"]);
  expect(planned.map(({ derivation }) => derivation.key)).toEqual(previous.builds.map(({ key }) => key));
  const requirements = await tryRequirements(gone, resolved);
  expect(requirementError(gone, requirements)).not.toBeNull();
  expect(requirementError(gone, neededFor([], requirements))).toBeNull();
});

test("a header that was absent at the build is not taken for present when it cannot be tried", async () => {
  const { prefix, previous } = await built(machine("12.2", [readline.name]));
  expect(actions(await plan(machine(null), prefix, previous))).toEqual(["cached", "cached"]);
  // With a compiler it can be told, and counts.
  expect(actions(await plan(machine("12.2"), prefix, previous))).toEqual(["cached", "build"]);
});

test("a compiler of another version rebuilds what is built with it", async () => {
  const { prefix, previous } = await built(machine("12.2"));
  const planned = await plan(machine("13.1"), prefix, previous);
  expect(actions(planned)).toEqual(["build", "build"]);
});

test("without an earlier generation nothing is remembered, so nothing passes for built", async () => {
  const { prefix } = await built(machine("12.2"));
  expect(actions(await plan(machine(null), prefix, null))).toEqual(["build", "build"]);
});

test("an output that is gone is to be built, compiler or not", async () => {
  const { prefix, previous } = await built(machine("12.2"));
  const last = previous.builds.at(-1);
  await rename(last?.out ?? "", `${prefix}/cache/away`);
  expect(actions(await plan(machine(null), prefix, previous))).toEqual(["cached", "build"]);
});

test("only what the recipes to be built require is needed, each as it was tried", async () => {
  const host = machine("12.2", [readline.name]);
  const requirements = await tryRequirements(host, resolved);
  const names = (recipes: readonly ResolvedRecipe[]) =>
    neededFor(recipes, requirements).map(({ requirement, outcome }) => [requirement.name, outcome]);
  expect(names(resolved)).toEqual([
    ["cc", "met"],
    ["perl", "met"],
    [readline.name, "missing"],
  ]);
  expect(names(resolved.slice(0, 1))).toEqual([
    ["cc", "met"],
    ["perl", "met"],
  ]);
  expect(names(resolved.slice(1))).toEqual([
    ["cc", "met"],
    [readline.name, "missing"],
  ]);
  expect(names([])).toEqual([]);
});

test("the same name with another demand is another requirement", () => {
  const newer: Requirement = { ...cc, version: ">=13" };
  const results = [cc, newer].map((requirement) => ({ requirement, outcome: "met", provides: [] }) as const);
  expect(neededFor([recipe("a", [newer])], results)).toEqual([results[1]]);
});
