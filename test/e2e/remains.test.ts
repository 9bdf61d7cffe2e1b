/** Old logs that cannot be removed are in nobody's way. */
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openPrefix } from "../../src/store/index.ts";
import { describeWith } from "../tools/needs.ts";
import { compile, localVersion, runJson, workshop, writeRecipes, type Workshop } from "./support.ts";

describeWith(["linux", "root", "cc", "make"], "an old log that cannot be removed", () => {
  let shop: Workshop;
  let logs: string;
  let stuck: string;
  const nameOf = (nth: number): string => `${nth.toString(16).repeat(64)}.log`;

  beforeAll(compile);
  beforeEach(async () => {
    shop = await workshop();
    logs = join(shop.prefix, "log");
    await openPrefix(shop.prefix, { create: true });
    await mkdir(logs, { recursive: true });
    // Twelve of a recipe stay, the newest first.
    for (let nth = 0; nth < 15; nth += 1) {
      await writeFile(join(logs, nameOf(nth)), "tlsforge: hello 1.0.0, key k\n");
      await utimes(join(logs, nameOf(nth)), 1000 + nth, 1000 + nth);
    }
    // What something is mounted on stays, whoever wants it gone.
    stuck = nameOf(3);
    await execa("mount", ["--bind", join(logs, stuck), join(logs, stuck)]);
  });
  afterEach(async () => {
    await execa("umount", [join(logs, stuck)]);
    await shop.remove();
  });

  const warned = new RegExp(`warning: Old logs could not be removed: EBUSY.*${"3".repeat(64)}\\.log`, "u");

  test("is a warning of a build that goes well, and keeps no other log", async () => {
    await writeRecipes(shop, { versions: [await localVersion(shop, "1.0.0")] });
    const { record, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ outcome: "done", exitCode: 0, generation: 1 });
    expect(stderr).toMatch(warned);
    const left = (await readdir(logs)).filter((name) =>
      Array.from({ length: 15 }, (_, nth) => nameOf(nth)).includes(name),
    );
    expect(left.toSorted()).toEqual([stuck, ...Array.from({ length: 11 }, (_, nth) => nameOf(nth + 4))].toSorted());
  });

  test("does not hide why a build failed", async () => {
    const before = ["- run: [sh, -c, 'exit 3']"];
    await writeRecipes(shop, { versions: [await localVersion(shop, "1.0.0")], before });
    const { record, stderr } = await runJson(shop, ["build", "--yes"]);
    expect(record.error).toMatchObject({ code: "build-failed" });
    expect(stderr).toMatch(warned);
  });
});
