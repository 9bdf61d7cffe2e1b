/** A prefix whose file system has become read-only: every command that would change it says so, and what to do. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { compile, run, smallShop, type Workshop } from "./support.ts";

describeWith(["linux", "root", "cc", "make"], "a prefix that is mounted read-only", () => {
  let shop: Workshop;

  beforeAll(async () => {
    await compile();
    shop = await smallShop({});
    await mkdir(shop.prefix);
    await execa("mount", ["-t", "tmpfs", "-o", "mode=755", "tlsforge-test", shop.prefix]);
    const built = await run(shop, ["build", "--yes"]);
    if (built.exitCode !== 0) throw new Error(built.stderr);
    // What a run before the last boot has left cannot be swept away either.
    const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
    const sweep = join(shop.prefix, "var", "locks", "sweep");
    await mkdir(sweep);
    await writeFile(join(sweep, `1_1_earlier_1_${host}_0123`), "");
    await execa("mount", ["-o", "remount,ro", shop.prefix]);
  });

  afterAll(async () => {
    await execa("umount", ["-l", shop.prefix]);
    await shop.remove();
  });

  test.each([
    "gc",
    "rollback 1",
    "shell hello --command pwd",
    "uninstall --yes",
    "launch",
    "reload",
    "build --yes",
    "doctor --deep --repair",
  ])("%s", async (line) => {
    const { exitCode, stderr } = await run(shop, line.split(" "));
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`error[prefix-unusable]: Cannot use ${shop.prefix}`),
    });
    expect(stderr).toContain("EROFS");
    expect(stderr.replaceAll(/\s+/gu, " ")).toContain("mounted read-only: mount it writable");
  });
});
