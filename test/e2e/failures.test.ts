/** What goes wrong while sources are fetched and built: a clear message, the right exit code, and a prefix that still works. */
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { misbehaving, type Kind, type Misbehaving } from "./misbehaving.ts";
import {
  compile,
  digestOf,
  makeArchive,
  run,
  runJson,
  workshop,
  writeRecipes,
  type HelloRecipe,
  type Version,
  type Workshop,
} from "./support.ts";

describeWith(["linux", "cc", "make", "patch"], "failures", () => {
  let shop: Workshop;
  let web: Misbehaving;
  let archives: string;

  beforeAll(compile);

  beforeEach(async () => {
    shop = await workshop();
    archives = join(shop.folder, "archives");
    await mkdir(archives);
    web = await misbehaving(archives);
  });

  afterEach(async () => {
    await web.close();
    await shop.remove();
  });

  /** A version whose archive is there, at locations of the given kinds. */
  async function version(name: string, ...kinds: readonly Kind[]): Promise<Version> {
    const { sha256 } = await makeArchive(archives, name);
    return {
      version: name,
      sha256,
      locations: kinds.map((kind) => `{ url: "${web.at(kind, `hello-${name}.tar.gz`)}" }`),
    };
  }

  /** Sources that hold an archive made by the test. */
  async function archive(name: string, make: (folder: string, file: string) => Promise<unknown>): Promise<Version> {
    const file = join(archives, `hello-${name}.tar.gz`);
    await make(archives, file);
    return { version: name, sha256: await digestOf(file), locations: [`{ file: ${file} }`] };
  }

  /** A prefix that holds a good generation, and recipes of which the next build fails. */
  async function afterGood(bad: HelloRecipe): Promise<void> {
    await writeRecipes(shop, { versions: [await version("1.0.0", "good")], greeting: "good" });
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    await writeRecipes(shop, bad);
  }

  /** The earlier generation is the current one and works; nothing is left of what failed. */
  async function stillWorks(): Promise<void> {
    expect((await execa(join(shop.prefix, "bin", "hello"))).stdout).toBe("hello 1.0.0");
    expect(await readFile(join(shop.prefix, "share", "hello", "greeting"), "utf8")).toBe("good\n");
    const outputs = await readdir(join(shop.prefix, "store"));
    for (const output of outputs)
      expect((await stat(join(shop.prefix, "store", output, "receipt.json"))).isFile()).toBe(true);
    expect(await readdir(join(shop.prefix, "build")).catch(() => [])).toEqual([]);
    expect(await readdir(join(shop.prefix, "generations"))).toEqual(["1"]);
  }

  test("bytes that do not match: both digests, no further try of the same place, nothing kept", async () => {
    const bad = await version("2.0.0", "wrong");
    await afterGood({ versions: [bad] });
    const { record, exitCode, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error.code).toBe("source-mismatch");
    expect(stderr).toContain(bad.sha256);
    expect(web.asked.filter((line) => line.startsWith("GET") && line.includes("/wrong/")).length).toBe(1);
    expect(await readdir(join(shop.home, ".cache", "tlsforge", "sources"))).not.toContain(bad.sha256);
    await stillWorks();
  });

  test("bytes that do not match, and a place that has the right ones: built, and it says so", async () => {
    await writeRecipes(shop, { versions: [await version("1.0.0", "wrong", "good")] });
    const { record, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ outcome: "done", warnings: [] });
    expect(record.builds[0]?.location).toContain("/good/");
    expect(stderr).toMatch(/not from .*\/wrong\//u);
  });

  test("a download that always ends early: what the place did, exit 1", async () => {
    await afterGood({ versions: [await version("2.0.0", "short")] });
    const { record, exitCode, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error.code).toBe("source-unavailable");
    expect(stderr).toContain("/short/hello-2.0.0.tar.gz");
    await stillWorks();
  });

  test("a server that never answers counts as one that has nothing, in bounded time", async () => {
    await writeRecipes(shop, { versions: [await version("2.0.0", "silent"), await version("1.0.0", "good")] });
    const { record, stderr } = await runJson(shop, ["build", "--yes"], { seconds: 60 });
    expect(record.builds[0]?.version).toBe("1.0.0");
    expect(stderr).toMatch(/\/silent\/hello-2\.0\.0\.tar\.gz: no answer in time/u);
  });

  test("endless bytes are cut off, and take no disk afterwards", async () => {
    await afterGood({ versions: [await version("2.0.0", "endless")] });
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(["source-unavailable", "source-mismatch"]).toContain(record.error.code);
    const { stdout } = await execa("du", ["-sk", shop.home, join(shop.prefix, "cache")]);
    for (const line of stdout.split("\n")) expect(Number(line.split("\t")[0])).toBeLessThan(2048);
    await stillWorks();
  });

  test("the newest cannot be had: the one below is built, and it is said in the plan, at the end, in record and receipt", async () => {
    await writeRecipes(shop, { versions: [await version("2.0.0", "missing"), await version("1.0.0", "good")] });
    const plan = await run(shop, ["plan"]);
    expect(plan.stdout).toMatch(/hello 2\.0\.0 cannot be had; 1\.0\.0 is the newest that can/u);
    const { record, stderr, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(0);
    expect(record.builds[0]).toMatchObject({ recipe: "hello", version: "1.0.0" });
    expect(record.warnings).toEqual(["hello 1.0.0 was built because 2.0.0 could not be had"]);
    expect(stderr.match(/hello 2\.0\.0 could not be had, taking 1\.0\.0/gu)?.length).toBe(2);
    expect(stderr).toMatch(/warnings? of this run:\n {2}warning: hello 2\.0\.0/u);
    expect(stderr).toMatch(/\/missing\/hello-2\.0\.0\.tar\.gz: .*404/u);
    const receipt = JSON.parse(
      await readFile(join(shop.prefix, "store", await outputOf("hello"), "receipt.json"), "utf8"),
    ) as object;
    expect(receipt).toMatchObject({
      version: "1.0.0",
      fallback: { wanted: "2.0.0", reasons: [expect.stringContaining("404")] },
    });
    const quiet = await run(shop, ["plan", "--quiet"]);
    expect(quiet.stderr).toContain("hello 2.0.0 could not be had");
  });

  test("nothing can be had: what each location answered, and how to bring the file", async () => {
    const file = `{ file: ${archives}/gone.tar.gz }`;
    const newest = await version("2.0.0", "missing");
    const versions = [newest, await version("1.0.0", "missing")].map((entry) => ({
      ...entry,
      locations: [...entry.locations, file],
    }));
    await writeRecipes(shop, { versions });
    const { record, exitCode, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({
      code: "source-unavailable",
      hint: expect.stringContaining("--source hello=FILE"),
    });
    expect(record.error.details).toHaveLength(4);
    expect(record.error.details.filter((line) => line.includes("404"))).toHaveLength(2);
    expect(record.error.details.filter((line) => line.includes("gone.tar.gz"))).toHaveLength(2);
    for (const detail of record.error.details) expect(stderr).toContain(detail);
  });

  test("--offline takes what the cache has, and nothing from anywhere else", async () => {
    await writeRecipes(shop, { versions: [await version("1.0.0", "good")] });
    const before = await runJson(shop, ["build", "--yes", "--offline"]);
    expect(before.record.error.code).toBe("source-unavailable");
    expect(web.asked).toEqual([]);
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    const asked = web.asked.length;
    const other = await runJson(shop, ["build", "--yes", "--offline", "--prefix", join(shop.folder, "other")]);
    expect(other.record.outcome).toBe("done");
    expect(web.asked.length).toBe(asked);
  });

  test("what is built can be had without its source: no cache, no network", async () => {
    await writeRecipes(shop, { versions: [await version("1.0.0", "good")] });
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    const asked = web.asked.length;
    for (const cache of [join(shop.home, ".cache"), join(shop.prefix, "cache")])
      await rm(cache, { recursive: true, force: true });
    const { record } = await runJson(shop, ["build", "--yes", "--offline"]);
    expect(record).toMatchObject({ exitCode: 0, outcome: "unchanged" });
    expect(web.asked.length).toBe(asked);
  });

  test("--mirror is asked first, by digest", async () => {
    const listed = await version("1.0.0", "missing");
    await execa("cp", [join(archives, "hello-1.0.0.tar.gz"), join(archives, listed.sha256)]);
    await writeRecipes(shop, { versions: [listed] });
    const { record } = await runJson(shop, ["build", "--yes", "--mirror", web.at("good", "").replace(/\/$/u, "")]);
    expect(record.builds[0]?.location).toContain(`/good/${listed.sha256}`);
  });

  test.each([
    ["a member that leaves the folder", ["--transform", "s|^out|hello-2.0.0/../../out|", "out"]],
    [
      "a link that points out, and a file below it",
      ["hello-2.0.0", "--transform", "s|^out|hello-2.0.0/link/out|", "out"],
    ],
    ["an absolute member", ["--transform", "s|^out|/tmp/tlsforge-e2e-outside|", "out"]],
  ])("an archive with %s is refused", async (_what, members) => {
    const bad = await archive("2.0.0", async (folder, file) => {
      await mkdir(join(folder, "hello-2.0.0"));
      await symlink("/", join(folder, "hello-2.0.0", "link"));
      await writeFile(join(folder, "out"), "out\n");
      await execa("tar", ["-P", "-czf", file, ...members], { cwd: folder });
    });
    await afterGood({ versions: [bad] });
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({ code: "archive-unsafe", hint: expect.stringMatching(/.+/u) });
    await stillWorks();
  });

  test("an archive that is none, with the right digest", async () => {
    await afterGood({
      versions: [await archive("2.0.0", (_folder, file) => writeFile(file, "this is no archive\n".repeat(500)))],
    });
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect({ exitCode, code: record.error.code }).toEqual({ exitCode: 1, code: "archive-broken" });
    await stillWorks();
  });

  test("a patch that does not apply names itself and the hunk", async () => {
    await afterGood({ versions: [await version("2.0.0", "good")], before: ["- patch: patches/wrong.patch"] });
    await mkdir(join(shop.recipes, "hello", "patches"));
    const text = ["--- a/hello.h", "+++ b/hello.h", "@@ -1 +1 @@", "-this line is not there", "+nor this", ""].join(
      "\n",
    );
    await writeFile(join(shop.recipes, "hello", "patches", "wrong.patch"), text);
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error.code).toBe("patch-failed");
    expect(record.error.message).toContain("wrong.patch");
    expect(record.error.details.join("\n")).toMatch(/Hunk #1 FAILED/u);
    await stillWorks();
  });

  test("a patch file that is not there is the recipe's mistake", async () => {
    await writeRecipes(shop, { versions: [await version("1.0.0", "good")], before: ["- patch: patches/none.patch"] });
    const { record, exitCode } = await runJson(shop, ["plan"]);
    expect({ exitCode, code: record.error.code }).toEqual({ exitCode: 2, code: "recipe-invalid" });
    expect(record.error.message).toContain("patches/none.patch");
  });

  test("a compilation that fails: the last lines, the log, and the log command shows it", async () => {
    await afterGood({
      versions: [await version("2.0.0", "good")],
      before: ['- files: [{ to: "${source}/unit0.c", content: "#include <nowhere/at-all.h>\\n" }]'],
    });
    const { record, exitCode, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error.code).toBe("build-failed");
    expect(stderr).toMatch(/nowhere\/at-all\.h: No such file/u);
    const log = /the whole log: (\S+)/u.exec(record.error.hint)?.[1] ?? "";
    expect(await readFile(log, "utf8")).toContain("nowhere/at-all.h");
    expect((await run(shop, ["log"])).stdout).toContain("nowhere/at-all.h");
    await stillWorks();
  });

  test("a program that says something else than the gate expects", async () => {
    await afterGood({
      versions: [await version("2.0.0", "good")],
      before: ['- run: [sed, -i, "s/hello 2/goodbye 2/", library.c]'],
    });
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect({ exitCode, code: record.error.code }).toEqual({ exitCode: 1, code: "gate-failed" });
    expect(record.error.message + record.error.details.join()).toContain("goodbye 2.0.0");
    await stillWorks();
  });

  test("what the machine lacks is named all at once, before anything is fetched", async () => {
    const requirements = [
      "{ program: no-such-compiler }",
      "{ program: no-such-tool }",
      "{ header: no/such/header.h }",
      "{ program: no-such-luxury, wanted: true, why: luxury }",
    ];
    await writeRecipes(shop, { versions: [await version("1.0.0", "good")], requirements });
    const { record, exitCode, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error.code).toBe("requirement-missing");
    for (const name of ["no-such-compiler", "no-such-tool", "no/such/header.h"]) expect(stderr).toContain(name);
    expect(web.asked.filter((line) => line.startsWith("GET"))).toEqual([]);
    const plan = await run(shop, ["plan"]);
    expect(plan.exitCode).toBe(0);
    expect(plan.stdout).toContain("no-such-tool");
    const doctor = await runJson(shop, ["doctor"]);
    expect(doctor.record.checks.find((check) => check.id === "requirement:no-such-tool")?.outcome).toBe("fail");
  });

  test("what is only wanted is said and left out", async () => {
    await writeRecipes(shop, {
      versions: [await version("1.0.0", "good")],
      requirements: ["{ program: no-such-luxury, wanted: true, why: luxury }"],
    });
    const { record, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(record.outcome).toBe("done");
    expect(stderr).toContain("no-such-luxury is not there: luxury is left out");
  });

  test("a log of what failed stays bounded in the record: twenty lines, not the whole output", async () => {
    await writeRecipes(shop, {
      versions: [await version("1.0.0", "good")],
      before: ['- run: [sh, -c, "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exit 7"]'],
    });
    const { record } = await runJson(shop, ["build", "--yes"]);
    expect(record.error.message).toMatch(/failed: exit 7$/u);
    expect(record.error.details).toHaveLength(20);
    expect(record.error.details.at(-1)).toBe("line 4999");
    const log = (await run(shop, ["log"])).stdout;
    expect(log).toContain("line 0\n");
  });

  async function outputOf(recipe: string): Promise<string> {
    const names = await readdir(join(shop.prefix, "store"));
    return names.find((name) => name.includes(`-${recipe}-`)) ?? "";
  }
});
