/** A cache of sources that this user may not write to, and one whose files are not what they were. */
import { chmod, mkdir, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { saidBy, saying, standInArchives, standInShop, writeStandIn } from "./standin.ts";
import { compile, recordOf, run, type Workshop } from "./support.ts";

describeWith(["linux", "root", "setpriv", "cc", "make", "autoconf"], "the cache of sources", () => {
  let archives: string;
  let shop: Workshop;
  // Wherever this checkout lies, it is to be read; that is all this user may more than others.
  const reads = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"];
  const under = ["setpriv", "--reuid", "65534", "--clear-groups", ...reads];

  beforeAll(async () => {
    await compile();
    archives = await standInArchives();
    shop = await standInShop(archives);
  });

  afterAll(async () => {
    await shop.remove();
    await rm(archives, { recursive: true, force: true });
  });

  test("of somebody else is said, and the prefix's own is used; then what was cut short, changed or is no file is fetched anew", async () => {
    const cache = join(shop.home, ".cache", "tlsforge", "sources");
    await mkdir(cache, { recursive: true });
    await mkdir(shop.prefix);
    await execa("chown", ["-R", "65534", shop.folder]);
    await execa("chown", ["-R", "0", join(shop.home, ".cache")]);
    await chmod(cache, 0o700);
    await writeStandIn(shop, { word: "one" });
    const first = await run(shop, ["build", "--yes", "--json"], { under });
    expect(recordOf(first).exitCode).toBe(0);
    expect(first.stderr).toContain(
      `The cache ${cache} cannot be written to (EACCES): ${shop.prefix}/cache/sources is used`,
    );
    expect(await readdir(cache)).toEqual([]);

    const own = join(shop.prefix, "cache", "sources");
    const [cut = "", other = "", folder = ""] = (await readdir(own)).filter((name) => !name.endsWith(".origin"));
    await truncate(join(own, cut), 100);
    await writeFile(join(own, other), "other bytes");
    await rm(join(own, folder));
    await mkdir(join(own, folder));
    await writeStandIn(shop, { word: "two" });
    const second = await run(shop, ["build", "--yes", "--json"], { under });
    expect(recordOf(second).exitCode).toBe(0);
    for (const name of [cut, other]) expect(second.stderr).toContain(`is damaged (${join(own, name)}): removed`);
    expect(second.stderr).toContain(`cannot be read (EISDIR) (${join(own, folder)}): removed`);
    expect(await saidBy(shop)).toEqual(saying("two"));
  });

  test("is bounded by a run that fetches: what nothing needs goes, the oldest first", async () => {
    const own = join(shop.prefix, "cache", "sources");
    const names = ["a", "b"].map((letter) => letter.repeat(64));
    for (const [age, name] of names.entries()) {
      // Holes take no space.
      await writeFile(join(own, name), "");
      await truncate(join(own, name), 400 * 1024 * 1024);
      const then = new Date(Date.now() - (age + 1) * 3_600_000);
      await utimes(join(own, name), then, then);
    }
    const [source = ""] = (await readdir(own)).filter((name) => !name.endsWith(".origin") && !names.includes(name));
    await rm(join(own, source));
    await writeStandIn(shop, { word: "three" });
    const { stderr } = await run(shop, ["build", "--yes", "--verbose"], { under });
    expect(stderr).toContain("caches: 1 file of sources that nothing needs removed");
    const left = await readdir(own);
    expect(names.map((name) => left.includes(name))).toEqual([true, false]);
    expect(left).toContain(source);
  });
});
