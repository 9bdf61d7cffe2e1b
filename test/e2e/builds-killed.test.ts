/**
 * kill -9 of the whole process group at random moments of a whole build of the stand-in. 20 moments; `npm run test:kills:builds` has 200.
 * TLSFORGE_TEST_SEED gives the same moments again.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { everythingIsNamed, killAt, linesOf, momentsIn, nothingIsLeft, outputsAreIntact, seeded } from "./kills.ts";
import { saidBy, saying, standInArchives, standInShop, writeStandIn } from "./standin.ts";
import { compile, run, runJson, type Workshop } from "./support.ts";

describeWith(["linux", "cc", "make", "autoconf"], "kill -9 at random moments of a build", () => {
  const moments = Number(process.env["TLSFORGE_TEST_KILLS_BUILDS"] ?? 20);
  const seed = Number(process.env["TLSFORGE_TEST_SEED"] ?? Date.now() % 1_000_000);
  let archives: string;
  let shop: Workshop;

  beforeAll(async () => {
    await compile();
    archives = await standInArchives();
    shop = await standInShop(archives);
  });

  afterAll(async () => {
    await shop.remove();
    await rm(archives, { recursive: true, force: true });
  });

  test(`${moments} moments: the current generation works, the rerun completes, and gc names what is left`, async () => {
    console.log(`TLSFORGE_TEST_SEED=${seed}`);
    const random = seeded(seed);
    const argv = ["build", "--yes", "--json"];
    await writeStandIn(shop, { word: "first" });
    expect((await run(shop, argv)).exitCode).toBe(0);
    // A whole round like those that are to come: sources are fetched, everything is built.
    await fresh("measured");
    const whole = await linesOf(shop, argv);
    let before = "measured";
    let interrupted = 0;
    for (const [index, moment] of momentsIn(whole, moments, random).entries()) {
      const word = `round${index}`;
      await fresh(word);
      if (await killAt(shop, argv, moment)) interrupted += 1;
      const told = { seed, index, moment };
      const stands = await saidBy(shop);
      expect({ ...told, whole: [saying(before), saying(word)].some((said) => said.join() === stands.join()) }).toEqual({
        ...told,
        whole: true,
      });
      await everythingIsNamed(shop);
      const { record } = await runJson(shop, argv.slice(0, -1));
      expect({ ...told, exitCode: record.exitCode, error: record.error?.message }).toEqual({ ...told, exitCode: 0 });
      expect({ ...told, stands: await saidBy(shop) }).toEqual({ ...told, stands: saying(word) });
      before = word;
    }
    // Else no moment was in the middle of anything.
    expect(interrupted).toBeGreaterThan(moments / 2);
    await outputsAreIntact(shop);
    await nothingIsLeft(shop);
    expect(await saidBy(shop)).toEqual(saying(before));
  });

  /** Recipes whose builds all have new keys, and no source in the cache. */
  async function fresh(word: string): Promise<void> {
    await writeStandIn(shop, { word });
    await rm(join(shop.home, ".cache", "tlsforge", "sources"), { recursive: true, force: true });
  }
});
