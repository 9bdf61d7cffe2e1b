/** One run after the other meets a full disk in each phase: nothing is broken, and once there is space the run goes on where it was. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { nothingIsLeft, outputsAreIntact } from "./kills.ts";
import { saidBy, saying, standInArchives, standInShop, writeStandIn } from "./standin.ts";
import { compile, run, runJson, type Workshop } from "./support.ts";

describeWith(["linux", "root", "cc", "make", "autoconf"], "a full disk", () => {
  let archives: string;
  let shop: Workshop;
  const mounted: string[] = [];

  beforeAll(async () => {
    await compile();
    archives = await standInArchives();
    shop = await standInShop(archives);
    for (const folder of [cache(), inPrefix("build"), inPrefix("store"), inPrefix("generations")]) {
      await mkdir(folder, { recursive: true });
      await execa("mount", ["-t", "tmpfs", "-o", `mode=755,${plenty}`, "tlsforge-test", folder]);
      mounted.push(folder);
    }
  });

  afterAll(async () => {
    for (const folder of mounted.toReversed()) await execa("umount", ["-l", folder]);
    await shop.remove();
    await rm(archives, { recursive: true, force: true });
  });

  test("in every phase of a build", async () => {
    await writeStandIn(shop, { word: "one" });
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    const store = await readdir(inPrefix("store"));
    const alpha = await count(join(inPrefix("store"), store.find((name) => name.includes("-alpha-")) ?? ""));
    const generation = await count(join(inPrefix("generations"), "1"));
    await writeStandIn(shop, { word: "two" });
    for (const name of await readdir(cache())) await rm(join(cache(), name));

    await meets("fetch", cache(), "size=16k");
    // alpha comes first: 7 folders, its 5 files, the Makefile.
    await meets("unpack", inPrefix("build"), `nr_inodes=${(await used(inPrefix("build"))) + 9}`);
    await meets("build", inPrefix("build"), `nr_inodes=${(await used(inPrefix("build"))) + 13}`);
    await meets("install", inPrefix("store"), `nr_inodes=${(await used(inPrefix("store"))) + 3}`);
    // The list of contents, then the receipt, is one file too many.
    for (const room of [alpha - 2, alpha - 1])
      await meets("receipt", inPrefix("store"), `nr_inodes=${(await used(inPrefix("store"))) + room}`);
    await meets("view", inPrefix("generations"), `nr_inodes=${(await used(inPrefix("generations"))) + 4}`);
    // The manifest, and the site that is kept beside it.
    for (const room of [generation - 2, generation - 1])
      await meets("manifest", inPrefix("generations"), `nr_inodes=${(await used(inPrefix("generations"))) + room}`, [
        "one",
        "two",
      ]);

    const { record } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ exitCode: 0, generation: 2 });
    expect(await saidBy(shop)).toEqual(saying("two"));
    expect(await readdir(join(inPrefix("generations"), "2"))).toContain("site.json");
    await outputsAreIntact(shop);
    await nothingIsLeft(shop);
  });

  /** Runs with that much room; then there is plenty again. What stands is whole, with one of these words. */
  async function meets(phase: string, folder: string, room: string, words = ["one"]): Promise<void> {
    await execa("mount", ["-o", `remount,${room}`, folder]);
    const { record } = await runJson(shop, ["build", "--yes"]);
    await execa("mount", ["-o", `remount,${plenty}`, folder]);
    const { code, hint } = record.error ?? {};
    expect({ phase, exitCode: record.exitCode, code, hint }).toMatchObject({ phase, exitCode: 1, code: "disk-full" });
    expect(hint).toMatch(/space/u);
    expect({ phase, stands: words.map(saying) }).toMatchObject({
      phase,
      stands: expect.arrayContaining([await saidBy(shop)]),
    });
  }

  function cache(): string {
    return join(shop.home, ".cache", "tlsforge", "sources");
  }

  function inPrefix(name: string): string {
    return join(shop.prefix, name);
  }
});

const plenty = "size=64m,nr_inodes=10000";

/** Inodes of a tree. */
async function count(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true })).length + 1;
}

/** Inodes in use on a file system. */
async function used(folder: string): Promise<number> {
  const { stdout } = await execa("df", ["--output=iused", folder]);
  return Number(stdout.trim().split("\n").at(-1));
}
