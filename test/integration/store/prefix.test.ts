import { execFile, spawnSync } from "node:child_process";
import { access, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import { activate, atomicWrite, lock, openPrefix, prefixPaths, realise, removeTree } from "../../../src/store/index.ts";
import { describeWith, needs } from "../../tools/needs.ts";
import { derivation, freshFolder, freshPrefix, parts, provide, result, surroundings } from "./helpers.ts";

const run = promisify(execFile);
const script = new URL("./child.ts", import.meta.url).pathname;

describe("openPrefix", () => {
  it("makes the folders, the site state readable by its owner alone, and can be repeated", async () => {
    const path = join(await freshFolder(), "a/p");
    await openPrefix(path, { create: true });
    const paths = await openPrefix(path, { create: true });
    expect((await readdir(path)).toSorted()).toEqual(["cache", "generations", "layout", "log", "store", "var"]);
    expect((await lstat(paths.var)).mode & 0o777).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
    for (const folder of [paths.tls, paths.locks]) expect((await lstat(folder)).mode & 0o777).toBe(0o700);
    expect(await openPrefix(`${path}/`, { create: false })).toEqual(prefixPaths(path));
  });

  it("says that there is nothing, and makes nothing then", async () => {
    const path = join(await freshFolder(), "p");
    const opened = openPrefix(path, { create: false });
    await expect(opened).rejects.toEqual(expect.objectContaining({ code: "not-found" }));
    await expect(access(path)).rejects.toThrow("ENOENT");
  });

  it("refuses the prefix of a newer tlsforge, and one whose layout is no version, each with its own words", async () => {
    const path = await freshPrefix();
    const cases = [
      ["2\n", "prefix-newer", `${path} has layout 2; this tlsforge knows 1`],
      ...["", "new\n", "0\n", "1.5\n", "-1\n", "1 1\n"].map((text) => [
        text,
        "prefix-unusable",
        `The layout version of ${path} is damaged`,
      ]),
    ] as const;
    for (const [layout, code, message] of cases) {
      await writeFile(prefixPaths(path).layout, layout!);
      await expect(openPrefix(path, { create: true })).rejects.toEqual(expect.objectContaining({ code, message }));
    }
  });

  it("refuses a folder where a name that we need is taken", async () => {
    const path = await freshFolder();
    await mkdir(join(path, "bin"));
    await expect(openPrefix(path, { create: true })).rejects.toMatchObject({
      code: "prefix-unusable",
      message: `${path}/bin is there already and is not tlsforge's`,
    });
    await rm(join(path, "bin"), { recursive: true });
    await symlink("/usr/lib", join(path, "lib"));
    await expect(openPrefix(path, { create: true })).rejects.toThrow(`${path}/lib is there already`);
    expect(await readdir(path)).toEqual(["lib"]);
  });

  it("refuses a folder that somebody uses, with and without create, and leaves it as it is", async () => {
    for (const create of [true, false]) {
      const path = await freshFolder();
      await mkdir(join(path, "store"));
      await writeFile(join(path, "passwd"), "");
      await expect(openPrefix(path, { create })).rejects.toMatchObject({
        code: "prefix-unusable",
        message: `${path} is not empty (it holds "passwd") and is no tlsforge prefix`,
        hint: expect.stringContaining("empty folder"),
      });
      expect(await readdir(path)).toEqual(["passwd", "store"]);
    }
  });

  it("takes an empty folder, and one whose first run was ended before it wrote the layout", async () => {
    const path = await freshFolder();
    await openPrefix(path, { create: true });
    await rm(prefixPaths(path).layout);
    await writeFile(join(path, ".tmp-0123456789abcdef"), "");
    expect(await openPrefix(path, { create: true })).toEqual(prefixPaths(path));
    expect(await readFile(prefixPaths(path).layout, "utf8")).toBe("1\n");
  });

  it.runIf(process.platform === "linux")("refuses a path where no folder can be made", async () => {
    await expect(openPrefix("/proc/tlsforge", { create: true })).rejects.toMatchObject({
      code: "prefix-unusable",
      hint: expect.stringContaining("--prefix"),
    });
  });

  it.each([
    ["file", "file", "not a folder"],
    ["file/p/q", "file", "not a folder"],
    ["gone", "gone", "a link to nowhere, where nothing is"],
    ["gone/p", "gone", "a link to nowhere, where nothing is"],
    ["named", "named", "a link to file, which is not a folder"],
    ["round", "round", "a link to round that leads nowhere"],
  ])("refuses %s: nothing but a folder may stand there", async (path, culprit, what) => {
    const folder = await freshFolder();
    await writeFile(join(folder, "file"), "");
    for (const [name, target] of Object.entries({ gone: "nowhere", named: "file", round: "round" }))
      await symlink(target, join(folder, name));
    for (const create of [true, false])
      await expect(openPrefix(join(folder, path), { create })).rejects.toMatchObject({
        code: "prefix-unusable",
        message: `${join(folder, culprit)} is ${what}`,
        hint: expect.stringContaining("--prefix") as string,
      });
  });

  it("refuses a folder for builds that is a link to nowhere", async () => {
    const path = await freshPrefix();
    await symlink("/nonexistent/x", join(path, "build"));
    await expect(openPrefix(path, { create: true })).rejects.toMatchObject({
      code: "prefix-unusable",
      message: `${path}/build is a link to /nonexistent/x, where nothing is`,
    });
  });

  it.each(["var", "var/locks"])("%s that is a link to nowhere is told by whatever takes a lock", async (name) => {
    const path = await freshPrefix();
    await rm(join(path, name), { recursive: true });
    await symlink("/nonexistent/x", join(path, name));
    const locked = lock(join(prefixPaths(path).locks, "sweep"), surroundings());
    await expect(locked).rejects.toMatchObject({
      code: "prefix-unusable",
      message: `${path}/${name} is a link to /nonexistent/x, where nothing is`,
      hint: expect.stringContaining("Move it away") as string,
    });
  });

  it("takes a link to a folder", async () => {
    const folder = await freshFolder();
    await mkdir(join(folder, "real"));
    await symlink("real", join(folder, "p"));
    await openPrefix(join(folder, "p"), { create: true });
    expect(await readdir(join(folder, "real"))).toContain("layout");
  });
});

describeWith(["root"], "openPrefix by a user without rights", () => {
  it("refuses a prefix that the user may not write to", async () => {
    const path = await freshPrefix();
    await run("chmod", ["755", join(path, "..")]);
    const { stdout } = await run(process.execPath, [script, "open", path], { uid: 65534, gid: 65534 });
    expect(stdout).toMatch(/^1 ForgeError: Cannot use .*(?:EPERM|EACCES)/u);
  });
});

const noDisk = needs("linux", "root", "unshare") ?? (mayMount() ? null : "needs the right to mount");
describe.skipIf(noDisk !== null)(`a full disk${noDisk === null ? "" : ` (${noDisk})`}`, () => {
  it("fails with its own code and leaves a prefix that works", async () => {
    const disk = await freshFolder();
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
    onTestFinished(async () => void (await run("umount", ["-l", disk])));
    const path = (await openPrefix(join(disk, "p"), { create: true })).path;
    await provide(path, { small: { "bin/tool": "one" } });
    const full = expect.objectContaining({ code: "disk-full" });
    const filler = join(disk, "filler");
    await expect(writeFile(filler, Buffer.alloc(2 << 20))).rejects.toThrow("ENOSPC");

    const more = derivation(path, "more");
    const fills = async ({ out }: { readonly out: string }) => {
      await writeFile(join(out, "a"), Buffer.alloc(1 << 16));
      return result;
    };
    await expect(realise(more, fills, surroundings())).rejects.toEqual(full);
    // What was kept for the lock.
    await expect(writeFile(filler, Buffer.alloc(1 << 20), { flag: "a" })).rejects.toThrow("ENOSPC");
    await expect(activate(path, parts([derivation(path, "small")]), surroundings())).rejects.toEqual(full);
    await expect(atomicWrite(join(path, "var/file"), Buffer.alloc(1 << 16))).rejects.toEqual(full);
    await expect(access(more.out)).rejects.toThrow("ENOENT");
    expect(await readFile(join(path, "bin/tool"), "utf8")).toBe("one");
    expect((await readdir(path, { recursive: true })).filter((name) => name.includes(".tmp-"))).toEqual([]);

    await rm(filler);
    expect(await realise(more, fills, surroundings())).toMatchObject({ cached: false });
    expect((await provide(path, { small: { "bin/tool": "one" } })).manifest.generation).toBe(2);
  });

  it("is recognised behind a compiler's own words", async () => {
    const disk = await freshFolder();
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
    onTestFinished(async () => void (await run("umount", ["-l", disk])));
    const path = (await openPrefix(join(disk, "p"), { create: true })).path;
    const fails = async ({ out }: { readonly out: string }): Promise<never> => {
      await writeFile(join(out, "a"), Buffer.alloc(2 << 20)).catch(() => undefined);
      throw new ForgeError("build-failed", "ld: final close failed", { details: ["last line"] });
    };
    await expect(realise(derivation(path, "demo"), fails, surroundings())).rejects.toMatchObject({
      code: "disk-full",
      details: ["last line"],
    });
  });
});

describe("removeTree", () => {
  it("removes a link and not what it points to", async () => {
    const path = await freshPrefix();
    const other = await freshFolder();
    await writeFile(join(other, "precious"), "");
    await symlink(other, join(path, "store/link"));
    await removeTree(join(path, "store/link"), path);
    expect(await readdir(other)).toEqual(["precious"]);
    expect(await readdir(join(path, "store"))).toEqual([]);
  });

  it("refuses everything outside the prefix, also by way of a link", async () => {
    const path = await freshPrefix();
    const other = await freshFolder();
    await mkdir(join(other, "precious"));
    await symlink(other, join(path, "store/link"));
    const outside = [
      "/",
      path,
      `${path}/`,
      join(path, ".."),
      `${path}/store/../..`,
      other,
      `${path}x`,
      join(path, "store/link/precious"),
    ];
    for (const target of outside) await expect(removeTree(target, path)).rejects.toThrow("refused to remove");
    await expect(removeTree("/etc/hosts", "/")).rejects.toThrow("refused to remove");
    expect(await readdir(other)).toEqual(["precious"]);
  });
});

describe("atomicWrite", () => {
  it("replaces as a whole with the given mode, whatever the umask, and leaves nothing else", async () => {
    const folder = await freshFolder();
    await atomicWrite(join(folder, "key"), "one", 0o600);
    await atomicWrite(join(folder, "key"), "two", 0o640);
    expect(await readFile(join(folder, "key"), "utf8")).toBe("two");
    expect((await lstat(join(folder, "key"))).mode & 0o777).toBe(0o640);
    await mkdir(join(folder, "taken/full"), { recursive: true });
    await expect(atomicWrite(join(folder, "taken"), "x")).rejects.toThrow("EISDIR");
    expect((await readdir(folder)).toSorted()).toEqual(["key", "taken"]);
  });
});

function mayMount(): boolean {
  return spawnSync("unshare", ["--mount", "true"], { stdio: "ignore" }).status === 0;
}
