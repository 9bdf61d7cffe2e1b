import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  collectGarbage,
  holdPrefix,
  lock,
  openPrefix,
  prefixPaths,
  readManifest,
  readReceipt,
  realise,
} from "../../../src/store/index.ts";
import { derivation, freshPrefix, provide, surroundings, writes } from "./helpers.ts";

const script = new URL("./child.ts", import.meta.url).pathname;

describe("kill -9", () => {
  it("at any moment of a build leaves no output that is taken for a whole one, and the rerun completes", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "slow");
    let interrupted = 0;
    for (let index = 0; index < 12; index += 1) {
      const child = await started("build", prefix);
      await sleep(index * 25);
      await killed(child);
      const whole = (await readReceipt(made.out)) !== null;
      if (!whole) interrupted += 1;
      expect(!whole || (await filesOf(made.out)) === 42).toBe(true);
    }
    expect(interrupted).toBeGreaterThan(3);
    const last = await started("build", prefix);
    expect(await lastLine(last)).toMatch(/^done/u);
    expect(await filesOf(made.out)).toBe(42);
    const report = await collectGarbage(prefix, { ...surroundings(), dryRun: false, now: Date.now() });
    expect(report.kept.filter(({ kind }) => kind !== "output" && kind !== "state")).toEqual([]);
    expect((await readdir(prefixPaths(prefix).store)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("at any moment of an activation leaves a current generation that works", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { slow: { "bin/tool": "#!/bin/sh\n" } });
    for (let index = 0; index < 8; index += 1) {
      const child = await started("activate", prefix);
      await sleep(10 + index * 13);
      await killed(child);
      const current = Number((await readlink(join(prefix, "current"))).split("/")[1]);
      expect(await readManifest(prefix)).toMatchObject({ generation: current });
      expect(await readFile(join(prefix, "bin/tool"), "utf8")).toBe("#!/bin/sh\n");
    }
    const before = (await readManifest(prefix))!.generation;
    const { manifest } = await provide(prefix, { slow: { "bin/tool": "#!/bin/sh\n" } });
    expect(manifest.generation).toBeGreaterThan(before);
    await collectGarbage(prefix, { ...surroundings(), dryRun: false, keep: 1, now: Date.now() });
    expect(await readdir(prefixPaths(prefix).generations)).toEqual([String(manifest.generation)]);
  });

  it.each(["gc", "another run"])(
    "while an output is built anew leaves the old one to %s, which puts it back",
    async (by) => {
      const prefix = await freshPrefix();
      await provide(prefix, { slow: { "bin/tool": "#!/bin/sh\n" } });
      await provide(prefix, { slow: { "bin/tool": "#!/bin/sh\n" } });
      const { out } = derivation(prefix, "slow");
      await killed(await started("replace", prefix));
      expect(await readReceipt(out)).toBeNull();
      const collect = { ...surroundings(), keep: 1, now: Date.now() };
      const planned = await collectGarbage(prefix, { ...collect, dryRun: true });
      expect(planned.kept).toContainEqual(
        expect.objectContaining({ why: "set aside by a run that was killed; the next run puts it back" }),
      );
      const around = surroundings();
      if (by === "gc") await collectGarbage(prefix, { ...collect, ...around, dryRun: false });
      else await (await holdPrefix(prefix, around, () => openPrefix(prefix, { create: true }))).release();
      expect(around.events).toContainEqual(expect.objectContaining({ type: "notice" }));
      expect(await readReceipt(out)).toMatchObject({ recipe: "slow" });
      expect(await readFile(join(prefix, "bin/tool"), "utf8")).toBe("#!/bin/sh\n");
      await collectGarbage(prefix, { ...collect, dryRun: false });
      expect(await readdir(prefixPaths(prefix).store)).toEqual([basename(out)]);
    },
  );

  it("after an output was built anew leaves the new one, and the old one as garbage", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { slow: {} });
    const { out } = derivation(prefix, "slow");
    const { store } = prefixPaths(prefix);
    await cp(out, join(store, `.tmp-aside-${basename(out)}`), { recursive: true });
    await writeFile(join(out, "new"), "");
    await collectGarbage(prefix, { ...surroundings(), dryRun: false, now: Date.now() });
    expect(await readdir(store)).toEqual([basename(out)]);
    expect(await readdir(out)).toContain("new");
    // What bears such a name without an output's stands for nothing.
    await mkdir(join(store, ".tmp-aside-"));
    await collectGarbage(prefix, { ...surroundings(), dryRun: false, now: Date.now() });
    expect(await readdir(store)).toEqual([basename(out)]);
  });

  it("of the holder frees a lock", async () => {
    const prefix = await freshPrefix();
    const child = await started("lock", prefix, "a");
    const path = join(prefixPaths(prefix).locks, "a");
    await expect(lock(path, { ...surroundings(), wait: false })).rejects.toThrow(`child, pid ${child.pid}, since`);
    await killed(child);
    await (
      await lock(path, { ...surroundings(), wait: false })
    )();
    expect(await readdir(prefixPaths(prefix).locks)).toEqual([]);
  });

  it("of the parent does not let its programs write into the next try", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "slow");
    await killed(await started("orphan", prefix));
    await expect.poll(() => filesOf(made.out)).toBe(1);
    const { receipt } = await realise(made, writes({ whole: "1" }), surroundings());
    await sleep(100);
    expect((await readdir(receipt.out)).toSorted()).toEqual(["contents.json", "receipt.json", "whole"]);
  });
});

describe("two processes", () => {
  it("build the same output once", async () => {
    const prefix = await freshPrefix();
    const children = await Promise.all(["build", "build", "build"].map((mode) => started(mode, prefix)));
    const ends = await Promise.all(children.map(lastLine));
    expect(ends.toSorted()).toEqual(["done built", "done cached", "done cached"]);
    expect((await readFile(join(prefix, "builds"), "utf8")).trim().split("\n")).toHaveLength(1);
  });

  it("that look for a lock left by a third get it one after the other", async () => {
    const prefix = await freshPrefix();
    const path = join(prefixPaths(prefix).locks, "a");
    await killed(await started("lock", prefix, "a"));
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "999999999_1_x_y_z_abc"), "");
    let inside = 0;
    let most = 0;
    const one = async (): Promise<void> => {
      const release = await lock(path, surroundings());
      inside += 1;
      most = Math.max(most, inside);
      await sleep(2);
      inside -= 1;
      await release();
    };
    // The claim of another host and boot cannot be judged: it holds until somebody who knows removes it.
    await expect(lock(path, { ...surroundings(), wait: false })).rejects.toThrow("pid 999999999");
    await rm(join(path, "999999999_1_x_y_z_abc"));
    await Promise.all(Array.from({ length: 12 }, one));
    expect(most).toBe(1);
  });
});

/** Starts the child and waits until it says that it is ready. */
async function started(mode: string, prefix: string, name = "slow"): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, mode, prefix, name], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function lastLine(child: ChildProcess): Promise<string> {
  let last = "";
  for await (const line of createInterface(child.stdout!)) last = line;
  return last;
}

/** How many files are in an output, however deep; 0 without it. */
async function filesOf(out: string): Promise<number> {
  try {
    const entries = await readdir(out, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
