/** Our own files as a disk or a hand may leave them: none is a reason to fail without a word, and none is taken for what it was. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { isBuilt } from "../../../src/cli/unchanged/quick.ts";
import {
  collectGarbage,
  holdPrefix,
  holdersOf,
  listGenerations,
  listReceipts,
  lock,
  noteInLedger,
  openPrefix,
  prefixPaths,
  readCheck,
  readLedger,
  readManifest,
  readReceipt,
  realise,
  writeCheck,
  type CheckRecord,
} from "../../../src/store/index.ts";
import { claimName } from "../../../src/store/claims.ts";
import { ownIdentity } from "../../../src/store/identity.ts";
import { derivation, freshPrefix, provide, surroundings, writes } from "./helpers.ts";

const garbage = randomBytes(10_000_000);

const damages: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "a folder": (path) => mkdir(join(path, "full"), { recursive: true }),
  "a pipe": (path) => execa("mkfifo", [path]),
  "an empty file": (path) => writeFile(path, ""),
  null: (path) => writeFile(path, "null"),
  "[null]": (path) => writeFile(path, "[null]"),
  "10 MB of garbage": (path) => writeFile(path, garbage),
};

async function damage(path: string, how: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await damages[how]?.(path);
}

const damaged = { name: "ForgeError", code: "prefix-unusable" };

describe.each(Object.keys(damages))("%s", (how) => {
  it("in the place of a receipt is none: gc names the output, and it is built again", async () => {
    const prefix = await freshPrefix();
    const { manifest } = await provide(prefix, { made: { "bin/made": "made" }, other: { "bin/other": "other" } });
    const [build] = manifest.builds;
    if (build === undefined) throw new Error("nothing was built");
    await damage(join(build.out, "receipt.json"), how);
    expect(await readReceipt(build.out)).toBeNull();
    expect((await listReceipts(prefix)).map(({ recipe }) => recipe)).toEqual(["other"]);
    const { kept } = await collectGarbage(prefix, { ...surroundings("gc"), dryRun: true, now: Date.now() });
    expect(kept.map(({ path }) => path)).toContain(build.out);
    const again = await realise(derivation(prefix, "made"), writes({ "bin/made": "made" }), surroundings());
    expect(again.cached).toBe(false);
  });

  it("in the place of a manifest, of the ledger or of the layout is told", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { made: { "bin/made": "made" } });
    await damage(join(prefix, "generations", "1", "manifest.json"), how);
    await expect(readManifest(prefix)).rejects.toMatchObject(damaged);
    expect(await listGenerations(prefix)).toEqual([{ generation: 1, current: true, manifest: null }]);
    const gc = collectGarbage(prefix, { ...surroundings("gc"), dryRun: false, now: Date.now() });
    await expect(gc).rejects.toMatchObject(damaged);
    const record = { id: "x", kind: "sysctl", before: null, after: "1", data: {} };
    await damage(join(prefix, "host.json"), how);
    await expect(readLedger(prefix)).rejects.toMatchObject(damaged);
    await expect(noteInLedger(prefix, { state: "applied", record })).rejects.toMatchObject(damaged);
    await damage(join(prefix, "layout"), how);
    await expect(openPrefix(prefix, { create: true })).rejects.toMatchObject(damaged);
  });

  it("in the place of a record of tests is none, and a new one replaces it or is told", async () => {
    const prefix = await freshPrefix();
    const { out, key } = derivation(prefix, "made");
    await mkdir(out);
    const file = join(prefixPaths(prefix).var, "checks", `${key}.json`);
    await mkdir(join(file, ".."));
    await damage(file, how);
    expect(await readCheck(prefix, key)).toBeNull();
    const record: CheckRecord = {
      schema: "tlsforge.check/1",
      recipe: "made",
      version: "1.0",
      key,
      name: "its tests",
      outcome: "pass",
      passed: 1,
      failed: 0,
      skipped: 0,
      failures: [],
      tests: [],
      excluded: [],
      log: "/log",
      wallSeconds: 1,
      finished: "2026-01-01T00:00:00.000Z",
    };
    const written = await writeCheck(prefix, record, []).catch((error: unknown) => error);
    const left = how === "a folder" ? [damaged, null] : [undefined, record];
    expect([written, await readCheck(prefix, key)]).toMatchObject(left);
  });

  it("in the place of a claim is swept when its process has ended, and else holds all that it could", async () => {
    const prefix = await freshPrefix();
    const { locks } = prefixPaths(prefix);
    const own = await ownIdentity();
    const runs = join(locks, "runs");
    await mkdir(runs);
    await mkdir(join(locks, "prefix"));
    await damage(join(runs, claimName(own)), how);
    expect(await holdersOf(prefix)).toEqual([{ who: `pid ${own.pid}`, outputs: null }]);
    await damage(join(locks, "prefix", claimName({ ...own, start: "1" })), how);
    const release = await lock(join(locks, "prefix"), surroundings());
    expect(await readdir(join(locks, "prefix"))).toHaveLength(1);
    await release();
    expect(await readdir(locks)).toEqual([basename(runs)]);
  });
});

// Not of a pipe: what reads at once would never come back, were it not looked at first.
it.each(Object.keys(damages).filter((how) => how !== "a pipe"))("%s is no receipt for the quick path", async (how) => {
  const prefix = await freshPrefix();
  const [build] = (await provide(prefix, { made: { "bin/made": "made" } })).manifest.builds;
  if (build === undefined) throw new Error("nothing was built");
  expect([isBuilt(build), isBuilt({ ...build, key: "another" })]).toEqual([true, false]);
  await damage(join(build.out, "receipt.json"), how);
  expect(isBuilt(build)).toBe(false);
});

it.each(["runs", "sweep"])("a file in the place of the locks (%s) is told", async (name) => {
  const prefix = await freshPrefix();
  await writeFile(join(prefixPaths(prefix).locks, name), "");
  const held = holdPrefix(prefix, surroundings(), () => openPrefix(prefix, { create: true }));
  await expect(held).rejects.toMatchObject({ ...damaged, hint: expect.stringContaining("Move away") });
});

it.each([
  ["builds", [null]],
  ["host", [{ id: "x" }]],
  ["tools", [null]],
  ["warnings", [1]],
  ["server", 1],
  ["accepted", "yes"],
  ["vulnerable", [null]],
])("a manifest with a damaged entry (%s) is damaged", async (name, value) => {
  const prefix = await freshPrefix();
  const { manifest } = await provide(prefix, { made: { "bin/made": "made" } });
  const file = join(prefix, "generations", "1", "manifest.json");
  await writeFile(file, JSON.stringify({ ...manifest, [name]: value }));
  await expect(readManifest(prefix)).rejects.toMatchObject(damaged);
});
