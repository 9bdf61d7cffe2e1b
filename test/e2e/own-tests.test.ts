import { existsSync } from "node:fs";
import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { root } from "../tools/checkout.ts";
import { describeWith } from "../tools/needs.ts";
import {
  compile,
  ended,
  recordOf,
  run,
  runJson,
  smallShop,
  start,
  type ResultRecord,
  type Workshop,
} from "./support.ts";

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

  /** The file of a test that says it is at work and goes on until it is let go. */
  const working = async (): Promise<void> => {
    await withCheck("hello 1.0.0");
    const waits =
      "open F, q(>), q(pid); print F $$; close F; for (1 .. 300) { select(undef, undef, undef, 0.1) unless -e q(go) } print qq(1..1\\nok 1\\n);";
    const text = await readFile(recipe, "utf8");
    const file = `        - { to: waits.t, content: "${waits}" }\n`;
    await writeFile(
      recipe,
      text.replace("    - files:\n", (line) => line + file),
    );
  };

  /** The folder that tests are at work in, and the number of the one that waits. */
  const atWork = () =>
    vi.waitFor(
      async () => {
        const build = join(shop.prefix, "build");
        const names = await readdir(build, { recursive: true });
        const file = join(build, names.find((name) => /-hello-check\/.*\/pid$/u.test(name)) ?? "");
        const pid = Number(await readFile(file, "utf8"));
        expect(pid).toBeGreaterThan(1);
        return { folder: join(file, ".."), pid };
      },
      { timeout: 15_000, interval: 50 },
    );

  /** Processes that stand in a folder, removed or not. */
  const processesIn = async (folder: string): Promise<readonly string[]> => {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
    const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => "")));
    return folders.filter((name) => name.startsWith(folder));
  };

  /** Empty for a process that has ended. */
  const commandOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");

  test("while tests run gc leaves their folder, and log follows them to their end", async () => {
    await working();
    const tests = start(shop, ["build", "--yes", "--json", "--check-tests", "hello=waits"]);
    const { folder } = await atWork();
    const { record } = await runJson(shop, ["gc"]);
    expect(record.removed.filter(({ path }) => path.includes("-check"))).toEqual([]);
    expect(record.kept).toContainEqual(
      expect.objectContaining({ path: expect.stringMatching(/-hello-check$/u), why: "being built in" }),
    );
    const log = start(shop, ["log", "hello", "--follow"]);
    await Promise.race([log, sleep(1500)]);
    await writeFile(join(folder, "go"), "");
    expect(checkOf(recordOf(await ended(tests)))).toMatchObject({ outcome: "pass", passed: 1 });
    expect((await ended(log)).stdout).toContain("waits.t .. ok");
  });

  // What is sealed ends with a run that is killed: here the kernel gives neither namespaces nor Landlock.
  const deny = join(root, "test", "integration", "build", "deny.pl");
  const under = ["perl", deny, process.arch === "x64" ? "272" : "97", "444", "--"];

  test("what a killed run left of its tests is ended by the next, where nothing is sealed", async () => {
    await working();
    const killed = start(shop, ["build", "--yes", "--check-tests", "hello=waits"], { under });
    const { pid } = await atWork();
    killed.kill("SIGKILL");
    await ended(killed);
    expect(await commandOf(pid)).toContain("waits.t");
    const { record } = await runJson(shop, ["build", "--yes", "--check-tests", "hello=good"]);
    expect(checkOf(record)).toMatchObject({ outcome: "pass" });
    expect(await commandOf(pid)).toBe("");
  });

  test("what a killed run left of its tests is named and ended by gc, where nothing is sealed", async () => {
    await working();
    const killed = start(shop, ["build", "--yes", "--check-tests", "hello=waits"], { under });
    const { folder } = await atWork();
    killed.kill("SIGKILL");
    await ended(killed);
    const named = async (...options: readonly string[]) =>
      (await runJson(shop, ["gc", ...options])).record.removed.filter(({ path }) => path.endsWith("-hello-check"));
    const left = await named("--dry-run");
    expect(left).toEqual([
      expect.objectContaining({
        why: expect.stringMatching(/^left by an interrupted build; still running: process [\d, ]+(?: and \d+ more)?$/u),
      }),
    ]);
    expect(await named()).toEqual(left);
    expect(existsSync(folder)).toBe(false);
    expect(await processesIn(folder)).toEqual([]);
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
