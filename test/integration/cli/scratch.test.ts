import { existsSync } from "node:fs";
import { mkdir, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inScratch } from "../../../src/cli/make/scratch.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import { freshFolder } from "./context.ts";

async function place() {
  const prefix = await freshFolder();
  const events: ForgeEvent[] = [];
  const build = join(prefix, "build");
  const scratch = join(build, "x");
  // From then on nothing below can be removed, not even by root.
  const jam = async (): Promise<void> => {
    await rename(build, join(prefix, "aside"));
    await symlink("build", build);
  };
  return { scratch, jam, events, given: { scratch, prefix, emit: (event: ForgeEvent) => void events.push(event) } };
}

it("is empty at first and gone at the end, unless it is kept", async () => {
  const { scratch, given } = await place();
  await mkdir(scratch, { recursive: true });
  await writeFile(join(scratch, "rest"), "");
  expect(await inScratch(given, () => readdir(scratch))).toEqual([]);
  expect(existsSync(scratch)).toBe(false);
  const failed = inScratch({ ...given, kept: () => Promise.resolve(true) }, () => Promise.reject(new Error("failed")));
  await expect(failed).rejects.toThrow("failed");
  expect(existsSync(scratch)).toBe(true);
});

it("that it cannot be removed does not hide what went wrong in it", async () => {
  const { scratch, jam, events, given } = await place();
  const failed = inScratch(given, async () => {
    await jam();
    throw new Error("the compiler broke");
  });
  await expect(failed).rejects.toThrow("the compiler broke");
  const message = expect.stringContaining(`The folder ${scratch} could not be removed: `) as string;
  expect(events).toEqual([{ type: "warning", message }]);
});

it("that it cannot be removed is an error where nothing else went wrong", async () => {
  const { jam, given } = await place();
  await expect(inScratch(given, jam)).rejects.toThrow(/ELOOP|symbolic links/u);
});
