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
  const shown = async (name?: string): Promise<string> => (await log(context, name)).text;
  expect(await shown("openssl")).toBe(failed);
  expect(await shown("openssl-extra")).toBe(other);
  expect(await shown("aa")).toBe(old);
  expect(await shown()).toBe(other);
  await expect(shown("python")).rejects.toMatchObject({ code: "not-found" });
});

it("says that there is none where nothing was built", async () => {
  await expect(log(contextIn(await freshFolder()), undefined)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining("there is no build log") as string,
  });
});
