/** What stands in the way of a build is told before anything is fetched, all of it at once. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { root } from "../tools/checkout.ts";
import { describeWith } from "../tools/needs.ts";
import { compile, localVersion, run, runJson, workshop, writeRecipes, type Workshop } from "./support.ts";

describeWith(["linux", "cc", "make"], "preflight", () => {
  let shop: Workshop;

  beforeAll(compile);
  beforeEach(async () => {
    shop = await workshop();
  });
  afterEach(() => shop.remove());

  test("too little space and a program that is missing are told together, and nothing is fetched", async () => {
    const disk = "{ scratch: 900000000, output: 1 }";
    const versions = [await localVersion(shop, "1.0.0")];
    await writeRecipes(shop, {
      versions,
      disk,
      requirements: ["program: tlsforge-no-such", 'program: cc\n    version: ">=900"'],
    });
    const { record, exitCode } = await runJson(shop, ["build", "--yes"]);
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({ code: "disk-full", message: "2 things stand in the way of the builds" });
    expect(record.error.details.join("\n")).toMatch(
      /the builds need 900000\.0 GB in .*prefix, where \d[\d.]* .?B are free/,
    );
    expect(record.error.details.join("\n")).toMatch(/this machine lacks tlsforge-no-such, cc/);
    expect(record.error.details.join("\n")).toMatch(/program cc >=900: found \d+/);
    expect(await readdir(join(shop.home, ".cache", "tlsforge", "sources")).catch(() => [])).toEqual([]);
  });

  test("a prefix inside of another, or of the checkout, is not made", async () => {
    await writeRecipes(shop, { versions: [await localVersion(shop, "1.0.0")] });
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    for (const [prefix, words] of [
      [join(shop.prefix, "store", "mine"), `lies inside of another one, ${shop.prefix}`],
      [join(root, "no-such-prefix"), "lies inside of tlsforge's own folder"],
    ] as const) {
      const { exitCode, stderr } = await run(shop, ["build", "--yes", "--prefix", prefix]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(words);
      await expect(stat(prefix)).rejects.toThrow("ENOENT");
    }
  });
});

describeWith(["linux", "root", "unshare", "cc", "make"], "preflight on file systems of its own", () => {
  let shop: Workshop;

  beforeAll(compile);
  beforeEach(async () => {
    shop = await workshop();
  });
  afterEach(() => shop.remove());

  test("a prefix on a file system from which nothing may be run is refused before anything is built", async () => {
    await writeRecipes(shop, { versions: [await localVersion(shop, "1.0.0")] });
    const mounted = 'mkdir -p "$0" && mount -t tmpfs -o noexec,mode=755 none "$0" && exec "$@"';
    const under = ["unshare", "--mount", "sh", "-c", mounted, shop.prefix];
    const { record, exitCode } = await runJson(shop, ["build", "--yes"], { under });
    expect(exitCode).toBe(1);
    expect(record.error).toMatchObject({
      code: "prefix-unusable",
      message: `programs cannot be run in ${shop.prefix}/store (EACCES): builds do`,
      hint: expect.stringContaining("without noexec") as string,
    });
  });
});
