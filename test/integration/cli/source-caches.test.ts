import { execFileSync } from "node:child_process";
import { mkdir, readdir, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { noteUser } from "../../../src/cli/make/shared-cache.ts";
import { boundCaches } from "../../../src/cli/make/source-caches.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import type { FetchedSource } from "../../../src/fetch/index.ts";
import { holdPrefix, openPrefix, prefixPaths } from "../../../src/store/index.ts";
import { claimName } from "../../../src/store/claims.ts";
import { ownIdentity } from "../../../src/store/identity.ts";
import { surroundings } from "../store/samples.ts";
import { contextIn, freshFolder } from "./context.ts";

const digest = (letter: string): string => letter.repeat(64);
const fetched = (letter: string, location: string): FetchedSource =>
  ({ sha256: digest(letter), location }) as unknown as FetchedSource;

/** A home whose cache holds a (the oldest) to d, each of 300 MiB that take no space, and the run that is at work in its prefix. */
async function shop() {
  const folder = await freshFolder();
  const events: ForgeEvent[] = [];
  const context: Context = { ...contextIn(folder), emit: (event) => void events.push(event) };
  await holdPrefix(context.options.prefix, surroundings("build"), () =>
    openPrefix(context.options.prefix, { create: true }),
  );
  await noteUser(context);
  await mkdir(context.recipes);
  const cache = join(folder, ".cache", "tlsforge", "sources");
  await mkdir(cache);
  for (const [age, letter] of ["d", "c", "b", "a"].entries()) {
    await writeFile(join(cache, digest(letter)), "");
    await truncate(join(cache, digest(letter)), 300 * 1024 * 1024);
    const then = new Date(Date.now() - (age + 1) * 3_600_000);
    await utimes(join(cache, digest(letter)), then, then);
  }
  const left = async (): Promise<string> => (await readdir(cache)).map(([letter]) => letter).join("");
  return { folder, context, events, left };
}

it("a run that has fetched something leaves of what nothing needs as much as gc does, and says so", async () => {
  const { context, events, left } = await shop();
  await writeFile(join(context.recipes, "listed.yaml"), `sha256: ${digest("b")}\n`);
  await boundCaches(context, [fetched("a", "mirror"), fetched("f", "cache")]);
  // d is within the bound; b is listed and a is this run's.
  expect(await left()).toBe("abd");
  expect(events).toEqual([{ type: "cache-bounded", files: 1, bytes: expect.any(Number) }]);
});

it("what lies among the recipes and could be none is not read: a pipe, a device, what is too large", async () => {
  const { context, left } = await shop();
  execFileSync("mkfifo", [join(context.recipes, "pipe.yaml")]);
  await symlink("/dev/zero", join(context.recipes, "device.yaml"));
  await writeFile(join(context.recipes, "large.yaml"), `sha256: ${digest("b")}\n`);
  await truncate(join(context.recipes, "large.yaml"), 2 ** 33);
  await writeFile(join(context.recipes, "listed.yaml"), `sha256: ${digest("c")}\n`);
  await boundCaches(context, [fetched("a", "mirror")]);
  expect(await left()).toBe("acd");
});

it("a run that has fetched nothing looks at nothing", async () => {
  const { context, left } = await shop();
  await boundCaches(context, [fetched("d", "cache"), fetched("e", "user")]);
  expect(await left()).toBe("abcd");
});

it.each(["here", "elsewhere"])("nothing goes while another run is at work %s", async (where) => {
  const { folder, context, left } = await shop();
  const other = where === "here" ? context.options.prefix : join(folder, "other");
  await openPrefix(other, { create: true });
  await noteUser({ ...context, options: { prefix: other } });
  const runs = join(prefixPaths(other).locks, "runs");
  await mkdir(runs, { recursive: true });
  // The first process of this machine, by a boot that cannot be compared.
  await writeFile(join(runs, claimName({ ...(await ownIdentity()), pid: 1, space: "0" })), "");
  await boundCaches(context, [fetched("d", "mirror")]);
  expect(await left()).toBe("abcd");
});

it("what cannot be done is a warning", async () => {
  const { context, events, left } = await shop();
  await writeFile(join(prefixPaths(context.options.prefix).locks, "sweep"), "");
  await boundCaches(context, [fetched("d", "mirror")]);
  expect(await left()).toBe("abcd");
  expect(events).toEqual([
    { type: "warning", message: expect.stringContaining("Old cached sources could not be removed") },
  ]);
});
