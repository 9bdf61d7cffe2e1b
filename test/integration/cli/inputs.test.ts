import { execFileSync } from "node:child_process";
import { mkdir, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inputsFingerprint } from "../../../src/cli/unchanged/inputs.ts";
import { freshFolder } from "./context.ts";

/** A folder of recipes, and what a provision from it is told by. */
async function inputs() {
  const folder = await freshFolder();
  const recipes = join(folder, "recipes");
  await mkdir(recipes);
  await writeFile(join(folder, ".setup-stamp"), "");
  const of = (config: string | null = null): string =>
    inputsFingerprint({
      code: folder,
      version: "1",
      recipes,
      config,
      stack: null,
      machine: "linux x64",
      prefix: "/p",
      minGrade: null,
    });
  return { folder, recipes, of };
}

it("waits for no pipe and no device among the recipes, or in place of the site file", async () => {
  const { recipes, of } = await inputs();
  const before = of();
  execFileSync("mkfifo", [join(recipes, "pipe")]);
  await symlink("/dev/zero", join(recipes, "device"));
  await symlink("nowhere", join(recipes, "lost"));
  const fingerprint = of();
  expect([fingerprint === before, of() === fingerprint]).toEqual([false, true]);
  expect(of(join(recipes, "device"))).toMatch(/^[0-9a-f]{64}$/);
});

it("tells what is too large to be read by its size and time", async () => {
  const { recipes, of } = await inputs();
  const large = join(recipes, "large");
  await writeFile(large, "");
  await truncate(large, 2 ** 40);
  const before = of();
  expect(of()).toBe(before);
  await utimes(large, 1, 1);
  expect(of()).not.toBe(before);
});

it("takes what lies behind a link to a folder for another each time", async () => {
  const { folder, recipes, of } = await inputs();
  await symlink(folder, join(recipes, "linked"));
  expect(of()).not.toBe(of());
});
