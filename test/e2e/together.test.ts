/** Two runs on one prefix at once: builds are shared, and only what one at a time may do waits. */
import { readdirSync, readFileSync, watch } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { saidBy, saying, standInArchives, standInShop, standIns, writeStandIn } from "./standin.ts";
import { compile, ended, recordOf, run, runJson, start, type Child, type Workshop } from "./support.ts";

describeWith(["linux", "cc", "make", "autoconf"], "two runs at once", () => {
  let archives: string;
  let shop: Workshop;

  beforeAll(async () => {
    await compile();
    archives = await standInArchives();
  });

  afterAll(() => rm(archives, { recursive: true, force: true }));

  beforeEach(async () => {
    shop = await standInShop(archives);
  });

  afterEach(() => shop.remove());

  test("build each recipe once, say whose build they take, and both end with the whole generation", async () => {
    await writeStandIn(shop, { word: "shared", pause: 0.3 });
    const made = await watchStore(shop);
    const first = start(shop, ["build", "--yes", "--json"]);
    await inCompilation(shop, first);
    const second = start(shop, ["build", "--yes", "--json"]);
    const [one, two] = await Promise.all([ended(first), ended(second)]);
    expect([recordOf(one), recordOf(two)]).toMatchObject([
      { exitCode: 0, generation: 1 },
      { exitCode: 0, generation: 1 },
    ]);
    const outcomes = [recordOf(one), recordOf(two)].map(({ outcome }) => outcome);
    expect(outcomes.toSorted()).toEqual(["done", "unchanged"]);
    // Each was built by one of them, and the store saw each output made once.
    const built = [recordOf(one), recordOf(two)].flatMap(({ builds }) => builds.filter(({ cached }) => !cached));
    expect(built.map(({ recipe }) => recipe).toSorted()).toEqual(standIns.toSorted());
    expect(made().toSorted()).toEqual(standIns.toSorted());
    expect(two.stderr).toMatch(
      new RegExp(`waiting for build, pid ${first.pid}, since 20\\S+; takes its build of \\S+ 1\\.0\\.0`, "u"),
    );
    expect(await saidBy(shop)).toEqual(saying("shared"));
    expect(await readdir(join(shop.prefix, "var", "locks"))).toEqual([]);
  });

  test("the first killed in mid-build: the second takes over", async () => {
    await writeStandIn(shop, { word: "orphaned", pause: 0.3 });
    const first = start(shop, ["build", "--yes", "--json"]);
    await inCompilation(shop, first);
    const second = start(shop, ["build", "--yes", "--json"]);
    await waiting(second);
    first.kill("SIGKILL");
    const ran = await ended(second);
    expect(recordOf(ran)).toMatchObject({ outcome: "done", exitCode: 0, generation: 1 });
    const taken = /takes its build of (\S+) /u.exec(ran.stderr)?.[1];
    expect(recordOf(ran).builds).toContainEqual(expect.objectContaining({ recipe: taken, cached: false }));
    expect(await saidBy(shop)).toEqual(saying("orphaned"));
  });

  test("the first fails: the second tries itself and fails with an error of its own", async () => {
    await writeStandIn(shop, { word: "unlucky", pause: 0.3, failing: "alpha" });
    const made = await watchStore(shop);
    const first = start(shop, ["build", "--yes", "--json"]);
    await inCompilation(shop, first);
    const second = start(shop, ["build", "--yes", "--json"]);
    const records = (await Promise.all([ended(first), ended(second)])).map(recordOf);
    for (const { exitCode, error } of records) {
      expect({ exitCode, code: error.code }).toEqual({ exitCode: 1, code: "build-failed" });
      expect(error.details.join("\n")).toContain("no luck with unlucky");
    }
    expect(made()).toEqual(["alpha", "alpha"]);
    expect(await readdir(join(shop.prefix, "store"))).toEqual([]);
  });

  test("while one builds, others roll back and collect garbage, and spare what it holds; uninstall waits for it", async () => {
    for (const word of ["one", "two"]) {
      await writeStandIn(shop, { word });
      expect((await run(shop, ["build", "--yes"])).exitCode).toBe(0);
    }
    await writeStandIn(shop, { word: "three", pause: 1 });
    const first = start(shop, ["build", "--yes", "--json"]);
    await inCompilation(shop, first);
    expect((await runJson(shop, ["rollback", "1", "--no-wait"])).record).toMatchObject({ exitCode: 0, generation: 1 });
    const { record } = await runJson(shop, ["gc", "--keep", "1", "--no-wait"]);
    expect(record).toMatchObject({ exitCode: 0 });
    expect(record.removed.filter(({ path }) => /-(alpha|beta|gamma)-|\/cache\//u.test(path))).toEqual([]);
    expect((await runJson(shop, ["build", "--yes", "--no-wait"])).record.error).toMatchObject({
      code: "prefix-busy",
      message: expect.stringMatching(/^Another run builds \S+ 1\.0\.0: build, pid \d+/u),
    });
    expect((await runJson(shop, ["uninstall", "--yes", "--no-wait"])).record.error.code).toBe("prefix-busy");
    const last = start(shop, ["uninstall", "--yes", "--json"]);
    const [built, removed] = await Promise.all([ended(first), ended(last)]);
    expect(recordOf(built)).toMatchObject({ outcome: "done", generation: 3 });
    expect(recordOf(removed).exitCode).toBe(0);
    expect(await readdir(shop.folder)).not.toContain("prefix");
  });
});

/** Counts how often each recipe's output folder is made. */
async function watchStore({ prefix }: Workshop): Promise<() => readonly string[]> {
  const store = join(prefix, "store");
  await mkdir(store, { recursive: true });
  const made: string[] = [];
  let there = new Set<string>();
  const watcher = watch(store, () => {
    const now = new Set(readdirSync(store).filter((name) => !name.startsWith(".")));
    made.push(
      ...[...now].filter((name) => !there.has(name)).map((name) => name.replace(/^[0-9a-f]{16}-(.*)-1\.0\.0$/u, "$1")),
    );
    there = now;
  });
  return () => {
    watcher.close();
    return made;
  };
}

async function waiting(child: Child): Promise<void> {
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until(() => said.includes("waiting for build"), child);
}

/** Waits until a compilation of a run is under way. */
async function inCompilation({ folder }: Workshop, child: Child): Promise<void> {
  await until(() => {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
    return pids.some((pid) => read(pid, "cmdline").startsWith("sleep\0") && read(pid, "environ").includes(folder));
  }, child);
}

async function until(holds: () => boolean, { nodeChildProcess }: Child): Promise<void> {
  const limit = performance.now() + 30_000;
  while (!holds()) {
    const over = nodeChildProcess.exitCode !== null || nodeChildProcess.signalCode !== null;
    if (performance.now() > limit || over) throw new Error("the moment to wait for never came");
    await sleep(10);
  }
}

/** A file of /proc; empty when the process is gone. */
function read(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
