import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLog } from "../../../src/build/log.ts";
import { boundLogs, prefixPaths, recipeOfLog } from "../../../src/store/index.ts";
import { logPath } from "../../../src/store/paths.ts";
import { freshFolder, freshPrefix } from "./helpers.ts";

it("keeps the logs of three earlier tries of one build", async () => {
  const folder = await freshFolder();
  const file = join(folder, "key.log");
  for (const text of ["a", "b", "c", "d", "e"]) {
    const log = openLog(file);
    log.write(text);
    log.close();
  }
  expect((await readdir(folder)).toSorted()).toEqual(["key.1.log", "key.2.log", "key.3.log", "key.log"]);
  expect(await readFile(file, "utf8")).toBe("e\ntlsforge: end of the log\n");
  expect((await readFile(join(folder, "key.3.log"), "utf8"))[0]).toBe("b");
});

it("a log keeps its beginning and its end within its bound, and says what it lacks", async () => {
  const file = join(await freshFolder(), "key.log");
  const log = openLog(file, { head: 10, tail: 5 });
  for (let line = 0; line < 10; line += 1) log.write(`line ${line}\n`);
  log.close();
  expect(await readFile(file, "utf8")).toBe(
    "line 0\nlin\n[55 bytes are left out here]\nne 9\n\ntlsforge: end of the log\n",
  );
});

it("bounds the logs of each recipe: the newest stay, and those of outputs that are there", async () => {
  const prefix = await freshPrefix();
  const key = (nth: number): string => nth.toString(16).repeat(64);
  const write = async (name: string, recipe: string, time: number): Promise<void> => {
    const file = join(prefixPaths(prefix).log, name);
    await writeFile(file, `tlsforge: ${recipe} 1.0, key k\n`);
    await utimes(file, time, time);
  };
  for (let nth = 1; nth <= 5; nth += 1) await write(`${key(nth)}.log`, "hello", 1000 + nth);
  await write(`${key(1)}.1.log`, "hello", 900);
  await write(`${key(6)}.log`, "other", 100);
  expect(await recipeOfLog(logPath(prefix, key(6)))).toBe("other");
  const kept = new Set([key(1).slice(0, 16)]);
  const removed = await boundLogs(prefix, kept, { files: 100, bytes: 1e9, perRecipe: 2 });
  // That of the output that is there stays, an earlier try of it does not.
  expect(removed).toEqual([key(3), key(2), `${key(1)}.1`].map((name) => join(prefixPaths(prefix).log, `${name}.log`)));
});
