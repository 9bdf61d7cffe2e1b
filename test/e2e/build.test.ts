import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import {
  compile,
  localVersion,
  run,
  runJson,
  smallShop,
  writeRecipes,
  type ResultRecord,
  type Version,
  type Workshop,
} from "./support.ts";

describeWith(["linux", "cc", "make"], "a small stack from its recipes to generations", () => {
  let shop: Workshop;
  let versions: Version[];

  beforeAll(async () => {
    await compile();
    shop = await smallShop();
    versions = [await localVersion(shop, "1.0.0")];
  });

  afterAll(async () => shop.remove());

  test("plan says what would be built, and exits 10 when asked to tell by its exit code", async () => {
    const { record, exitCode } = await runJson(shop, ["plan", "--exit-code"]);
    expect(exitCode).toBe(10);
    expect(record.outcome).toBe("done");
    expect(record.builds.map(({ recipe, action }) => `${recipe} ${action}`)).toEqual([
      "hello build",
      "python-tls build",
      "lookout build",
    ]);
    expect((await run(shop, ["plan"])).exitCode).toBe(0);
    expect(existsSync(shop.prefix)).toBe(false);
  });

  test("nobody can be asked: it demands --yes and has built nothing", async () => {
    const { record, exitCode, stderr } = await runJson(shop, ["build"]);
    expect(exitCode).toBe(2);
    expect(record.error).toMatchObject({ code: "usage", hint: expect.stringContaining("--yes") });
    expect(stderr).toContain("error[usage]");
    expect(await readdir(join(shop.prefix, "store"))).toEqual([]);
  });

  test("build makes generation 1, whose programs run by their stable path", async () => {
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(0);
    expect(record).toMatchObject({ outcome: "done", generation: 1, prefix: shop.prefix });
    expect(record.builds.map((build) => build.cached)).toEqual([false, false, false]);
    const { stdout } = await execa(join(shop.prefix, "bin", "lookout"));
    expect(stdout).toBe("hello 1.0.0");
  });

  test("a second build does nothing, and plan agrees", async () => {
    const { record, stdout } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ outcome: "unchanged", generation: 1 });
    expect(record.builds.every((build) => build.cached === true)).toBe(true);
    expect(stdout.trimEnd().startsWith("{")).toBe(true);
    const planned = await runJson(shop, ["plan", "--exit-code"]);
    expect(planned.record.builds.every((build) => build.action === "cached")).toBe(true);
    // Built only: a provision would still launch it.
    expect(planned.record).toMatchObject({ outcome: "done", exitCode: 10, server: { action: "launch" } });
  });

  test("plan tells a change of the machine that a killed run has left, which no generation knows", async () => {
    const file = join(shop.prefix, "var", "left.conf");
    const left = { id: "file:left", kind: "file", before: null, after: file, data: { file, sha256: "", mode: "0644" } };
    const ledger = join(shop.prefix, "host.json");
    await writeFile(
      ledger,
      JSON.stringify({ schema: "tlsforge.host/1", entries: [{ state: "applied", record: left }] }),
    );
    const { record, exitCode } = await runJson(shop, ["plan", "--exit-code"]);
    expect(exitCode).toBe(10);
    const told: unknown = expect.objectContaining({ id: "file:left", action: "delete" });
    expect(record).toMatchObject({ host: expect.arrayContaining([told]) as unknown });
    await rm(ledger);
  });

  test("a changed recipe has another key, and what is built against it too; generation 2", async () => {
    const before = await runJson(shop, ["plan"]);
    await writeRecipes(shop, { versions, greeting: "changed" });
    const after = await runJson(shop, ["plan", "--exit-code"]);
    const keys = (record: ResultRecord): string[] => record.builds.map((build) => build.key);
    expect(after.exitCode).toBe(10);
    expect(keys(after.record).filter((key) => keys(before.record).includes(key))).toEqual([]);
    const { record } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ outcome: "done", generation: 2 });
    expect(await greeting(shop)).toBe("changed\n");
  });

  test("a comment in a recipe changes no key", async () => {
    const file = join(shop.recipes, "hello", "recipe.yaml");
    await writeFile(file, `# a comment\n\n${await readFile(file, "utf8")}`);
    const { record } = await runJson(shop, ["plan"]);
    expect(record.builds.map((build) => build.action)).toEqual(["cached", "cached", "cached"]);
  });

  test("generations lists both and marks the current one", async () => {
    const { record } = await runJson(shop, ["generations"]);
    expect(record.current).toBe(2);
    expect(record.generations.map(({ generation, current }) => [generation, current])).toEqual([
      [1, false],
      [2, true],
    ]);
    const { stdout } = await run(shop, ["generations"]);
    expect(stdout).toMatch(/^ +1 .*\n\* +2 .*hello 1\.0\.0/u);
  });

  test("rollback goes to the generation before, by number forward again, and tells what is already so", async () => {
    const back = await runJson(shop, ["rollback"]);
    expect(back.record).toMatchObject({ outcome: "done", generation: 1, previous: 2, server: null });
    expect(await readlink(join(shop.prefix, "current"))).toBe("generations/1");
    expect(await greeting(shop)).toBe("plain\n");
    const same = await runJson(shop, ["rollback", "1"]);
    expect(same.record).toMatchObject({ outcome: "unchanged", generation: 1 });
    const forward = await runJson(shop, ["rollback", "2"]);
    expect(forward.record).toMatchObject({ outcome: "done", generation: 2, previous: 1 });
    const missing = await runJson(shop, ["rollback", "77"]);
    expect(missing.record).toMatchObject({ exitCode: 1, error: { code: "not-found" } });
    expect(await greeting(shop)).toBe("changed\n");
  });

  test("gc removes a generation that is not kept and what only it used, never the current one", async () => {
    await writeRecipes(shop, { versions, greeting: "third" });
    await runJson(shop, ["build", "--yes"]);
    const dry = await runJson(shop, ["gc", "--keep", "2", "--dry-run"]);
    expect(dry.record.removed.length).toBeGreaterThan(0);
    expect(await readdir(join(shop.prefix, "generations"))).toEqual(["1", "2", "3"]);
    const { record } = await runJson(shop, ["gc", "--keep", "2"]);
    expect(record.removed.map((item) => item.path)).toEqual(dry.record.removed.map((item) => item.path));
    expect(await readdir(join(shop.prefix, "generations"))).toEqual(["2", "3"]);
    expect(await greeting(shop)).toBe("third\n");
    expect((await execa(join(shop.prefix, "bin", "lookout"))).stdout).toBe("hello 1.0.0");
    const again = await runJson(shop, ["gc", "--keep", "2"]);
    expect(again.record).toMatchObject({ outcome: "unchanged", removed: [] });
  });

  test("log shows the whole log of a build, by name and by the beginning of its key", async () => {
    const byName = await run(shop, ["log", "hello"]);
    expect(byName.exitCode).toBe(0);
    expect(byName.stdout).toContain("checking for a C compiler... cc");
    expect(byName.stdout).toContain("$ make");
    const { record } = await runJson(shop, ["plan"]);
    const byKey = await run(shop, ["log", (record.builds[0]?.key ?? "").slice(0, 12)]);
    expect(byKey.stdout).toBe(byName.stdout);
    expect((await run(shop, ["log"])).stdout).toContain("lookout");
    const missing = await run(shop, ["log", "helo"]);
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr).toContain("error[not-found]");
  });

  test("what these commands cannot do without a server they say", async () => {
    for (const argv of [["status"], ["launch"], ["reload"]]) {
      const { record } = await runJson(shop, argv);
      expect(record).toMatchObject({ command: argv[0], outcome: "failed", exitCode: 1 });
    }
    const stopped = await runJson(shop, ["stop"]);
    expect(stopped.record).toMatchObject({ outcome: "unchanged", exitCode: 0, server: null });
    const doctor = await runJson(shop, ["doctor"]);
    expect(doctor.record.checks.find((check) => check.id === "server")?.outcome).toBe("fail");
  });
});

