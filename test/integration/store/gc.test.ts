import { execFile, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  activate,
  boundLogs,
  buildLock,
  collectGarbage,
  holdPrefix,
  lock,
  logPath,
  outputVariable,
  prefixPaths,
  realise,
  rollbackTo,
  testedOutput,
  type GarbageReport,
} from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { derivation, freshPrefix, parts, provide, result, surroundings, writes } from "./helpers.ts";

const run = promisify(execFile);
const script = new URL("./child.ts", import.meta.url).pathname;

describe("collectGarbage", () => {
  it("keeps the current and the newest generations with what they use, and says before what it would do", async () => {
    const prefix = await freshPrefix();
    for (const name of ["one", "two", "three", "four"]) await provide(prefix, { [name]: {} });
    const planned = await collect(prefix, { keep: 2, dryRun: true });
    expect(await names(prefix)).toEqual(["four", "one", "three", "two"]);
    const done = await collect(prefix, { keep: 2 });
    expect(done).toEqual(planned);
    expect(
      done.removed.map(({ kind, path, why }) => `${kind} ${basename(path).replace(/^[0-9a-f]{16}-/u, "")}: ${why}`),
    ).toEqual([
      "generation 1: older than those that are kept",
      "generation 2: older than those that are kept",
      expect.stringMatching(/^output (one|two)-1\.0: no generation that is kept uses it$/u),
      expect.stringMatching(/^output (one|two)-1\.0: no generation that is kept uses it$/u),
    ]);
    expect(done.removed.every(({ bytes }) => bytes > 0)).toBe(true);
    expect(await names(prefix)).toEqual(["four", "three"]);
    expect((await collect(prefix, { keep: 2 })).removed).toEqual([]);
  });

  it("keeps an older generation that is current or stands by", async () => {
    const prefix = await freshPrefix();
    for (const name of ["one", "two", "three", "four"]) await provide(prefix, { [name]: {} });
    await rollbackTo(prefix, 1, surroundings());
    await collect(prefix, { keep: 1, keepGenerations: [2] });
    expect(await names(prefix)).toEqual(["four", "one", "two"]);
  });

  it("removes what has no receipt, unless it is being built or is not ours", async () => {
    const prefix = await freshPrefix();
    const { store } = prefixPaths(prefix);
    const [failed, building] = [derivation(prefix, "failed"), derivation(prefix, "building")];
    for (const path of [failed.out, building.out, join(store, "mine"), join(store, ".tmp-0123")]) await mkdir(path);
    const release = await lock(buildLock(prefix, building.key), surroundings());
    const report = await collect(prefix, {});
    expect(report.removed.map(({ path }) => path).toSorted()).toEqual(
      [failed.out, join(store, ".tmp-0123")].toSorted(),
    );
    expect(report.kept.flatMap(({ kind, why }) => (kind === "output" ? [why] : [])).toSorted()).toEqual([
      "being built",
      "not made by tlsforge",
    ]);
    await release();
    await collect(prefix, {});
    expect(await readdir(store)).toEqual(["mine"]);
  });

  it("removes old unfinished downloads, dead locks and old temporary files, and keeps fresh ones", async () => {
    const prefix = await freshPrefix();
    const { sources, locks, var: state } = prefixPaths(prefix);
    const weekAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    const files = [
      join(sources, "old.part"),
      join(sources, "new.part"),
      join(sources, "whole"),
      join(state, ".tmp-old"),
      join(state, ".tmp-new"),
    ];
    for (const path of files) await writeFile(path, "");
    for (const path of files.filter((name) => /old|whole/u.test(name))) await utimes(path, weekAgo, weekAgo);
    const child = start("sleep", ["60"]);
    await mkdir(join(locks, "dead"), { recursive: true });
    const release = await lock(join(locks, "dead"), surroundings());
    const own = (await readdir(join(locks, "dead")))[0]!;
    await release();
    await mkdir(join(locks, "dead"));
    await writeFile(join(locks, "dead", own.replace(/^\d+_\d+/u, `${child.pid}_1`)), "{}");
    await collect(prefix, {});
    expect((await readdir(sources)).toSorted()).toEqual(["new.part", "whole"]);
    expect((await readdir(state)).toSorted()).toEqual([".tmp-new", "lock-reserve", "locks", "tls"]);
    expect(await readdir(locks)).toEqual([]);
    await stopped(child);
  });

  it("names and removes scratch folders of killed builds, and keeps those that are built in", async () => {
    const prefix = await freshPrefix();
    const held = derivation(prefix, "held").key.slice(0, 16);
    const scratch = join(prefix, "build");
    for (const name of [`${held}-held`, "0123456789abcdef-killed", ".tmp-fresh", "mine"])
      await mkdir(join(scratch, name, "source"), { recursive: true });
    const release = await lock(join(prefixPaths(prefix).locks, held), surroundings("build of held 1.0"));
    const planned = await collect(prefix, { dryRun: true });
    const report = await collect(prefix, {});
    expect(report.removed).toEqual(planned.removed);
    expect(report.removed.map(({ kind, path, why }) => `${kind} ${basename(path)}: ${why}`)).toEqual([
      "temporary 0123456789abcdef-killed: left by an interrupted build",
      "temporary .tmp-fresh: left by an interrupted run",
    ]);
    expect(report.removed.every(({ bytes }) => bytes > 0)).toBe(true);
    expect(report.kept).toContainEqual({
      kind: "temporary",
      path: join(scratch, `${held}-held`),
      why: "being built in",
      bytes: 0,
    });
    await release();
    await collect(prefix, {});
    expect(await readdir(scratch)).toEqual(["mine"]);
  });

  it("names and ends what killed builds and tests left running, whether its folder is there or not", async () => {
    const prefix = await freshPrefix();
    const held = derivation(prefix, "held").key.slice(0, 16);
    const names = ["0123456789abcdef-there-check", "123456789abcdef0-gone-check", `${held}-held-check`];
    const checks = names.map((name) => join(prefix, "build", name));
    for (const folder of checks.filter((name) => !name.includes("gone"))) await mkdir(folder, { recursive: true });
    const output = derivation(prefix, "left").out;
    await mkdir(output);
    const outs = [...checks.map((folder) => testedOutput(folder)), output];
    const programs = outs.map((out) => start("sleep", ["60"], { env: { [outputVariable]: out } }));
    const others = [join(prefix, "elsewhere", "out"), `${prefix}x/build/${names[0]}/out`];
    const foreign = others.map((out) => start("sleep", ["60"], { env: { [outputVariable]: out } }));
    const release = await lock(buildLock(prefix, held), surroundings("tests of held 1.0"));
    const planned = await collect(prefix, { dryRun: true });
    const [there, gone, , left] = programs.map(({ pid }) => `still running: process ${pid}`);
    expect(planned.removed.map(({ path, why }) => `${path}: ${why}`)).toEqual([
      `${output}: left by an interrupted or failed build; ${left}`,
      `${checks[0]}: left by an interrupted build; ${there}`,
      `${checks[1]}: left by an interrupted build; ${gone}`,
    ]);
    const ends = [programs[0]!, programs[1]!, programs[3]!].map((program) => once(program, "exit"));
    expect((await collect(prefix, {})).removed).toEqual(planned.removed);
    expect(await Promise.all(ends)).toEqual([1, 2, 3].map(() => [null, "SIGKILL"]));
    expect([programs[2]!, ...foreign].map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([
      null,
      null,
      null,
    ]);
    await release();
  });

  it("names and ends what a killed build left running in its folder, when nothing of its output is there", async () => {
    const prefix = await freshPrefix();
    const { out } = derivation(prefix, "slow");
    const scratch = join(prefix, "build", basename(out).replace(/-1\.0$/u, ""));
    await mkdir(scratch, { recursive: true });
    const program = start("sleep", ["60"], { env: { [outputVariable]: out } });
    const ends = once(program, "exit");
    const { removed } = await collect(prefix, {});
    expect(removed.map(({ path, why }) => `${path}: ${why}`)).toEqual([
      `${scratch}: left by an interrupted build; still running: process ${program.pid}`,
    ]);
    expect(await ends).toEqual([null, "SIGKILL"]);
  });

  it("spares what is fresh among the temporary ones where another run may be trying the place", async () => {
    const prefix = await freshPrefix();
    const { store } = prefixPaths(prefix);
    const hold = await holdPrefix(prefix, surroundings("provision"), () => Promise.resolve());
    await hold.narrow([]);
    for (const name of [".tmp-fresh", ".tmp-old"]) await mkdir(join(store, name));
    const before = new Date(Date.now() - 2 * 24 * 3600 * 1000);
    await utimes(join(store, ".tmp-old"), before, before);
    await collect(prefix, {});
    expect(await readdir(store)).toEqual([".tmp-fresh"]);
    await hold.release();
    await collect(prefix, {});
    expect(await readdir(store)).toEqual([]);
  });

  it("does not run beside another run", async () => {
    const prefix = await freshPrefix();
    const release = await lock(join(prefixPaths(prefix).locks, "prefix"), surroundings("provision"));
    const refused = collectGarbage(prefix, { ...surroundings(), wait: false, dryRun: false, now: Date.now() });
    await expect(refused).rejects.toMatchObject({
      code: "prefix-busy",
      message: expect.stringContaining("provision, pid"),
    });
    await release();
  });
});

describeWith(["linux"], "collectGarbage beside live processes", () => {
  it("keeps what a live process uses, and its inputs", async () => {
    const prefix = await freshPrefix();
    const input = derivation(prefix, "input");
    const used = derivation(prefix, "used", [input]);
    const program = async ({ out }: { readonly out: string }) => {
      await mkdir(join(out, "bin"));
      await copyFile("/bin/sleep", join(out, "bin/sleep"));
      return result;
    };
    await realise(input, writes({ "lib/libinput.so": "" }), surroundings());
    await realise(used, program, surroundings());
    await activate(prefix, parts([used]), surroundings());
    const child = start(join(prefix, "bin/sleep"), ["60"]);
    await once(child, "spawn");
    await provide(prefix, { new: {} });
    const report = await collect(prefix, { keep: 1 });
    expect(await names(prefix)).toEqual(["input", "new", "used"]);
    const why = report.kept.filter(({ kind }) => kind === "output").map((item) => item.why);
    expect(why.filter((text) => text === `in use by process ${child.pid}`)).toHaveLength(2);
    await stopped(child);
    await collect(prefix, { keep: 1 });
    expect(await names(prefix)).toEqual(["new"]);
  });

  it("keeps what a process stands in", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { one: { "share/file": "" } });
    const child = start("sleep", ["60"], { cwd: join(prefix, "current/share") });
    await once(child, "spawn");
    await provide(prefix, { two: {} });
    const report = await collect(prefix, { keep: 1 });
    expect(report.kept).toContainEqual(expect.objectContaining({ path: join(prefix, "generations/1") }));
    expect(await names(prefix)).toEqual(["one", "two"]);
    await stopped(child);
  });
});

