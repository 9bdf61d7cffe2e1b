/** Runs that are interrupted, killed, or meet another run on the same prefix. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import {
  compile,
  ended,
  localVersion,
  recordOf,
  run,
  runJson,
  smallShop,
  start,
  writeRecipes,
  type Child,
  type Workshop,
} from "./support.ts";

const units = 6;
const pause = 0.25;

describeWith(["linux", "cc", "make", "setsid"], "interruptions", () => {
  let shop: Workshop;

  beforeAll(compile);

  beforeEach(async () => {
    shop = await smallShop({ units, pause });
  });

  afterEach(async () => shop.remove());

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s ends every child within seconds, exit 130, and the next run completes",
    async (signal) => {
      const child = start(shop, ["build", "--yes", "--json"]);
      await inCompilation(child);
      const busy = ownProcesses(shop).filter((pid) => pid !== child.pid);
      expect(busy.length).toBeGreaterThan(0);
      const asked = performance.now();
      child.kill(signal);
      const ran = await ended(child);
      expect(performance.now() - asked).toBeLessThan(6000);
      expect(ran.exitCode).toBe(130);
      expect(recordOf(ran).error).toMatchObject({ code: "interrupted", hint: expect.stringMatching(/.+/u) });
      expect(ownProcesses(shop)).toEqual([]);
      expect(await readdir(join(shop.prefix, "store"))).toEqual([]);
      expect(await readdir(join(shop.prefix, "build")).catch(() => [])).toEqual([]);
      const again = await runJson(shop, ["build", "--yes"]);
      expect(again.record).toMatchObject({ outcome: "done", generation: 1 });
    },
  );

  test("Ctrl-C on a terminal, where the whole group gets the signal, is the same", async () => {
    const child = start(shop, ["build", "--yes", "--json"], { under: ["setsid", "--wait"] });
    await inCompilation(child);
    const main = ownProcesses(shop).find(
      (pid) => commandOf(pid).includes("main.js build") && !commandOf(pid).startsWith("setsid"),
    );
    process.kill(-(main ?? 0), "SIGINT");
    const ran = await ended(child);
    expect(ran.exitCode).toBe(130);
    expect(ownProcesses(shop)).toEqual([]);
  });

  test("--no-wait: prefix-busy with the holder at once; looking does not wait", async () => {
    await writeRecipes(shop, { versions: [await localVersion(shop, "1.0.0", units)], pause: 2 });
    const first = start(shop, ["build", "--yes", "--json"]);
    await inCompilation(first);
    for (const argv of [
      ["build", "--yes"],
      ["uninstall", "--yes"],
    ]) {
      const { record, exitCode } = await runJson(shop, [...argv, "--no-wait"]);
      expect({ exitCode, code: record.error.code }).toEqual({ exitCode: 1, code: "prefix-busy" });
      expect(record.error.message).toContain(`pid ${first.pid}`);
    }
    for (const argv of [["plan"], ["generations"], ["log"], ["gc", "--no-wait"]])
      expect((await run(shop, argv)).exitCode).toBe(0);
    expect(hasEnded(first)).toBe(false);
    expect((await ended(first)).exitCode).toBe(0);
  });

  test("a run that waits can be interrupted, and leaves the other alone", async () => {
    // Long enough that the second run cannot get its turn before the signal reaches it.
    await writeRecipes(shop, { versions: [await localVersion(shop, "1.0.0", units)], pause: 2 });
    const first = start(shop, ["build", "--yes", "--json"]);
    await inCompilation(first);
    const second = start(shop, ["build", "--yes", "--json"]);
    let said = "";
    second.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => said.includes("waiting for build"), second);
    second.kill("SIGINT");
    const ran = await ended(second);
    expect({ exitCode: ran.exitCode, code: recordOf(ran).error.code }).toEqual({ exitCode: 130, code: "interrupted" });
    expect((await ended(first)).exitCode).toBe(0);
  });

  test("kill -9 at moments over a whole build: every rerun completes and the earlier generation works throughout", async () => {
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    const versions = [await localVersion(shop, "1.0.0", units)];
    const greet = (greeting: string): Promise<void> => writeRecipes(shop, { versions, pause, greeting });
    await greet("measured");
    const began = performance.now();
    expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    const whole = performance.now() - began;
    let before = "measured";
    const moments = 10;
    const killed: number[] = [];
    for (let index = 0; index < moments; index += 1) {
      const greeting = `round${index}`;
      await greet(greeting);
      // Spread over the whole of a build, each a little off so that no moment is always the same.
      const moment = ((index + Math.random()) / moments) * whole;
      killed.push(Math.round(moment));
      const child = start(shop, ["build", "--yes", "--json"]);
      await sleep(moment);
      child.kill("SIGKILL");
      await child;
      const told = { killed, stands: await standing(shop) };
      expect([before, greeting].map((name) => `hello 1.0.0 ${name}`)).toContain(told.stands);
      const { record } = await runJson(shop, ["build", "--yes"]);
      expect({ killed, exitCode: record.exitCode }).toEqual({ killed, exitCode: 0 });
      expect({ killed, stands: await standing(shop) }).toEqual({ killed, stands: `hello 1.0.0 ${greeting}` });
      expect(ownProcesses(shop)).toEqual([]);
      before = greeting;
    }
    const outputs = await readdir(join(shop.prefix, "store"));
    expect(outputs.filter((name) => !existsSync(join(shop.prefix, "store", name, "receipt.json")))).toEqual([]);
    expect(lockClaims(shop)).toEqual([]);
    expect((await runJson(shop, ["gc"])).exitCode).toBe(0);
    expect(await standing(shop)).toBe(`hello 1.0.0 ${before}`);
  });

  test("kill -9 while generations change hands: rollback can be repeated", async () => {
    const versions = [await localVersion(shop, "1.0.0", 1)];
    for (const greeting of ["one", "two"]) {
      await writeRecipes(shop, { versions, greeting });
      expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    }
    for (let index = 0; index < 6; index += 1) {
      const child = start(shop, ["rollback", index % 2 === 0 ? "1" : "2"]);
      await sleep(200 + index * 60);
      child.kill("SIGKILL");
      await child;
      expect(await readlink(join(shop.prefix, "current"))).toMatch(/^generations\/[12]$/u);
      expect(await standing(shop)).toMatch(/^hello 1\.0\.0 (?:one|two)$/u);
    }
    expect((await runJson(shop, ["rollback", "1"])).record).toMatchObject({ exitCode: 0, generation: 1 });
    expect(await standing(shop)).toBe("hello 1.0.0 one");
  });

  /** What the current generation's program and file say. */
  async function standing({ prefix }: Workshop): Promise<string> {
    const { stdout } = await execa(join(prefix, "bin", "hello"));
    return `${stdout} ${(await readFile(join(prefix, "share", "hello", "greeting"), "utf8")).trim()}`;
  }

  /** Waits until the first compilation of a run is under way. */
  async function inCompilation(child: Child): Promise<void> {
    await until(() => ownProcesses(shop).some((pid) => commandOf(pid).startsWith("sleep")), child);
  }
});

async function until(holds: () => boolean, child: Child): Promise<void> {
  const limit = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > limit || hasEnded(child)) throw new Error("the moment to wait for never came");
    await sleep(10);
  }
}

function hasEnded(child: Child): boolean {
  const { exitCode, signalCode } = child.nodeChildProcess;
  return exitCode !== null || signalCode !== null;
}

function lockClaims({ prefix }: Workshop): readonly string[] {
  const folder = join(prefix, "var", "locks", "prefix");
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Processes that work in the workshop or whose command line or environment names it. */
function ownProcesses({ folder }: Workshop): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(
      (pid) => [read(pid, "cmdline"), read(pid, "environ")].some((text) => text.includes(folder)) && !isZombie(pid),
    );
}

function commandOf(pid: number): string {
  return read(pid, "cmdline").split("\0").join(" ");
}

function isZombie(pid: number): boolean {
  return /\) Z /u.test(read(pid, "stat"));
}

/** A file of /proc; empty when the process is gone. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
