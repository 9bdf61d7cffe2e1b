import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ResolvedRecipe } from "../../../src/recipe/index.ts";
import { collectGarbage, logPath, readReceipt } from "../../../src/store/index.ts";
import { markedPrograms } from "../../../src/store/processes.ts";
import { describeWith, needs } from "../../tools/needs.ts";
import {
  derivationOf,
  failureOf,
  freshFolder,
  leftovers,
  logOf,
  machineSeal,
  make,
  prepare,
  processesWith,
  programs,
} from "./helpers.ts";

const run = promisify(execFile);
/** A time to sleep by which a process of this run is known, and of no other. */
const unique = (seconds: number): string => `${seconds}.${process.pid}`;
const long = unique(61);
const hidden = unique(14);
const deaf = unique(62);
const killed = unique(63);
const short = unique(8);
const script = new URL("./child.ts", import.meta.url).pathname;

describeWith(["linux", "cc", "make", "patch"], "the end of a build", () => {
  it.each([
    ["in the group of its step", `sleep ${long} & exit 0`],
    ["in a session of its own", `setsid sleep ${long} >/dev/null 2>&1 & sleep 0.2`],
    ["in a session of its own, holding the output", `setsid sleep ${long} & sleep 0.2`],
  ])("comes to what a step leaves behind %s", async (_, text) => {
    const project = await prepare(await freshFolder());
    const started = performance.now();
    await make(project, { recipe: programs(["sh", "-c", text], ["touch", "${out}/x"]) });
    expect(await processesWith(`sleep\u0000${long}`)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("unsealed does not wait for what hides from it and holds the output", async () => {
    const project = await prepare(await freshFolder());
    const text = `env -i setsid sleep ${hidden} & sleep 0.2; echo last words`;
    const seal = await machineSeal([]);
    const { derivation } = await make(project, { seal, recipe: programs(["sh", "-c", text], ["touch", "${out}/x"]) });
    expect(await processesWith(`sleep\u0000${hidden}`)).toHaveLength(1);
    expect(logOf(derivation)).toMatch(/last words\n+\[something that could not be ended still holds/u);
    for (const pid of await processesWith(`sleep\u0000${hidden}`)) process.kill(pid, "SIGKILL");
  });

  it("by an abort comes to the whole tree within four seconds, leaves nothing, and a rerun completes", async () => {
    const project = await prepare(await freshFolder());
    const recipe: Partial<ResolvedRecipe> = {
      steps: [
        ...project.recipe.steps.slice(0, 2),
        // Deaf to a polite request, make's child and one in a session of its own.
        {
          kind: "files",
          files: [
            {
              to: "${build}/slow.mk",
              content: `all: a b\na:\n\tsetsid sleep ${deaf}\nb:\n\ttrap '' TERM; sleep ${deaf}; sleep ${deaf}\n`,
            },
          ],
        },
        { kind: "make", targets: ["-f", "${build}/slow.mk", "all"], variables: {}, parallel: true },
      ],
    };
    const controller = new AbortController();
    const building = failureOf(make(project, { recipe, signal: controller.signal }));
    await expect.poll(() => processesWith(`sleep\u0000${deaf}`), { timeout: 20_000 }).toHaveLength(2);
    const started = performance.now();
    controller.abort();
    expect(await building).toMatchObject({ code: "interrupted" });
    expect(performance.now() - started).toBeLessThan(4000);
    expect(await processesWith(`sleep\u0000${deaf}`)).toEqual([]);
    expect(await leftovers(project.prefix)).toEqual([]);
    expect(await make(project)).toMatchObject({ cached: false });
  });

  it("before it began is an interruption too", async () => {
    const project = await prepare(await freshFolder());
    expect(await failureOf(make(project, { signal: AbortSignal.abort() }))).toMatchObject({ code: "interrupted" });
    expect(await leftovers(project.prefix)).toEqual([]);
  });

  it.each([
    ["namespaces", ["--namespaces"]],
    ["namespaces without a process table", ["--namespaces", "--no-pid"]],
    ["Landlock alone", []],
  ])("by kill -9 of ourselves comes to what is sealed by %s", async (name, way) => {
    const lone = unique(name.length + 100);
    const folder = await freshFolder();
    const child = await started(folder, lone, [way]);
    await expect.poll(() => processesWith(`sleep\u0000${lone}`).then(({ length }) => length)).toBeGreaterThan(1);
    // Also where the seal covers the prefix, they are known as its programs.
    const marked = [...(await markedPrograms(join(folder, "p"))).values()].flat();
    expect(marked).toEqual(expect.arrayContaining(await processesWith(`sleep\u0000${lone}`)));
    child.kill("SIGKILL");
    await once(child, "exit");
    await expect.poll(() => processesWith(lone), { timeout: 2000 }).toEqual([]);
  });

  it("by an abort between two steps lets none begin that no program belongs to", async () => {
    const project = await prepare(await freshFolder());
    const controller = new AbortController();
    const begun: string[] = [];
    const steps = ["a", "b"].map((name) => ({
      kind: "files" as const,
      files: [{ to: `\${build}/${name}`, content: name }],
    }));
    const building = make(project, {
      recipe: { steps },
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type !== "build-step") return;
        begun.push(event.step);
        controller.abort();
      },
    });
    expect(await failureOf(building)).toMatchObject({ code: "interrupted" });
    expect(begun).toHaveLength(1);
  });

  it("by kill -9 of ourselves leaves what the rerun and gc remove", async () => {
    const folder = await freshFolder();
    const child = await started(folder, killed);
    const prefix = join(folder, "p");
    await expect.poll(() => processesWith(`sleep\u0000${killed}`).then(({ length }) => length)).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(readdirSync(join(prefix, "build"))).toHaveLength(1);
    expect(readdirSync(join(prefix, "store"))).toHaveLength(1);
    const report = await collectGarbage(prefix, {
      dryRun: false,
      now: Date.now(),
      what: "test",
      wait: true,
      emit: () => undefined,
      signal: new AbortController().signal,
    });
    expect(report.removed.map(({ kind, why }) => `${kind}: ${why}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^output: left by an interrupted or failed build; still running: process \d+/u),
        expect.stringMatching(/^temporary: left by an interrupted build; still running: process \d+/u),
      ]),
    );
    expect(await processesWith(`sleep\u0000${killed}`)).toEqual([]);
    expect(await leftovers(prefix)).toEqual([]);
  });

  it("by kill -9 of ourselves does not hinder the rerun", async () => {
    const folder = await freshFolder();
    const child = await started(folder, short);
    await expect.poll(() => processesWith(`sleep\u0000${short}`).then(({ length }) => length)).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await processesWith(`sleep\u0000${short}`)).not.toEqual([]);
    const again = await started(folder, short);
    expect(await lastLine(again)).toBe("done built");
    expect(await processesWith(`sleep\u0000${short}`)).toEqual([]);
    expect(await leftovers(join(folder, "p"))).toEqual([]);
    expect(await lastLine(await started(folder, short))).toBe("done cached");
  });
});

describeWith(["linux"], "a build that prints a lot", () => {
  it("has a whole log and takes little memory", async () => {
    const project = await prepare(await freshFolder());
    const recipe = programs(
      ["sh", "-c", "yes 0123456789012345678901234567890123456789 | head -c 30000000; echo the end"],
      ["touch", "${out}/x"],
    );
    const before = process.memoryUsage.rss();
    let highest = before;
    const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 5);
    const { derivation } = await make(project, { recipe });
    clearInterval(watch);
    const log = logPath(project.prefix, derivation.key);
    expect(statSync(log).size).toBeGreaterThan(30_000_000);
    expect(statSync(log).size).toBeLessThan(30_010_000);
    expect(readFileSync(log).includes("the end\n\n[exit 0, ")).toBe(true);
    expect((highest - before) / 1024 / 1024).toBeLessThan(40);
  });

  it("without an end to its lines takes little memory too", async () => {
    const project = await prepare(await freshFolder());
    const before = process.memoryUsage.rss();
    await make(project, {
      recipe: programs(["sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' x"], ["touch", "${out}/x"]),
    });
    expect((process.memoryUsage.rss() - before) / 1024 / 1024).toBeLessThan(40);
  });
});

describeWith(["linux", "cc", "make", "patch", "python3"], "CPU seconds", () => {
  it("are those of a parallel make and all its compilers", async () => {
    const project = await prepare(await freshFolder());
    const measure =
      "import os, subprocess, sys; code = subprocess.call(sys.argv[1:]); t = os.times(); print('measured', t.children_user + t.children_system); sys.exit(code)";
    const recipe: Partial<ResolvedRecipe> = {
      steps: [
        ...project.recipe.steps.slice(0, 2),
        { kind: "run", argv: ["python3", "-c", measure, "make", "-j2", "heavy", "CFLAGS=-O2"] },
        { kind: "run", argv: ["touch", "${out}/x"] },
      ],
      gates: [],
    };
    const { derivation, receipt } = await make(project, { recipe });
    const measured = Number(/^measured ([\d.]+)$/mu.exec(logOf(derivation))?.[1]);
    expect(measured).toBeGreaterThan(0.5);
    const [, configured = ""] = /\[exit 0, ([\d.]+) CPU s\]\s+\$ python3/u.exec(logOf(derivation)) ?? [];
    const ours = receipt.cpuSeconds - Number(configured);
    expect(ours / measured).toBeGreaterThan(0.8);
    expect(ours / measured).toBeLessThan(1.2);
  });
});

const noDisk =
  needs("linux", "root", "unshare", "cc", "make", "patch") ?? (mayMount() ? null : "needs the right to mount");
describe.skipIf(noDisk !== null)(`a full disk${noDisk === null ? "" : ` (${noDisk})`}`, () => {
  it.each([
    ["a step", 'head -c 8m /dev/zero >"$0/big"', ["bin"]],
    ["the log", "while :; do echo 0123456789012345678901234567890123456789; done", []],
  ])("met by %s is told as such and a rerun completes when there is space", async (_, text) => {
    const disk = await freshFolder();
    await run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
    onTestFinished(async () => void (await run("umount", ["-l", disk])));
    const project = await prepare(disk);
    const recipe = programs(["sh", "-c", text, "${out}"]);
    const error = await failureOf(make(project, { recipe }));
    expect(error.code).toBe("disk-full");
    expect(error.hint).toMatch(/tlsforge gc/u);
    expect(await leftovers(project.prefix)).toEqual([]);
    await rm(logPath(project.prefix, derivationOf(project, { recipe }).key));
    const { derivation } = await make(project);
    expect(await readReceipt(derivation.out)).not.toBeNull();
  });

  it("met while unpacking is told as such", async () => {
    const disk = await freshFolder();
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
    onTestFinished(async () => void (await run("umount", ["-l", disk])));
    const project = await prepare(disk);
    await writeFile(join(disk, "filler"), Buffer.alloc(2 << 20)).catch(() => undefined);
    expect(await failureOf(make(project))).toMatchObject({ code: "disk-full" });
    await rm(join(disk, "filler"));
    expect(await make(project)).toMatchObject({ cached: false });
  });
});

/** Starts the child, unsealed unless ways are given, and waits until its slow step runs, or it has ended. */
async function started(
  folder: string,
  seconds: string,
  ways: readonly (readonly string[])[] = [],
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, folder, seconds, JSON.stringify(ways)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    for (const pid of await processesWith(`sleep\u0000${seconds}`)) process.kill(pid, "SIGKILL");
    await sleep(50);
  });
  await once(child.stdout, "readable");
  return child;
}

async function lastLine(child: ChildProcess): Promise<string> {
  let last = "";
  for await (const line of createInterface(child.stdout!)) last = line;
  return last;
}

/** Containers often have root without the right to mount. */
function mayMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
