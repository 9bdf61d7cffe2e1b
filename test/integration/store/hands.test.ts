import { chmod, chown, lchown, lstat, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openPrefix, prefixPaths } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { freshFolder } from "./helpers.ts";

const somebody = 65534;
const open = (path: string): Promise<unknown> => openPrefix(path, { create: true });
const refused = (words: string): object => ({
  code: "prefix-unusable",
  message: expect.stringContaining(words) as string,
  hint: expect.stringContaining("--prefix") as string,
});

describeWith(["root"], "a prefix that another user could change, for root", () => {
  test("a folder above that belongs to somebody is refused, with its name, and nothing is made", async () => {
    const folder = await freshFolder();
    const theirs = join(folder, "theirs");
    await mkdir(theirs);
    await chown(theirs, somebody, somebody);
    await expect(open(join(theirs, "deep/prefix"))).rejects.toMatchObject(
      refused(`${theirs} belongs to the user ${somebody}`),
    );
    expect(await readdir(theirs)).toEqual([]);
  });

  test.each([
    [0o777, "everybody"],
    [0o775, "the group"],
    [0o757, "everybody"],
  ])("a folder above of mode %o is refused", async (mode, who) => {
    const folder = await freshFolder();
    const wide = join(folder, "wide");
    await mkdir(join(wide, "inner"), { recursive: true });
    await chmod(wide, mode);
    await expect(open(join(wide, "inner/prefix"))).rejects.toMatchObject(refused(`${wide} is writable by ${who}`));
  });

  test("in a sticky folder only what is root's is safe", async () => {
    const folder = await freshFolder();
    const sticky = join(folder, "tmp");
    await mkdir(sticky);
    await chmod(sticky, 0o1777);
    await expect(open(sticky)).rejects.toMatchObject(refused(`${sticky} is writable by everybody`));
    await open(join(sticky, "own"));
    expect((await lstat(join(sticky, "own"))).uid).toBe(0);
    const theirs = join(sticky, "theirs");
    await mkdir(theirs);
    await chown(theirs, somebody, somebody);
    for (const path of [theirs, join(theirs, "p")])
      await expect(open(path)).rejects.toMatchObject(refused(`${theirs}, in ${sticky}, which others can write to`));
  });

  test("a link counts as what it is and as what it leads to", async () => {
    const folder = await freshFolder();
    const safe = join(folder, "safe");
    const wide = join(folder, "wide");
    const sticky = join(folder, "tmp");
    for (const path of [safe, wide, sticky]) await mkdir(path);
    await chmod(wide, 0o777);
    await chmod(sticky, 0o1777);
    await symlink(wide, join(safe, "to-wide"));
    await expect(open(join(safe, "to-wide/p"))).rejects.toMatchObject(refused(`${wide} is writable by everybody`));
    await symlink("../tmp/../wide", join(safe, "winding"));
    await expect(open(join(safe, "winding/p"))).rejects.toMatchObject(refused(`${wide} is writable by everybody`));
    await symlink(safe, join(sticky, "planted"));
    await lchown(join(sticky, "planted"), somebody, somebody);
    await expect(open(join(sticky, "planted/p"))).rejects.toMatchObject(refused(`${join(sticky, "planted")}, in`));
    await symlink(safe, join(folder, "good"));
    await open(join(folder, "good/p"));
    await symlink("loop", join(folder, "loop"));
    await expect(open(join(folder, "loop/p"))).rejects.toMatchObject({ code: "prefix-unusable" });
  });

  test("what is inside of it counts as well", async () => {
    const path = join(await freshFolder(), "p");
    await open(path);
    const { store, var: state } = prefixPaths(path);
    await chmod(store, 0o777);
    await expect(openPrefix(path, { create: false })).rejects.toMatchObject(refused(`${store} is writable`));
    await chmod(store, 0o755);
    await chown(state, somebody, somebody);
    await expect(openPrefix(path, { create: false })).rejects.toMatchObject(refused(`${state} belongs to`));
  });

  test("what a first run of an older tlsforge left open is closed", async () => {
    const path = join(await freshFolder(), "p");
    await mkdir(join(path, "var/tls"), { recursive: true, mode: 0o755 });
    await mkdir(join(path, "var/locks"), { mode: 0o755 });
    await open(path);
    const paths = prefixPaths(path);
    const modes = await Promise.all(
      [paths.var, paths.tls, paths.locks].map(async (at) => (await lstat(at)).mode & 0o777),
    );
    expect(modes).toEqual([0o711, 0o700, 0o700]);
  });
});
