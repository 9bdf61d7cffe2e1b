import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import {
  collectGarbage,
  holdPrefix,
  openPrefix,
  prefixPaths,
  realise,
  type GarbageReport,
} from "../../../src/store/index.ts";
import { derivation, freshFolder, freshPrefix, parts, result, surroundings } from "./helpers.ts";
import { activate } from "../../../src/store/index.ts";

const day = 24 * 3600 * 1000;
const digest = (letter: string): string => letter.repeat(64);

it("keeps sources that outputs or recipes need, of the others the newest up to the bound, and what lies beside each", async () => {
  const prefix = await freshPrefix();
  const shared = await freshFolder();
  const made = derivation(prefix, "made");
  const used = { name: "made", file: "made.tar.gz", sha256: digest("a"), location: "cache", verified: true };
  await realise(made, () => Promise.resolve({ ...result, sources: [used] }), surroundings());
  await activate(prefix, parts([made]), surroundings());
  const { sources } = prefixPaths(prefix);
  // Newest first: each 100 bytes, with its signature 150.
  for (const [age, letter] of ["d", "c", "b", "a", "e"].entries()) {
    await put(join(shared, digest(letter)), 100, age);
    await put(join(shared, `${digest(letter)}.asc`), 50, age);
  }
  await put(join(sources, digest("f")), 100, 400);
  await put(join(shared, "README"), 10, 400);
  await put(join(shared, ".tmp-0123"), 10, 400);
  const options = { folders: [shared], needed: new Map([[digest("e"), "a recipe lists it"]]), bound: 310 };
  const planned = await collect(prefix, { ...options, keepAll: null }, { dryRun: true });
  const report = await collect(prefix, { ...options, keepAll: null }, {});
  expect(report).toEqual(planned);
  const why = (list: GarbageReport["kept"]) =>
    list.flatMap(({ kind, path, why: reason }) => (kind === "source" ? [`${short(path)}: ${reason}`] : [])).toSorted();
  expect(why(report.kept)).toEqual([
    "README: not made by tlsforge",
    `a.asc: ${basename(made.out)} was made from it`,
    `a: ${basename(made.out)} was made from it`,
    "c.asc: nothing needs it; within the bound of 310 B for such sources",
    "c: nothing needs it; within the bound of 310 B for such sources",
    "d.asc: nothing needs it; within the bound of 310 B for such sources",
    "d: nothing needs it; within the bound of 310 B for such sources",
    "e.asc: a recipe lists it",
    "e: a recipe lists it",
    "f: nothing needs it; within the bound of 310 B for such sources",
  ]);
  expect(why(report.removed)).toEqual([
    "b.asc: nothing needs it; beyond the bound of 310 B for such sources",
    "b: nothing needs it; beyond the bound of 310 B for such sources",
  ]);
  expect((await readdir(shared)).map(short).toSorted()).toEqual(
    ["README", "a", "a.asc", "c", "c.asc", "d", "d.asc", "e", "e.asc"].toSorted(),
  );
});

it("removes no source while a run is at work, here or in a prefix that shares the cache", async () => {
  const prefix = await freshPrefix();
  const { sources } = prefixPaths(prefix);
  await put(join(sources, digest("a")), 100, 1);
  const caches = { folders: [], needed: new Map<string, string>(), bound: 10 };
  const elsewhere = await collect(prefix, { ...caches, keepAll: "provision, in /other, may need it" }, {});
  expect(elsewhere.kept).toContainEqual(expect.objectContaining({ why: "provision, in /other, may need it" }));
  const hold = await holdPrefix(prefix, surroundings("provision"), () => openPrefix(prefix, { create: true }));
  const made = derivation(prefix, "made");
  await realise(made, () => Promise.resolve(result), surroundings());
  const here = await collect(prefix, { ...caches, keepAll: null }, {});
  const told = here.kept.flatMap(({ kind, why }) => (kind === "source" || kind === "output" ? [why] : []));
  expect(told).toEqual([
    expect.stringMatching(/^needed by provision, pid \d+, since \S+$/u),
    expect.stringMatching(/^provision, pid \d+, since \S+, may need it$/u),
  ]);
  await hold.narrow(["another"]);
  expect((await collect(prefix, { ...caches, keepAll: null }, {})).removed.map(({ path }) => path)).toEqual([made.out]);
  await hold.release();
  expect((await collect(prefix, { ...caches, keepAll: null }, {})).removed.map(({ path }) => short(path))).toEqual([
    "a",
  ]);
});

it("is not misled by a clock that was set back: what is dated far in the future is as old as what is long past", async () => {
  const prefix = await freshPrefix();
  const { sources, var: state } = prefixPaths(prefix);
  await mkdir(join(state, "run"));
  for (const [path, age] of [
    [join(sources, `${digest("a")}.part`), -30],
    [join(sources, `${digest("a")}.part.origin`), 0],
    [join(sources, `${digest("b")}.part`), -3],
    [join(sources, `.${digest("c")}.0123abcd`), -400],
    [join(state, "run", ".tmp-future"), -2],
    [join(state, "run", ".tmp-fresh"), 0],
  ] as const)
    await put(path, 1, age);
  const { removed } = await collect(prefix, undefined, {});
  expect(removed.map(({ path }) => short(path)).toSorted()).toEqual(
    [`.c.0123abcd`, ".tmp-future", "a.part", "a.part.origin"].toSorted(),
  );
});

function short(path: string): string {
  return basename(path).replace(/([0-9a-f])\1{63}/u, "$1");
}

async function put(path: string, bytes: number, daysOld: number): Promise<void> {
  await writeFile(path, "x".repeat(bytes));
  const then = new Date(Date.now() - daysOld * day);
  await utimes(path, then, then);
}

async function collect(
  prefix: string,
  sources: Parameters<typeof collectGarbage>[1]["sources"],
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<GarbageReport> {
  const now = Date.now();
  return collectGarbage(prefix, { ...surroundings(), dryRun, now, ...(sources === undefined ? {} : { sources }) });
}
