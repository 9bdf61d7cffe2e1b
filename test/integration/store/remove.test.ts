import { chmod, chown, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { noteInLedger, openPrefix, prefixPaths, removePrefix } from "../../../src/store/index.ts";
import { freshFolder, freshPrefix, provide } from "./helpers.ts";

const gone = { foreign: [], folder: "gone" };

/** A prefix with a generation, and all else that comes into one. */
async function used(): Promise<string> {
  const prefix = await freshPrefix();
  await provide(prefix, { a: { "bin/a": "", "lib/liba.so": "", "include/a.h": "", "share/a/x": "" } });
  await noteInLedger(prefix, {
    state: "applied",
    record: { id: "x", kind: "file", before: null, after: "", data: {} },
  });
  const files = ["var/server.json", "var/run/server.pid", "log/x.log", "cache/sources/x.tar", "build/x/y", ".tmp-1/z"];
  for (const file of files) {
    await mkdir(join(prefix, dirname(file)), { recursive: true });
    await writeFile(join(prefix, file), "");
  }
  return prefix;
}

test("everything of a prefix goes, and the folder itself", async () => {
  const prefix = await used();
  expect(await readdir(prefix)).toEqual(expect.arrayContaining(["bin", "current", "host.json", "layout", "store"]));
  expect(await removePrefix(prefix)).toEqual(gone);
  await expect(readdir(prefix)).rejects.toMatchObject({ code: "ENOENT" });
});

test("the ledger and what marks a prefix stay for a second try", async () => {
  const prefix = await used();
  await writeFile(join(prefix, "notes"), "mine");
  expect(await removePrefix(prefix, { keepLedger: true })).toEqual({ foreign: ["notes"], folder: "stays" });
  expect(await readdir(prefix)).toEqual(["host.json", "layout", "notes"]);
  expect(await openPrefix(prefix, { create: false })).toMatchObject({ path: prefix });
  await rm(join(prefix, "notes"));
  expect(await removePrefix(prefix)).toEqual(gone);
});

test("outputs that cannot be written go as well", async () => {
  const prefix = await used();
  const [out = ""] = await readdir(join(prefix, "store"));
  await chmod(join(prefix, "store", out, "share/a"), 0o555);
  expect(await removePrefix(prefix)).toEqual(gone);
});

test("what is not ours stays and is named; then it is no prefix any more", async () => {
  const prefix = await used();
  await writeFile(join(prefix, "notes"), "mine");
  await mkdir(join(prefix, "etc"));
  expect(await removePrefix(prefix)).toEqual({ foreign: ["etc", "notes"], folder: "stays" });
  expect(await readdir(prefix)).toEqual(["etc", "notes"]);
  await expect(openPrefix(prefix, { create: false })).rejects.toMatchObject({ code: "prefix-unusable" });
});

test("of links that lead out of the prefix only the link goes", async () => {
  const prefix = await used();
  const outside = join(await freshFolder(), "theirs");
  await mkdir(outside);
  await writeFile(join(outside, "kept"), "");
  await symlink(outside, join(prefix, "var/link"));
  await symlink(outside, join(prefix, "cache/sources/link"));
  expect(await removePrefix(prefix)).toEqual(gone);
  expect(await readdir(outside)).toEqual(["kept"]);
});

test("a removal that was cut short leaves a prefix, which is taken up again", async () => {
  const prefix = await used();
  const { ledger, layout } = prefixPaths(prefix);
  // What stops it here is a folder where a file belongs.
  await rm(ledger);
  await mkdir(ledger);
  await expect(removePrefix(prefix)).rejects.toMatchObject({
    code: "prefix-unusable",
    cause: { syscall: "unlink", path: ledger },
  });
  expect(await readdir(prefix)).toEqual(["host.json", "layout"]);
  expect((await openPrefix(prefix, { create: false })).layout).toBe(layout);
  await rm(ledger, { recursive: true });
  expect(await removePrefix(prefix)).toEqual(gone);
  await expect(readdir(prefix)).rejects.toMatchObject({ code: "ENOENT" });
});

test("what is gone is removed", async () => {
  expect(await removePrefix(join(await freshFolder(), "never"))).toEqual(gone);
});

/** Does it without root's right to do anything. */
async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

test("a folder that somebody has made for us among theirs is emptied, and stays", async () => {
  const prefix = join(await freshFolder(), "theirs/p");
  const theirs = dirname(prefix);
  await mkdir(prefix, { recursive: true });
  await chmod(dirname(theirs), 0o755);
  if (process.getuid?.() === 0) await chown(prefix, 65_534, 65_534);
  await chmod(theirs, 0o555);
  onTestFinished(() => chmod(theirs, 0o755));
  const removed = await unprivileged(async () => {
    await writeFile(join(prefix, "layout"), "1\n");
    await mkdir(join(prefix, "store/a"), { recursive: true });
    return removePrefix(prefix);
  });
  expect(removed).toEqual({ foreign: [], folder: "stays" });
  expect(await readdir(prefix)).toEqual([]);
});
