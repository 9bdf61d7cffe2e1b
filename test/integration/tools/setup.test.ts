import { existsSync } from "node:fs";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../../tools/checkout.ts";
import { describeWith } from "../../tools/needs.ts";

let checkout: string;

/** A checkout of a few lines that shares the packages of this one. */
beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), "tlsforge-setup-"));
  await mkdir(join(checkout, "src", "build", "seal"), { recursive: true });
  await mkdir(join(checkout, "tools", "node"), { recursive: true });
  const files = [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "rolldown.config.mjs",
    "tools/setup.mjs",
    "tools/lock.mjs",
    "src/build/seal/seal.pl",
  ];
  for (const file of [...files, "tools/node/package-lock.json", "tools/node/package.json"]) {
    await cp(join(root, file), join(checkout, file));
  }
  await share("node_modules");
  await share("tools/node/node_modules");
  await put(
    "src/main.ts",
    'import { a } from "./a.ts";\nconsole.log(["main", a, ...process.argv.slice(2)].join("|"));\n',
  );
  await put("src/a.ts", 'export const a: string = "A";\n');
  await mkdir(join(checkout, "src", "host"));
  await put("src/host/root-helper.ts", 'console.log("helper");\n');
});

afterEach(async () => {
  await rm(checkout, { recursive: true, force: true });
});

/** Links the packages one by one, in a folder of its own: an npm that empties it empties nothing else. */
async function share(folder: string): Promise<void> {
  if (!existsSync(join(root, folder))) return;
  await mkdir(join(checkout, folder));
  for (const name of await readdir(join(root, folder))) {
    if (!name.startsWith(".")) await symlink(join(root, folder, name), join(checkout, folder, name));
  }
  await cp(join(root, folder, ".package-lock.json"), join(checkout, folder, ".package-lock.json"));
}

async function put(file: string, text: string): Promise<void> {
  await writeFile(join(checkout, file), text);
}

function setup(...argv: string[]) {
  return execa(process.execPath, [join(checkout, "tools/setup.mjs"), ...argv], { reject: false, timeout: 30_000 });
}

test("builds dist from src and runs the program with its arguments", async () => {
  const run = await setup("run", "dist/main.js", "x", "y z");
  expect(run).toMatchObject({ exitCode: 0, stdout: "main|A|x|y z", stderr: "setup: building dist/" });
});

test("bin/tlsforge runs the program from anywhere, through a link, and after the checkout has moved", async () => {
  await setup();
  expect((await execa(join(checkout, "bin/tlsforge"), ["x", "y z"], { cwd: "/" })).stdout).toBe("main|A|x|y z");
  const moved = `${checkout} moved`;
  await rename(checkout, moved);
  try {
    await symlink(join(moved, "bin/tlsforge"), join(moved, "link"));
    expect((await execa(join(moved, "link"), ["x"], { cwd: "/" })).stdout).toBe("main|A|x");
  } finally {
    await rename(moved, checkout);
  }
});

test("a bin/tlsforge that is gone or was changed is written again, and nothing is built for it", async () => {
  await setup();
  const written = await readFile(join(checkout, "bin/tlsforge"), "utf8");
  await put("bin/tlsforge", "exit 1\n");
  expect(await setup()).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await readFile(join(checkout, "bin/tlsforge"), "utf8")).toBe(written);
});

test("an unchanged second run does nothing and says nothing", async () => {
  await setup();
  const before = await stat(join(checkout, "dist"));
  expect(await setup("run", "dist/main.js")).toMatchObject({ stdout: "main|A", stderr: "" });
  expect((await stat(join(checkout, "dist"))).ino).toBe(before.ino);
});

test("what leaves src leaves dist, what changes there changes here", async () => {
  const mainOf = (imported: string): string =>
    `const { a } = await import("./${imported}.ts");\nconsole.log("main|" + a);\n`;
  await put("src/old.ts", 'export const a: string = "old";\n');
  await put("src/main.ts", mainOf("old"));
  await setup();
  expect((await setup("run", "dist/main.js")).stdout).toBe("main|old");
  await rm(join(checkout, "src/old.ts"));
  await put("src/main.ts", mainOf("a"));
  await put("src/a.ts", 'export const a: string = "B";\n');
  expect((await setup("run", "dist/main.js")).stdout).toBe("main|B");
  expect(await readdir(join(checkout, "dist/chunks"))).toEqual([expect.stringMatching(/^a-/u)]);
});

