import { mkdir, readdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  boundFailed,
  buildLock,
  collectGarbage,
  failedRecord,
  listFailed,
  lock,
  prefixPaths,
  readFailed,
  scratchPath,
  writeFailed,
} from "../../../src/store/index.ts";
import { freshPrefix, surroundings } from "./helpers.ts";

/** A kept build and what it had of its output. */
async function keep(prefix: string, digit: string, day: number, year = 2026): Promise<string> {
  const key = digit.repeat(64);
  const out = join(prefixPaths(prefix).store, `${key.slice(0, 16)}-hello-1.0`);
  const scratch = scratchPath(prefix, { key, recipe: "hello" });
  await mkdir(out, { recursive: true });
  await mkdir(scratch, { recursive: true });
  await writeFailed(scratch, {
    schema: "tlsforge.failed/1",
    recipe: "hello",
    version: "1.0",
    key,
    out,
    log: "/log",
    reason: "failed",
    argv: ["make"],
    directory: scratch,
    environment: {},
    failed: `${year}-01-0${day}T00:00:00.000Z`,
  });
  return scratch;
}

it("keeps the newest, removes older ones with what they had of their outputs, and nothing that somebody looks into", async () => {
  const prefix = await freshPrefix();
  const oldest = await keep(prefix, "a", 1);
  const older = await keep(prefix, "b", 2);
  await keep(prefix, "c", 3);
  const newest = await keep(prefix, "d", 4);
  expect((await listFailed(prefix)).map(({ key }) => key[0])).toEqual(["d", "c", "b", "a"]);
  const release = await lock(buildLock(prefix, "a".repeat(64)), surroundings());
  expect(await boundFailed(prefix, new Set(), 2)).toEqual([older]);
  await release();
  expect(await boundFailed(prefix, new Set(), 2)).toEqual([oldest]);
  expect((await readdir(prefixPaths(prefix).store)).map((name) => name[0])).toEqual(["c", "d"]);
  expect(await readFailed(newest)).toMatchObject({ scratch: newest, recipe: "hello" });
});

it("what a clock that was set back since has dated in the future is not the newest, and what this run made stays", async () => {
  const prefix = await freshPrefix();
  const [later, latest] = [await keep(prefix, "a", 1, 2230), await keep(prefix, "b", 2, 2230)];
  const [earlier, made] = [await keep(prefix, "c", 1), await keep(prefix, "d", 3, 2230)];
  expect((await listFailed(prefix)).map(({ key }) => key[0])).toEqual(["c", "a", "b", "d"]);
  expect(await boundFailed(prefix, new Set(["d".repeat(64)]), 2)).toEqual([later, latest]);
  expect(await boundFailed(prefix, new Set(["d".repeat(64)]), 0)).toEqual([earlier]);
  expect((await listFailed(prefix)).map(({ scratch }) => scratch)).toEqual([made]);
});

it("gc says of each what it is, why it stays and what removes it", async () => {
  const prefix = await freshPrefix();
  const scratch = await keep(prefix, "a", 1);
  const record = failedRecord(scratch);
  const { out } = (await readFailed(scratch))!;
  const judged = async (failed: boolean): Promise<readonly (readonly [string, string])[]> => {
    const { kept, removed } = await collectGarbage(prefix, {
      ...surroundings(),
      dryRun: true,
      failed,
      now: Date.now(),
    });
    const items = failed ? removed : kept;
    return items.filter(({ path }) => [out, scratch, record].includes(path)).map(({ path, why }) => [path, why]);
  };
  const end =
    "--keep-failed keeps it for tlsforge shell hello, until tlsforge gc --failed, the next build of it, or 3 newer failures";
  const [output, folder, told] = [
    "what hello 1.0 had of its output when it failed on 2026-01-01",
    "the folder that hello 1.0 failed in on 2026-01-01",
    "the record of how hello 1.0 failed on 2026-01-01",
  ];
  expect(await judged(false)).toEqual([
    [out, `${output}; ${end}`],
    [scratch, `${folder}; ${end}`],
    [record, `${told}; ${end}`],
  ]);
  expect(await judged(true)).toEqual([
    [out, `${output}; --failed removes it`],
    [scratch, `${folder}; --failed removes it`],
    [record, `${told}; --failed removes it`],
  ]);
});

it("a record that is cut short or damaged keeps nothing, and one that speaks of something else removes only its own folder", async () => {
  const prefix = await freshPrefix();
  const scratch = await keep(prefix, "a", 1);
  const kept = (await readFailed(scratch))!;
  await writeFailed(scratch, { ...kept, out: join(prefix, "var") });
  expect(await boundFailed(prefix, new Set(), 0)).toEqual([scratch]);
  expect(await readdir(prefix)).toContain("var");
  expect(await readdir(prefixPaths(prefix).store)).toHaveLength(1);
  const other = await keep(prefix, "b", 1);
  await writeFile(failedRecord(other), '{"schema": "tlsforge.fai');
  expect(await readFailed(other)).toBeNull();
});

it("gc --failed removes a folder with its record, and any gc a record without its folder, which keeps nothing", async () => {
  const prefix = await freshPrefix();
  await keep(prefix, "a", 1);
  const collect = (failed: boolean) =>
    collectGarbage(prefix, { ...surroundings(), dryRun: false, failed, now: Date.now() });
  await collect(true);
  expect(await readdir(join(prefix, "build"))).toEqual([]);
  const scratch = await keep(prefix, "b", 1);
  await rm(scratch, { recursive: true });
  expect(await listFailed(prefix)).toEqual([]);
  expect((await collect(false)).removed).toContainEqual(
    expect.objectContaining({ path: failedRecord(scratch), why: "left by an interrupted build" }),
  );
  expect(await readdir(join(prefix, "build"))).toEqual([]);
});

it("a record in a kept folder itself, where builds and shells write, is not believed", async () => {
  const prefix = await freshPrefix();
  const scratch = await keep(prefix, "a", 1);
  await rename(failedRecord(scratch), join(scratch, ".tlsforge-failed.json"));
  expect(await listFailed(prefix)).toEqual([]);
});

it("a record of another shape, larger than any, or none of its own keeps nothing", async () => {
  const prefix = await freshPrefix();
  const scratch = await keep(prefix, "a", 1);
  const record = failedRecord(scratch);
  const whole = (await readFailed(scratch))!;
  for (const value of [
    null,
    "text",
    [],
    { ...whole, key: "../../../../x" },
    { ...whole, failed: 1 },
    { ...whole, recipe: "red \u001b[31m" },
    { ...whole, argv: "make" },
    { ...whole, argv: [null] },
    { ...whole, environment: null },
    { ...whole, environment: { PATH: 1 } },
    { ...whole, seen: "/root" },
    { ...whole, seen: [1] },
    { ...whole, network: "yes" },
  ]) {
    await writeFile(record, JSON.stringify(value));
    expect(await listFailed(prefix)).toEqual([]);
  }
  await truncate(record, 5 * 1024 ** 3);
  expect(await listFailed(prefix)).toEqual([]);
  await writeFile(record, JSON.stringify({ ...whole, reason: "x".repeat(1024 * 1024) }));
  expect(await listFailed(prefix)).toEqual([]);
  const elsewhere = join(prefix, "elsewhere");
  await writeFile(elsewhere, JSON.stringify(whole));
  await rm(record);
  await symlink(elsewhere, record);
  expect(await listFailed(prefix)).toEqual([]);
  await rm(record);
  await mkdir(record);
  expect(await listFailed(prefix)).toEqual([]);
});
