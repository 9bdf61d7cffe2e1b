import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { expect, it, onTestFinished } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import {
  collectGarbage,
  holdersOf,
  holdPrefix,
  lock,
  lockAlone,
  lockPrefix,
  noteInLedger,
  openPrefix,
  prefixPaths,
  readLedger,
  readReceipt,
  realise,
} from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { derivation, freshFolder, freshPrefix, result, surroundings, writes } from "./helpers.ts";

const hold = (prefix: string, what = "provision") =>
  holdPrefix(prefix, surroundings(what), () => openPrefix(prefix, { create: true }));

it("the lock that another holds is named where it may have to be removed by hand", async () => {
  const file = join(await freshPrefix(), "x.lock");
  const release = await lock(file, surroundings());
  await expect(lock(file, { ...surroundings(), wait: false })).rejects.toMatchObject({
    code: "prefix-busy",
    hint: expect.stringMatching(`remove the lock folder ${file}$`) as string,
  });
  await release();
});

it("is shared by runs, and keeps only those out who must be alone", async () => {
  const prefix = await freshPrefix();
  const [one, two] = [await hold(prefix), await hold(prefix, "build")];
  await (
    await lockPrefix(prefix, surroundings())
  )();
  await expect(lockAlone(prefix, { ...surroundings(), wait: false })).rejects.toMatchObject({
    code: "prefix-busy",
    message: expect.stringMatching(/is at work in .*: (provision|build), pid \d+, since/u),
  });
  await one.narrow(["a", "b"]);
  expect((await holdersOf(prefix)).map(({ outputs }) => outputs)).toEqual(
    expect.arrayContaining([new Set(["a", "b"]), null]),
  );
  const alone = lockAlone(prefix, surroundings());
  await one.release();
  await sleep(50);
  await two.release();
  await (
    await alone
  )();
  expect(await readdir(prefixPaths(prefix).locks)).toEqual([]);
});

it("of a run that was killed counts for nothing, also when it says that it began in the future or before this boot", async () => {
  const prefix = await freshPrefix();
  const ours = await hold(prefix);
  const folder = join(prefixPaths(prefix).locks, "runs");
  const [name = ""] = await readdir(folder);
  const future = new Date(Date.now() + 1e9).toISOString();
  // The same process of an earlier boot; and ours, had the clock been set back since.
  const [pid, start, boot, ...rest] = name.split("_");
  await writeFile(join(folder, [pid, start, boot?.replace(/^./u, "x"), ...rest].join("_")), "{}");
  await writeFile(join(folder, name), JSON.stringify({ what: "provision", since: future, outputs: [] }));
  const holders = await holdersOf(prefix);
  expect(holders.map(({ who }) => who)).toEqual([
    `provision, pid ${process.pid}, since ${future} (the clock has been set back since)`,
  ]);
  await ours.release();
  expect(await holdersOf(prefix)).toEqual([]);
  // What the killed one left is named and goes.
  const { removed } = await collectGarbage(prefix, { ...surroundings(), dryRun: false, now: Date.now() });
  expect(removed).toEqual([expect.objectContaining({ kind: "lock", path: folder, why: "its holder has ended" })]);
});

it("sees a sweep in another container, where the process may have the same number", async () => {
  const prefix = await freshPrefix();
  const sweep = join(prefixPaths(prefix).locks, "sweep");
  const release = await lock(sweep, surroundings());
  const [name = ""] = await readdir(sweep);
  await release();
  await mkdir(sweep);
  const [pid, start, boot, space, ...rest] = name.split("_");
  await writeFile(join(sweep, [pid, start, boot, `${space}1`, ...rest].join("_")), JSON.stringify({ what: "gc" }));
  const held = holdPrefix(prefix, { ...surroundings(), wait: false }, () => openPrefix(prefix, { create: true }));
  await expect(held).rejects.toMatchObject({ code: "prefix-busy", message: expect.stringContaining("gc, pid") });
});

it("a lock that was held when the machine went down is free", async () => {
  const prefix = await freshPrefix();
  const path = join(prefixPaths(prefix).locks, "a");
  const release = await lock(path, surroundings());
  const [name = ""] = await readdir(path);
  await release();
  await mkdir(path);
  const [pid, start, boot, ...rest] = name.split("_");
  await writeFile(join(path, [pid, start, boot?.replace(/^./u, "x"), ...rest].join("_")), "{}");
  const again = await lock(path, { ...surroundings(), wait: false });
  expect(await readdir(path)).toHaveLength(1);
  await again();
});

it("an output that is built anew in its place comes back when that fails", async () => {
  const prefix = await freshPrefix();
  const made = derivation(prefix, "made");
  const { receipt } = await realise(made, writes({ a: "1" }), surroundings());
  await writeFile(join(made.out, "a"), "changed");
  const failing = () => Promise.reject(new ForgeError("build-failed", "make failed"));
  await expect(realise(made, failing, { ...surroundings(), replace: true })).rejects.toMatchObject({
    code: "build-failed",
  });
  expect(await readReceipt(made.out)).toEqual(receipt);
  expect(await readFile(join(made.out, "a"), "utf8")).toBe("changed");
  await realise(made, writes({ a: "1" }), { ...surroundings(), replace: true });
  expect(await readFile(join(made.out, "a"), "utf8")).toBe("1");
  expect(await readdir(prefixPaths(prefix).store)).toHaveLength(1);
});

it("an output whose receipt was cut short is absent, and gc names it", async () => {
  const prefix = await freshPrefix();
  const made = derivation(prefix, "made");
  await realise(made, () => Promise.resolve(result), surroundings());
  const text = await readFile(join(made.out, "receipt.json"), "utf8");
  await writeFile(join(made.out, "receipt.json"), text.slice(0, text.length / 2));
  expect(await readReceipt(made.out)).toBeNull();
  const { removed } = await collectGarbage(prefix, { ...surroundings(), dryRun: true, now: Date.now() });
  expect(removed).toEqual([
    expect.objectContaining({ kind: "output", path: made.out, why: "left by an interrupted or failed build" }),
  ]);
});

describeWith(["linux", "root"], "the ledger on a full disk", () => {
  it("keeps what it had, and takes more once there is space", async () => {
    const folder = await freshFolder();
    await execa("mount", ["-t", "tmpfs", "-o", "mode=755,size=16k", "tlsforge-test", folder]);
    onTestFinished(async () => void (await execa("umount", ["-l", folder])));
    const record = (id: string) => ({ id, kind: "file", before: null, after: "x".repeat(3000), data: {} });
    const note = (id: string) => noteInLedger(folder, { state: "intended", record: record(id) });
    const noted = async () => (await readLedger(folder)).map(({ record: { id } }) => id);
    await note("one");
    await note("two");
    await expect(note("three")).rejects.toMatchObject({ code: "disk-full" });
    expect(await noted()).toEqual(["one", "two"]);
    expect(await readdir(folder)).toEqual(["host.json"]);
    await execa("mount", ["-o", "remount,size=1m", folder]);
    await note("three");
    expect(await noted()).toEqual(["one", "two", "three"]);
  });
});
