import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { log } from "../../../src/cli/commands/log.ts";
import { contextIn, freshFolder } from "./context.ts";

it("shows the newest log of a recipe, failed or not, of a key, and of all", async () => {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const logs = join(folder, "prefix", "log");
  await mkdir(logs, { recursive: true });
  const write = async (key: string, recipe: string, seconds: number): Promise<string> => {
    const text = `tlsforge: ${recipe} 3.5.9, key ${key}\n\n$ make\n${"x".repeat(10_000)}\n[exit 2]\n`;
    await writeFile(join(logs, `${key}.log`), text);
    await utimes(join(logs, `${key}.log`), seconds, seconds);
    return text;
  };
  const old = await write("aa11", "openssl", 1000);
  const failed = await write("bb22", "openssl", 2000);
  const other = await write("cc33", "openssl-extra", 3000);
  await writeFile(join(logs, "dd44.log"), "");
  await utimes(join(logs, "dd44.log"), 500, 500);
  const shown = async (name?: string, previous = false): Promise<string> =>
    (await log(context, { name, previous, follow: false })).text;
  expect(await shown("openssl")).toBe(failed);
  expect(await shown("openssl-extra")).toBe(other);
  expect(await shown("aa")).toBe(old);
  expect(await shown()).toBe(other);
  await expect(shown("python")).rejects.toMatchObject({
    code: "not-found",
    hint: expect.stringContaining("there is openssl, openssl-extra") as string,
  });
  await expect(shown("opensll")).rejects.toMatchObject({
    code: "not-found",
    hint: expect.stringMatching(/^did you mean openssl\?/) as string,
  });
  expect(await shown("openssl", true)).toBe(old);
  expect(await shown(undefined, true)).toBe(failed);
  await expect(shown("bb", true)).rejects.toMatchObject({ code: "not-found" });
  expect(await shown("bb22.log")).toBe(failed);
  expect(await shown(join(logs, "aa11.log"))).toBe(old);
  const twin = await write("bb33", "python", 4000);
  await expect(shown("bb")).rejects.toMatchObject({ code: "usage", details: ["bb33  python", "bb22  openssl"] });
  expect(await shown("bb3")).toBe(twin);
});

it("says that there is none where nothing was built", async () => {
  await expect(
    log(contextIn(await freshFolder()), { name: undefined, previous: false, follow: false }),
  ).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining("there is no build log") as string,
  });
});
