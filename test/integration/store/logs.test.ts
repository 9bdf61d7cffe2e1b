import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { openLog } from "../../../src/build/log.ts";
import {
  boundLogs,
  buildOfLog,
  collectGarbage,
  endOfLog,
  listLogs,
  prefixPaths,
  rotateLog,
} from "../../../src/store/index.ts";
import { logPath } from "../../../src/store/paths.ts";
import { freshFolder, freshPrefix, surroundings } from "./helpers.ts";

const key = "a".repeat(64);

it("keeps the logs of three earlier tries of one build", async () => {
  const folder = await freshFolder();
  const file = join(folder, `${key}.log`);
  for (const text of ["a", "b", "c", "d", "e"]) {
    const log = openLog(file);
    log.write(text);
    log.close();
  }
  expect((await readdir(folder)).toSorted()).toEqual([".1", ".2", ".3", ""].map((nth) => `${key}${nth}.log`));
  expect(await readFile(file, "utf8")).toBe("e\ntlsforge: end of the log\n");
  expect((await readFile(join(folder, `${key}.3.log`), "utf8"))[0]).toBe("b");
});

it("a log keeps its beginning and its end within its bound, and says what it lacks", async () => {
  const file = join(await freshFolder(), `${key}.log`);
  const log = openLog(file, { head: 10, tail: 5 });
  for (let line = 0; line < 10; line += 1) log.write(`line ${line}\n`);
  log.close();
  expect(await readFile(file, "utf8")).toBe(
    "line 0\nlin\n[55 bytes are left out here]\nne 9\n\ntlsforge: end of the log\n",
  );
});

it("the end of a log is its last bytes; what is no file has none, and is not waited for", async () => {
  const folder = await freshFolder();
  const [file, pipe] = [join(folder, "log"), join(folder, "pipe")];
  await writeFile(file, "beginning and end");
  execFileSync("mkfifo", [pipe]);
  const ends = [endOfLog(file, 3), endOfLog(file, 1000), endOfLog(pipe, 3), endOfLog(folder, 3)];
  expect(await Promise.all(ends)).toEqual(["end", "beginning and end", "", ""]);
});

it("bounds the logs of each recipe: the newest stay, and those of outputs that are there", async () => {
  const prefix = await freshPrefix();
  const write = async (name: string, recipe: string, time: number): Promise<void> => {
    const file = join(prefixPaths(prefix).log, name);
    await writeFile(file, `tlsforge: ${recipe} 1.0, key k\n`);
    await utimes(file, time, time);
  };
  for (let nth = 1; nth <= 5; nth += 1) await write(`${keyOf(nth)}.log`, "hello", 1000 + nth);
  await write(`${keyOf(1)}.1.log`, "hello", 900);
  await write(`${keyOf(6)}.log`, "other", 100);
  expect(await buildOfLog(logPath(prefix, keyOf(6)))).toEqual({ recipe: "other", version: "1.0" });
  const kept = new Set([keyOf(1).slice(0, 16)]);
  const removed = await boundLogs(prefix, kept, { files: 100, bytes: 1e9, perRecipe: 2 });
  // That of the output that is there stays, an earlier try of it does not.
  expect(removed).toEqual(
    [keyOf(3), keyOf(2), `${keyOf(1)}.1`].map((name) => join(prefixPaths(prefix).log, `${name}.log`)),
  );
});

it("what a clock that was set back since has dated in the future is not the newest", async () => {
  const prefix = await freshPrefix();
  const future = Date.UTC(2230, 0, 1) / 1000;
  for (let nth = 1; nth <= 3; nth += 1) {
    await writeFile(logPath(prefix, keyOf(nth)), "tlsforge: hello 1.0, key k\n");
    if (nth > 1) await utimes(logPath(prefix, keyOf(nth)), future + nth, future + nth);
  }
  expect((await listLogs(prefix)).map((file) => file.path)).toEqual(
    [1, 2, 3].map((nth) => logPath(prefix, keyOf(nth))),
  );
  const removed = await boundLogs(prefix, new Set(), { files: 100, bytes: 1e9, perRecipe: 1 });
  expect(removed).toEqual([2, 3].map((nth) => logPath(prefix, keyOf(nth))));
});

it("bounds and moves files of its own names only, and is not held up by what else lies there", async () => {
  const prefix = await freshPrefix();
  const { log } = prefixPaths(prefix);
  const ours = [`${keyOf(1)}.log`, `${keyOf(1)}.2.log`, `${keyOf(2)}.check.log`, `${keyOf(2)}.check.1.log`];
  const others = ["mine.log", `${keyOf(3)}.log.log`, `${keyOf(3)}.old.log`];
  for (const name of [...ours, ...others]) await writeFile(join(log, name), "");
  await symlink("nowhere", join(log, `${keyOf(4)}.log`));
  await mkdir(join(log, `${keyOf(5)}.log`));
  execFileSync("mkfifo", [join(log, `${keyOf(6)}.log`)]);
  const foreign = [...others, ...[4, 5, 6].map((nth) => `${keyOf(nth)}.log`)];
  const { kept } = await collectGarbage(prefix, { ...surroundings(), dryRun: true, now: Date.now() });
  const told = kept.filter(({ path }) => dirname(path) === log);
  expect(told.filter(({ kind }) => kind === "log").map(({ path }) => basename(path))).toEqual(ours.toSorted());
  expect(told.filter(({ why }) => why === "not made by tlsforge").map(({ path }) => basename(path))).toEqual(
    foreign.toSorted(),
  );
  const removed = await boundLogs(prefix, new Set(), { files: 0, bytes: 0, perRecipe: 1 });
  expect(removed.map((path) => basename(path)).toSorted()).toEqual(ours.toSorted());
  expect(await readdir(log)).toEqual(foreign.toSorted());
  rotateLog(join(log, "mine.log"));
  expect(await readdir(log)).toContain("mine.log");
  expect(await buildOfLog(join(log, `${keyOf(5)}.log`))).toBeNull();
  expect(await buildOfLog(join(log, `${keyOf(6)}.log`))).toBeNull();
  await writeFile(join(log, "elsewhere"), "tlsforge: hello 1.0, key k\n");
  await symlink("elsewhere", join(log, `${keyOf(7)}.log`));
  expect(await buildOfLog(join(log, `${keyOf(7)}.log`))).toBeNull();
});

it("bounds logs while another run moves them", async () => {
  const prefix = await freshPrefix();
  const { log } = prefixPaths(prefix);
  for (let nth = 1; nth < 16; nth += 1) await writeFile(logPath(prefix, keyOf(nth)), "tlsforge: hello 1.0, key k\n");
  const bounded = boundLogs(prefix, new Set(), { files: 0, bytes: 0, perRecipe: 1 });
  for (let nth = 1; nth < 16; nth += 1) await rm(logPath(prefix, keyOf(nth)), { force: true });
  await bounded;
  expect(await readdir(log)).toEqual([]);
});

function keyOf(nth: number): string {
  return nth.toString(16).repeat(64);
}
