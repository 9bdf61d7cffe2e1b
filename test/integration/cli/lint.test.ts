import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lint } from "../../../src/cli/commands/recipe.ts";
import { recipeFiles } from "../../../src/cli/make/recipe-files.ts";
import type { ResolvedRecipe } from "../../../src/recipe/index.ts";
import { contextIn, freshFolder } from "./context.ts";

const begin =
  "a recipe begins with schema: tlsforge.recipe/1, a stack with schema: tlsforge.stack/1; a site file has no";

/** What lint says of one file. */
async function said(name: string, text: string) {
  const folder = await freshFolder();
  const file = join(folder, name);
  await mkdir(join(folder, "recipes", "stacks"), { recursive: true });
  await writeFile(file, text);
  const { exitCode, fields } = await lint(contextIn(folder), [file]);
  const details = (fields.error?.details ?? []).map((detail) => detail.replaceAll(folder, ""));
  return { exitCode, details, hint: fields.error?.hint };
}

it.each([
  ["empty.yaml", "", "/empty.yaml:1:1: it holds nothing that says what it is"],
  ["comments.yaml", "---\n# schema: x\n\n", "/comments.yaml:1:1: it holds nothing that says what it is"],
  ["recipe.yaml", "", "/recipe.yaml:1:1: it holds nothing that says what it is"],
  [
    "a.yaml",
    "# x\nschema: tlsforge.recipe/2\n",
    '/a.yaml:2:1: the schema "tlsforge.recipe/2" is of no file that is checked here',
  ],
  ["b.yaml", "schema: 'else'\n", '/b.yaml:1:1: the schema "else" is of no file that is checked here'],
  [
    "lock.yaml",
    "schema: tlsforge.lock/1\n",
    '/lock.yaml:1:1: the schema "tlsforge.lock/1" is of no file that is checked here',
  ],
])("lint says of %s (%j) what a file has to begin with", async (name, text, message) => {
  const { exitCode, details } = await said(name, text);
  expect(exitCode).toBe(2);
  expect(details).toHaveLength(1);
  expect(details[0]?.split("\n")[0]).toBe(message);
  expect(details[0]).toContain(`expected: ${begin}`);
});

it("an empty tlsforge.yaml is a site file, and what has no schema is taken for one, which is said", async () => {
  expect((await said("tlsforge.yaml", "# nothing\n")).details.join()).not.toContain("it holds nothing");
  const meant = await said("mine.yaml", "name: x\n");
  expect(meant.details[0]).toContain('unknown key "name"');
  expect(meant.hint).toContain(begin);
});

it("a file that no person wrote is not read: one without an end, and one that is too large", async () => {
  const folder = await freshFolder();
  const site = join(folder, "tlsforge.yaml");
  await symlink("/dev/zero", site);
  const problem = async (): Promise<string> =>
    (await lint(contextIn(folder), [site])).fields.error?.details?.join() ?? "";
  expect(await problem()).toBe(`${site} is no regular file`);
  const large = join(folder, "large.yaml");
  await writeFile(large, "");
  await truncate(large, 4 * 1024 * 1024 + 1);
  expect((await lint(contextIn(folder), [large])).fields.error?.details).toEqual([
    `${large} is too large: 4194305 bytes, more than 4194304`,
  ]);
});

it("forty thousand unknown keys are told in seconds", async () => {
  const keys = Array.from({ length: 40_000 }, (_, nth) => `unknown${nth}: 1\n`).join("");
  const started = performance.now();
  const { details } = await said("recipe.yaml", `schema: tlsforge.recipe/1\n${keys}`);
  expect(details.at(-1)).toMatch(/^and \d{5} more$/);
  expect(performance.now() - started).toBeLessThan(10_000);
});

const recipe = [
  "schema: tlsforge.recipe/1",
  "name: sample",
  "summary: A small package",
  "license: MIT",
  'versions: [{ version: "1.0", support: { status: supported } }]',
  "steps:",
  "  - patch: a.patch",
  "  - patch: endless.patch",
  "  - files: [{ to: b, from: kept }, { to: c, from: no/such }]",
  "",
].join("\n");

it("a recipe reads no file that is missing or has no end, and is a recipe also with a byte order mark", async () => {
  const folder = await freshFolder();
  const file = join(folder, "mine.yaml");
  await writeFile(file, `\uFEFF${recipe}`);
  await writeFile(join(folder, "kept"), "");
  await symlink("/dev/zero", join(folder, "endless.patch"));
  const linted = async () => (await lint(contextIn(folder), [file])).fields.error?.details ?? [];
  expect((await linted()).map((detail) => detail.split("\n")[0]?.replaceAll(`${folder}/`, ""))).toEqual([
    "mine.yaml:7:12: the file is missing: a.patch",
    "mine.yaml:8:12: endless.patch is no regular file",
    "mine.yaml:9:51: the file is missing: no/such",
  ]);
  const step = { kind: "patch", file: "endless.patch", strip: 1 } as const;
  await expect(
    recipeFiles({ name: "sample", folder, steps: [step] } as unknown as ResolvedRecipe),
  ).rejects.toMatchObject({
    code: "recipe-invalid",
    message: expect.stringContaining("is no regular file") as string,
  });
  await mkdir(join(folder, "no"));
  for (const name of ["a.patch", "no/such"]) await writeFile(join(folder, name), "");
  await rm(join(folder, "endless.patch"));
  await writeFile(join(folder, "endless.patch"), "");
  expect(await linted()).toEqual([]);
});
