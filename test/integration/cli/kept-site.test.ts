import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { keepSite, siteOf } from "../../../src/cli/kept-site.ts";
import { parseSite } from "../../../src/recipe/index.ts";
import type { Manifest } from "../../../src/store/index.ts";
import { contextIn, freshFolder } from "./context.ts";

const manifest = { generation: 3 } as Manifest;

async function prepared(): Promise<{ context: Context; file: string }> {
  const folder = await freshFolder();
  const config = join(folder, "tlsforge.yaml");
  await writeFile(config, "server: { names: [now.example.org] }\n");
  const plain = contextIn(folder);
  const context = { ...plain, options: { ...plain.options, config } };
  const file = join(context.options.prefix, "generations/3/site.json");
  await mkdir(dirname(file), { recursive: true });
  return { context, file };
}

test("a generation's site is what it was launched for, whatever the site file says since", async () => {
  const { context } = await prepared();
  const site = parseSite({ text: "server: { names: [then.example.org] }\n", path: "old.yaml" });
  await keepSite(context.options.prefix, 3, site);
  expect(await siteOf(context, manifest)).toEqual(site);
});

test("for one that never was launched the site file counts, and without one the defaults", async () => {
  const { context } = await prepared();
  expect((await siteOf(context, manifest)).server.names).toEqual(["now.example.org"]);
  const without = { ...context, options: { ...context.options, config: null } };
  expect(await siteOf(without, manifest)).toEqual(parseSite(null));
});

test.each([
  ["empty", ""],
  ["cut off", '{"server":{"names":['],
  ["null", "null"],
  ["no object", '"site"'],
  ["a part of one", '{"server":{}}'],
])("a damaged one (%s) is told, with what to do, and neither used nor replaced", async (_, text) => {
  const { context, file } = await prepared();
  await writeFile(file, text);
  await expect(siteOf(context, manifest)).rejects.toMatchObject({
    code: "prefix-unusable",
    message: `${file} cannot be read`,
    hint: expect.stringContaining("remove it") as string,
  });
  expect(await readFile(file, "utf8")).toBe(text);
});

test("what cannot be read at all is told, too", async () => {
  const { context, file } = await prepared();
  await mkdir(file);
  await expect(siteOf(context, manifest)).rejects.toMatchObject({ code: "prefix-unusable" });
});
