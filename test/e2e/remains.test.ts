/** What builds leave: old logs that cannot be removed are in nobody's way, what a run has just told of stays, daemons are told. */
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openPrefix, scratchPath, writeFailed } from "../../src/store/index.ts";
import { describeWith } from "../tools/needs.ts";
import { compile, localVersion, run, runJson, smallShop, workshop, writeRecipes, type Workshop } from "./support.ts";

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

describeWith(["linux", "root", "unshare", "cc", "make", "setsid"], "what a build leaves", () => {
  let shop: Workshop;
  beforeAll(compile);
  afterEach(() => shop.remove());

  test("stays as it was told, whatever the clock said when others were left", async () => {
    shop = await smallShop({ before: ["- run: [sh, -c, 'exit 3']"] });
    const { prefix } = shop;
    const logs = join(prefix, "log");
    await openPrefix(prefix, { create: true });
    const future = new Date(Date.UTC(2230, 0, 1));
    for (let nth = 0; nth < 13; nth += 1) {
      const file = join(logs, `${nth.toString(16).repeat(64)}.log`);
      await writeFile(file, "tlsforge: hello 1.0.0, key k\n");
      await utimes(file, future, future);
    }
    for (const digit of ["a", "b", "c"]) {
      const build = { recipe: "hello", version: "1.0.0", key: digit.repeat(64) };
      const scratch = scratchPath(prefix, build);
      await mkdir(scratch, { recursive: true });
      const rest = { out: "/none", log: "/none", reason: "r", argv: null, directory: scratch, environment: {} };
      await writeFailed(scratch, { schema: "tlsforge.failed/1", ...build, ...rest, failed: future.toISOString() });
    }
    const { record } = await runJson(shop, ["build", "--yes", "--keep-failed"]);
    const [, kept = ""] = /the failed build is kept in (\S+)/u.exec(record.error?.hint ?? "") ?? [];
    const [, log = ""] = /the whole log: (\S+)$/u.exec(record.error?.hint ?? "") ?? [];
    expect(await readdir(logs)).toContain(basename(log));
    const folders = await readdir(join(prefix, "build"));
    expect(folders).toContain(basename(kept));
    // Each with its record.
    expect(folders).toHaveLength(6);
    expect((await run(shop, ["shell", "hello", "--command", "pwd"])).stdout).toBe(`${kept}/source\n`);
    expect((await run(shop, ["log", "hello"])).stdout).toContain("$ sh -c exit 3");
  });

  test("running is told once when it happens, and later in the record and the note of a build that went well", async () => {
    const long = `9.${process.pid}`;
    shop = await smallShop({ before: [`- run: [sh, -c, 'setsid sleep ${long} >/dev/null 2>&1 & sleep 0.3']`] });
    const { stdout, stderr } = await run(shop, ["build", "--yes", "--quiet"]);
    const text = `left running, and the seal ended: sleep ${long}`;
    expect(stderr).toMatch(new RegExp(`warning: hello 1\\.0\\.0: sh -c setsid .*${text}`, "u"));
    expect(`${stdout}${stderr}`.split(text)).toHaveLength(2);
    const { record } = await runJson(shop, ["build", "--yes"]);
    expect(record).toMatchObject({ outcome: "unchanged" });
    expect(record.warnings).toContainEqual(expect.stringContaining(text));
    expect((await run(shop, ["build", "--yes"])).stdout).toContain(`Note: ${String(record.warnings?.[0])}`);
  });
});