describeWith(["linux", "root"], "collectGarbage by a user who cannot see everything", () => {
  it("removes nothing that a process which hides itself may use", async () => {
    const prefix = await freshPrefix();
    for (const name of ["one", "two"]) await provide(prefix, { [name]: {} });
    await run("chmod", ["755", join(prefix, "..")]);
    await run("chown", ["-R", "65534:65534", prefix]);
    // Of another user, which nobody cannot look into; it names the prefix but no output.
    const child = start("sh", ["-c", "sleep 60; :", join(prefix, "bin/tool")]);
    await once(child, "spawn");
    const collectAsNobody = async (): Promise<GarbageReport> =>
      JSON.parse(
        (await run(process.execPath, [script, "gc", prefix], { uid: 65534, gid: 65534 })).stdout,
      ) as GarbageReport;
    const report = await collectAsNobody();
    // The shell, or its child before that has become sleep.
    const hidden = expect.stringMatching(/^process \d+ may use it and does not let us look$/);
    expect(report.kept.map(({ why }) => why)).toContainEqual(hidden);
    expect(await names(prefix)).toEqual(["one", "two"]);
    await stopped(child);
    await collectAsNobody();
    expect(await names(prefix)).toEqual(["two"]);
  });
});

describe("boundLogs", () => {
  it("keeps the newest within the bound and those of outputs that are kept", async () => {
    const prefix = await freshPrefix();
    const keys = ["a", "b", "c", "d", "e"].map((digit) => digit.repeat(64));
    for (const [index, key] of keys.entries()) {
      await writeFile(logPath(prefix, key), "x".repeat(100));
      await utimes(logPath(prefix, key), 1000 + index, 1000 + index);
    }
    const bound = { files: 3, bytes: 250 };
    expect(await boundLogs(prefix, new Set([keys[0]!.slice(0, 16)]), bound)).toEqual(
      [keys[2], keys[1]].map((key) => logPath(prefix, key!)),
    );
    expect(await boundLogs(prefix, new Set(), { files: 9, bytes: 10 })).toHaveLength(2);
    expect(await readdir(prefixPaths(prefix).log)).toEqual([`${keys[4]}.log`]);
  });
});

function collect(prefix: string, options: Partial<Parameters<typeof collectGarbage>[1]>): Promise<GarbageReport> {
  return collectGarbage(prefix, { ...surroundings(), dryRun: false, now: Date.now(), ...options });
}

/** Recipes whose outputs are in the store. */
async function names(prefix: string): Promise<string[]> {
  return (await readdir(prefixPaths(prefix).store)).map((name) => name.split("-")[1]!).toSorted();
}

function start(
  program: string,
  argv: readonly string[],
  options: Pick<SpawnOptions, "cwd" | "env"> = {},
): ChildProcess {
  const child = spawn(program, argv, { ...options, stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function stopped(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}