describeWith(["linux", "cc", "make"], "own sources and recipes that are wrong", () => {
  let shop: Workshop;
  beforeAll(compile);
  beforeEach(async () => {
    shop = await smallShop();
    const own = shop;
    onTestFinished(async () => own.remove());
  });

  test("--source FILE and DIR are built and marked as unverified", async () => {
    const other = await localVersion(shop, "1.0.0", 9);
    const file = /file: (.*) \}/u.exec(other.locations[0] ?? "")?.[1] ?? "";
    const { record } = await runJson(shop, ["build", "--yes", "--source", `hello=${file}`]);
    expect(record.warnings).toEqual(["hello 1.0.0: the source hello is your own and unverified"]);
    const folder = await runJson(shop, ["build", "--yes", "--source", `hello=${file.replace(/\.tar\.gz$/u, "")}`]);
    expect(folder.record).toMatchObject({ outcome: "done", generation: 2 });
    const [asFile, asFolder] = [record.builds[0]?.key ?? "", folder.record.builds[0]?.key ?? ""];
    expect(asFile).not.toBe(asFolder);
    const store = await readdir(join(shop.prefix, "store"));
    const receipt = JSON.parse(
      await readFile(
        join(shop.prefix, "store", store.find((name) => name.startsWith(asFolder.slice(0, 16))) ?? "", "receipt.json"),
        "utf8",
      ),
    );
    expect(receipt.sources).toMatchObject([{ name: "hello", location: "user", verified: false }]);
    // The same content at another place is the same source.
    await cp(file.replace(/\.tar\.gz$/u, ""), join(shop.folder, "moved"), { recursive: true });
    const moved = await runJson(shop, ["build", "--yes", "--source", `hello=${join(shop.folder, "moved")}`]);
    expect(moved.record.builds[0]).toMatchObject({ key: asFolder, cached: true });
    const empty = join(shop.folder, "empty");
    await mkdir(empty);
    const before = await readdir(join(shop.prefix, "log"));
    const nothing = await runJson(shop, ["build", "--yes", "--source", `hello=${empty}`]);
    expect(nothing.record).toMatchObject({ exitCode: 1, error: { code: "source-unavailable" } });
    expect(nothing.stderr).toContain(`The folder given for hello holds nothing to build from (${empty})`);
    expect(await readdir(join(shop.prefix, "log"))).toEqual(before);
    for (const given of [[`hello=${shop.prefix}/share`], [`hello=${shop.folder}`], ["hello=a", "hello=b"]]) {
      const refused = await runJson(shop, ["build", "--yes", ...given.flatMap((one) => ["--source", one])]);
      expect([given, refused.record.error?.code]).toEqual([given, "usage"]);
    }
    const unknown = await runJson(shop, ["build", "--yes", "--source", `helo=${file}`]);
    expect(unknown.record).toMatchObject({ exitCode: 2, error: { code: "usage" } });
  });

  test("recipe lint tells every problem of every file with its place", async () => {
    expect((await runJson(shop, ["recipe", "lint"])).record).toMatchObject({ outcome: "done", problems: [] });
    for (const name of ["hello", "lookout"]) {
      const file = join(shop.recipes, name, "recipe.yaml");
      await writeFile(file, (await readFile(file, "utf8")).replace("summary:", "sumary:"));
    }
    const { record, exitCode, stderr } = await runJson(shop, ["recipe", "lint"]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/hello\/recipe\.yaml:3:1/u);
    expect(stderr).toMatch(/lookout\/recipe\.yaml:3:1/u);
    expect(stderr).toContain('did you mean "summary"');
    expect(record.error.code).toBe("recipe-invalid");
    const build = await runJson(shop, ["build", "--yes"]);
    expect(build.record).toMatchObject({ exitCode: 2, error: { code: "recipe-invalid" } });
  });

  test("a recipe of one's own by --recipes wins over TLSFORGE_RECIPES", async () => {
    const there = await runJson(shop, ["plan", "--recipes", shop.recipes], {
      environment: { TLSFORGE_RECIPES: "/nowhere" },
    });
    expect(there.record.builds.length).toBe(3);
    const missing = await runJson(shop, ["plan", "--recipes", "/nowhere"]);
    expect(missing.record).toMatchObject({
      exitCode: 2,
      error: { code: "usage", message: expect.stringContaining("/nowhere/stacks") },
    });
    const stack = await runJson(shop, ["plan", "smal"]);
    expect(stack.record).toMatchObject({
      exitCode: 2,
      error: { hint: "use one of small, as the argument or as stack: of the site file" },
    });
  });
});

async function greeting(shop: Workshop): Promise<string> {
  return readFile(join(shop.prefix, "share", "hello", "greeting"), "utf8");
}