test("sources that do not compile are named, and the dist from before stays", async () => {
  await setup();
  await put("src/a.ts", "export const a: string = ;\n");
  const run = await setup("run", "dist/main.js");
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toMatch(/src\/a\.ts:1:26/u);
  expect(run.stderr).not.toContain("\u001b");
  expect(run.stderr).toMatch(/^error: the sources do not compile\nhint: /mu);
  expect(await readFile(join(checkout, "dist/main.js"), "utf8")).toContain('"A"');
});

test("of two runs at once one builds, and both go on", async () => {
  const runs = await Promise.all([setup("run", "dist/main.js"), setup("run", "dist/main.js")]);
  expect(runs.map((run) => run.stdout)).toEqual(["main|A", "main|A"]);
  expect(runs.filter((run) => run.stderr.includes("building"))).toHaveLength(1);
});

test("the lock of a dead process is taken away, by any number of waiters", async () => {
  await put("tools/.setup-lock", JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, started: "1" }));
  const runs = await Promise.all([setup(), setup(), setup()]);
  expect(runs.map((run) => run.exitCode)).toEqual([0, 0, 0]);
  expect(runs.filter((run) => run.stderr.includes("building"))).toHaveLength(1);
  expect((await readdir(join(checkout, "tools"))).sort()).toEqual(["lock.mjs", "node", "setup.mjs"]);
});

test("the lock of a living process is waited for, and its holder named", async () => {
  const stat = existsSync("/proc/self/stat") ? await readFile("/proc/self/stat", "utf8") : null;
  const started = stat?.split(") ")[1]?.split(" ")[19] ?? null;
  await put("tools/.setup-lock", JSON.stringify({ host: hostname(), pid: process.pid, started }));
  const waiting = setup();
  await sleep(1000);
  expect(existsSync(join(checkout, "dist"))).toBe(false);
  await rm(join(checkout, "tools/.setup-lock"));
  expect(await waiting).toMatchObject({
    exitCode: 0,
    stderr: `setup: waiting for another setup of this checkout (process ${process.pid})\nsetup: building dist/`,
  });
});

test("the program's exit code is ours, a death by signal 128 and its number", async () => {
  await put("src/main.ts", "process.exit(7);\n");
  expect((await setup("run", "dist/main.js")).exitCode).toBe(7);
  await put("src/main.ts", 'process.kill(process.pid, "SIGKILL");\n');
  expect((await setup("run", "dist/main.js")).exitCode).toBe(137);
});

test.each(["SIGTERM", "SIGINT"] as const)("%s reaches the program, which decides how to end", async (signal) => {
  await put(
    "src/main.ts",
    `process.on("${signal}", () => process.exit(130));\nsetTimeout(() => {}, 20_000);\nconsole.log("up");\n`,
  );
  const run = execa(process.execPath, [join(checkout, "tools/setup.mjs"), "run", "dist/main.js"], {
    reject: false,
    stdin: "ignore",
    stderr: "ignore",
  });
  await once(run.stdout, "data");
  run.kill(signal);
  expect((await run).exitCode).toBe(130);
});

test("unknown arguments are a usage error", async () => {
  expect(await setup("walk")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("use: node tools/setup.mjs"),
  });
});

describeWith(["npm"], "without a registry", () => {
  test.each(["node_modules", "tools/node/node_modules"])(
    "%s cannot be installed: npm's words, and what to check",
    async (folder) => {
      await rm(join(checkout, folder), { recursive: true });
      const run = await execa(process.execPath, [join(checkout, "tools/setup.mjs")], {
        reject: false,
        env: {
          npm_config_registry: "http://127.0.0.1:9/",
          npm_config_cache: join(checkout, "cache"),
          npm_config_fetch_retries: "0",
        },
      });
      expect(run.exitCode).toBe(1);
      expect(run.stderr).toMatch(/^hint: the package registry could not be reached/mu);
      expect(existsSync(join(checkout, "dist"))).toBe(false);
    },
  );
});
