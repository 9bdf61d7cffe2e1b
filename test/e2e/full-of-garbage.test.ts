/** A prefix without any room left: going back, collecting garbage and building again lead out of it. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { compile, localVersion, run, runJson, smallShop, writeRecipes, type Workshop } from "./support.ts";

describeWith(["linux", "root", "cc", "make"], "a full disk", () => {
  let shop: Workshop;
  let garbage: string;

  beforeAll(compile);
  beforeEach(async () => {
    shop = await smallShop();
    await mkdir(shop.prefix);
    await execa("mount", ["-t", "tmpfs", "-o", "mode=755,size=4m,nr_inodes=500", "tlsforge-test", shop.prefix]);
    await build();
    await writeRecipes(shop, { versions: [await localVersion(shop, "2.0.0")] });
    await build();
    garbage = join(shop.prefix, "store", "0123456789abcdef-hello-0.1");
    await mkdir(garbage);
  });
  afterEach(async () => {
    await execa("umount", ["-l", shop.prefix]);
    await shop.remove();
  });

  test.each([
    ["blocks", 1 << 16],
    ["inodes", 0],
  ])("without %s", async (_, bytes) => {
    await writeRecipes(shop, { versions: [await localVersion(shop, "3.0.0")] });
    await fill(bytes);
    expect(await refused(["build", "--yes"])).toBe("disk-full");
    expect((await readdir(join(shop.prefix, "store"))).filter((name) => name.startsWith("."))).toEqual([]);
    expect((await runJson(shop, ["rollback", "1"])).record).toMatchObject({ exitCode: 0, generation: 1 });
    await fill(bytes);
    await collects();
    await fill(bytes);
    await mkdir(garbage).catch(() => undefined);
    await collects();
    await build();
  });

  /** What room there is goes into an output that nobody builds. */
  async function fill(bytes: number): Promise<void> {
    for (let size = bytes; ; size = Math.floor(size / 2)) {
      for (let full = false; !full;)
        full = await writeFile(join(garbage, `${size}-${Math.random()}`), Buffer.alloc(size), { flag: "wx" }).then(
          () => false,
          () => true,
        );
      if (size < 4096) return;
    }
  }

  async function collects(): Promise<void> {
    const { record } = await runJson(shop, ["gc"]);
    expect(record).toMatchObject({ exitCode: 0, removed: [expect.objectContaining({ path: garbage })] });
  }

  async function build(): Promise<void> {
    const built = await run(shop, ["build", "--yes"]);
    if (built.exitCode !== 0) throw new Error(built.stderr);
  }

  async function refused(argv: readonly string[]): Promise<string | undefined> {
    return (await runJson(shop, argv)).record.error?.code;
  }
});
