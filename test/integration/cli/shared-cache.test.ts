import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cacheOf, noteUser, removeCache } from "../../../src/cli/make/shared-cache.ts";
import { freshFolder } from "./context.ts";

it("the cache goes with the last prefix that uses it, and stays for others that stand", async () => {
  const home = await freshFolder();
  const of = (name: string) => ({ home, uid: process.getuid?.() ?? -1, options: { prefix: join(home, name) } });
  expect(await cacheOf(of("one"))).toBeNull();
  for (const name of ["one", "two"]) {
    await mkdir(join(home, name, "store"), { recursive: true });
    await noteUser(of(name));
    await noteUser(of(name));
  }
  const folder = join(home, ".cache", "tlsforge");
  expect((await stat(join(folder, "prefixes"))).isDirectory()).toBe(true);
  expect(await cacheOf(of("one"))).toEqual({ folder, users: [join(home, "two")] });
  await rm(join(home, "two"), { recursive: true });
  expect(await cacheOf(of("one"))).toEqual({ folder, users: [] });
  expect(await cacheOf({ ...of("one"), uid: 12_345 })).toBeNull();
});

it.each<[string, (folder: string) => Promise<unknown>, readonly string[]]>([
  ["goes too when it was made for it", async () => undefined, []],
  ["stays where it was before", (folder) => mkdir(folder), [".cache"]],
])("the folder around the cache %s", async (_name, before, left) => {
  const home = await freshFolder();
  const folder = join(home, ".cache", "tlsforge");
  await before(join(home, ".cache"));
  await noteUser({ home, uid: 0, options: { prefix: join(home, "one") } });
  await removeCache(folder);
  expect(await readdir(home)).toEqual(left);
});

it("the folder around the cache stays for whoever else has come to use it", async () => {
  const home = await freshFolder();
  await noteUser({ home, uid: 0, options: { prefix: join(home, "one") } });
  await writeFile(join(home, ".cache", "theirs"), "");
  await removeCache(join(home, ".cache", "tlsforge"));
  expect(await readdir(join(home, ".cache"))).toEqual(["theirs"]);
});
