/**
 * kill -9 of the whole process group at random moments of a whole build of the stand-in. 20 moments; `npm run test:kills:builds` has 200.
 * TLSFORGE_TEST_SEED gives the same moments again. With TLSFORGE_TEST_KILLS_STACK=N, and TLSFORGE_TEST_KILLS_PREFIX naming a folder that is not
 * there yet, N moments of a whole provision of the real stack instead, server and all: some ten minutes each.
 */
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { describeWith } from "../tools/needs.ts";
import { everythingIsNamed, killAt, linesOf, momentsIn, nothingIsLeft, outputsAreIntact, seeded } from "./kills.ts";
import { saidBy, saying, standInArchives, standInShop, writeStandIn } from "./standin.ts";
import { root } from "../tools/checkout.ts";
import { freePort } from "./ports.ts";
import { compile, run, runJson, workshop, type Workshop } from "./support.ts";

const seed = Number(process.env["TLSFORGE_TEST_SEED"] ?? Date.now() % 1_000_000);
const ofStack = Number(process.env["TLSFORGE_TEST_KILLS_STACK"] ?? 0);

describeWith(["linux", "cc", "make", "autoconf"], "kill -9 at random moments of a build", () => {
  const moments = Number(process.env["TLSFORGE_TEST_KILLS_BUILDS"] ?? 20);
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
    say(`TLSFORGE_TEST_SEED=${seed}`);
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

// Not among those that a machine leaves out: this one is asked for.
if (ofStack > 0) describeWith(["linux"], "kill -9 at random moments of a provision of the real stack", realStack);

function realStack(): void {
  let shop: Workshop;

  beforeAll(async () => {
    await compile();
    const made = await workshop();
    const prefix = process.env["TLSFORGE_TEST_KILLS_PREFIX"] ?? made.prefix;
    shop = { ...made, home: homedir(), prefix };
  });

  afterAll(async () => {
    await run(shop, ["uninstall", "--yes", "--keep-cache"], { seconds: 600 });
    await shop.remove();
  });

  test(
    `${ofStack} moments`,
    async () => {
      say(`TLSFORGE_TEST_SEED=${seed}`);
      const site = join(shop.folder, "site.yaml");
      const server = `server: { listen: ["127.0.0.1:${await freePort()}"], names: [localhost] }`;
      await writeFile(site, `${server}\nhost: { packages: never, loader-path: false, low-port: none }\n`);
      const argv = ["provision", "--yes", "--config", site];
      await round(0);
      const whole = await linesOf(shop, argv);
      const random = seeded(seed);
      for (const [index, moment] of momentsIn(whole, ofStack, random).entries()) {
        await round(index + 1);
        const working = await killAt(shop, argv, moment);
        say(`${index}: after ${moment.lines} of ${whole.lines} lines and ${moment.ms} ms, at work: ${working}`);
        await python();
        await everythingIsNamed(shop);
        const { record } = await runJson(shop, argv, { seconds: 3600 });
        expect({ index, moment, exitCode: record.exitCode, error: record.error?.message }).toMatchObject({
          exitCode: 0,
        });
        await python();
        expect((await runJson(shop, ["status"])).record.exitCode).toBe(0);
      }
      await outputsAreIntact(shop);
      await nothingIsLeft(shop);
    },
    4 * 3_600_000,
  );

  /** The recipes of this checkout, with a key for every build that is this round's. */
  async function round(number: number): Promise<void> {
    await rm(shop.recipes, { recursive: true, force: true });
    await cp(join(root, "recipes"), shop.recipes, { recursive: true });
    for (const name of ["libffi", "openssl"]) {
      const file = join(shop.recipes, name, "recipe.yaml");
      const recipe = parseDocument(await readFile(file, "utf8"));
      recipe.setIn(["environment", "ROUND"], String(number));
      await writeFile(file, recipe.toString());
    }
  }

  /** The current generation's Python loads what serves. */
  async function python(): Promise<void> {
    const program = "import ssl, OpenSSL.SSL, twisted.web; print(ssl.OPENSSL_VERSION)";
    expect((await execa(join(shop.prefix, "bin", "python"), ["-I", "-c", program])).stdout).toMatch(/^OpenSSL /u);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
