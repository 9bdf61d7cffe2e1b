import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { compile, run, runJson, smallShop, type ResultRecord, type Workshop } from "./support.ts";

/** How the own tests of `hello` went, as a record tells it. */
interface Check {
  readonly outcome: string;
  readonly passed: number;
  readonly failures: readonly string[];
  readonly excluded: readonly { readonly test: string; readonly reason: string }[];
  readonly log: string;
}

const checkOf = (record: ResultRecord): Check | undefined =>
  (record.builds[0] as { readonly check?: Check } | undefined)?.check;

/** Tests of `hello` that run what was built beside them, through Perl's own harness. */
const check = (greeting: string): readonly string[] => [
  "check:",
  "  name: the tests of hello",
  "  without: [--without-tests]",
  "  tests: [good, greets]",
  "  exclude:",
  "    - { test: flaky, reason: fails when the moon is full }",
  '  exclude-as: "no-{test}"',
  "  results: tap",
  "  steps:",
  "    - files:",
  '        - { to: good.t, content: "print qq(1..2\\nok 1\\nok 2\\n);" }',
  `        - { to: greets.t, content: "print qq(1..1\\n), (\`./hello\` eq qq(${greeting}\\n) ? qq() : qq(not )), qq(ok 1\\n);" }`,
  '        - { to: "${build}/names", content: "${check.tests.lines}\\n${check.excluded.lines}\\n" }',
  "    # What is built is what is tested: the run path leads to where nothing was installed.",
  '    - run: [prove, "${check.tests}.t"]',
  '      environment: { LD_LIBRARY_PATH: "${source}" }',
];

describeWith(["linux", "cc", "make", "perl"], "own tests on request", () => {
  let shop: Workshop;
  let recipe: string;
  let plain: string;

  beforeAll(async () => {
    await compile();
    shop = await smallShop();
    recipe = join(shop.recipes, "hello", "recipe.yaml");
    plain = (await readFile(recipe, "utf8")).replace('"--prefix=${out}"', '"--prefix=${out}", --without-tests');
  });

  afterAll(async () => shop.remove());

  const withCheck = (greeting: string): Promise<void> => writeFile(recipe, `${plain}${check(greeting).join("\n")}\n`);

  test("tests that fail are named, with exit 1, and nothing is activated", async () => {
    await withCheck("something else");
    const { record, exitCode, stderr } = await runJson(shop, ["build", "--yes", "--check-tests", "hello=greets"]);
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({ code: "check-failed" });
    expect(record.error.details).toContain("hello: greets");
    expect(stderr).toContain("1 failed");
    expect(existsSync(join(shop.prefix, "current"))).toBe(false);
    expect(await readdir(join(shop.prefix, "build"))).toEqual([]);
  });

  test("without the request nothing is run, but a failure on record is a warning; tests are no part of the key", async () => {
    await writeFile(recipe, plain);
    const { record } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ outcome: "done", generation: 1 });
    expect(record.builds[0]?.cached).toBe(true);
    expect(record.warnings).toContainEqual(expect.stringMatching(/hello 1\.0\.0: its own tests failed on .*greets/u));
  });

  test("an output that is there is tested alone, from the same sources, and not touched", async () => {
    await withCheck("hello 1.0.0");
    const [output = ""] = (await readdir(join(shop.prefix, "store"))).filter((name) => name.endsWith("-hello-1.0.0"));
    const receipt = await readFile(join(shop.prefix, "store", output, "receipt.json"), "utf8");
    const { record, exitCode } = await runJson(shop, ["build", "--yes", "--check-tests", "hello=greets"]);
    expect([exitCode, record.outcome, record.warnings, record.error]).toEqual([0, "unchanged", [], undefined]);
    expect(checkOf(record)).toMatchObject({
      outcome: "pass",
      passed: 1,
      failures: [],
      excluded: [{ test: "flaky", reason: "fails when the moon is full" }],
    });
    const log = await readFile(checkOf(record)?.log ?? "", "utf8");
    expect(log).toContain("greets.t .. ok");
    expect(log).not.toMatch(/\$ \.\/configure .*--without-tests/u);
    expect(await readFile(join(shop.prefix, "store", output, "receipt.json"), "utf8")).toBe(receipt);
    // A later run tells what is on record.
    expect(checkOf((await runJson(shop, ["build", "--yes"])).record)).toMatchObject({ outcome: "pass" });
  });

  test("a step that breaks before any test is a failed build, not failed tests; a test that is not there is no pass", async () => {
    await withCheck("hello 1.0.0");
    const { record } = await runJson(shop, ["build", "--yes", "--check"]);
    // prove is given one name: "good greets.t".
    expect(record.error).toMatchObject({ code: "build-failed" });
    await writeFile(recipe, (await readFile(recipe, "utf8")).replace("run: [prove, ", "run: [echo, "));
    const silent = await runJson(shop, ["build", "--yes", "--check"]);
    expect(silent.record.error).toMatchObject({ code: "check-failed" });
    expect(silent.record.error.details).toContain("hello: no test has run");
  });

  test("a recipe that has none, and names without a recipe", async () => {
    for (const names of ["lookout=x", "hello", "hello=", "nosuch=x"]) {
      const { exitCode } = await run(shop, ["build", "--yes", "--check-tests", names]);
      expect([names, exitCode]).toEqual([names, 2]);
    }
  });
});
