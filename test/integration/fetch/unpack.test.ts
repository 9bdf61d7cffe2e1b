import { execa } from "execa";
import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readFile, readdir, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { unpack } from "../../../src/fetch/index.ts";
import { treeWriter } from "../../../src/fetch/unpack-writer.ts";
import { needs } from "../../tools/needs.ts";
import { paxHeader, tarOf, zipOf } from "./archives.ts";
import type { TarMember } from "./archives.ts";
import { failureOf, names, scratch, sha256 } from "./support.ts";

let base: string;
let into: string;

/** Every test works in `base/inner`, so that what leaves the target is seen in `base`. */
beforeEach(async () => {
  base = await scratch();
  await mkdir(join(base, "inner"));
  await writeFile(join(base, "outside"), "untouched");
  into = join(base, "inner/target");
});

async function archive(bytes: Buffer): Promise<string> {
  await writeFile(join(base, "archive"), bytes);
  return join(base, "archive");
}

/** Asserts that unpacking fails with the code and leaves nothing behind, neither in the target nor around it. */
async function refused(
  bytes: Buffer,
  options: { strip?: 0 | 1; limits?: object } = {},
): Promise<{ code: string; message: string }> {
  const file = await archive(bytes);
  const before = await tree(base);
  const error = await failureOf(
    unpack(file, into, {
      strip: options.strip ?? 0,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    }),
  );
  expect(await tree(base)).toEqual(before);
  expect(await readFile(join(base, "outside"), "utf8")).toBe("untouched");
  return error;
}

/** What was looked at was something else; nothing of what lies there now may be unpacked. */
const other = { sha256: "0".repeat(64), bytes: 5 };

async function tree(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

const good: readonly TarMember[] = [
  { name: "top/", type: "5", mode: 0o777, mtime: 1_500_000_000 },
  { name: "top/bin/tool", content: "#!/bin/sh\n", mode: 0o4755, mtime: 1_500_000_001 },
  { name: "top/data", content: "data".repeat(1000), mode: 0o600, mtime: 1_500_000_002 },
  { name: "top/empty", mode: 0o666 },
  { name: "top/bin/same", type: "1", link: "top/data" },
  { name: "top/bin/link", type: "2", link: "../data", mtime: 1_500_000_003 },
];

async function expectGood(strip: 0 | 1): Promise<void> {
  const root = strip === 1 ? into : join(into, "top");
  expect(await tree(root)).toEqual(["bin", "bin/link", "bin/same", "bin/tool", "data", "empty"]);
  const tool = await stat(join(root, "bin/tool"));
  expect([tool.mode & 0o7777, tool.mtimeMs / 1000]).toEqual([0o755, 1_500_000_001]);
  expect((await stat(join(root, "data"))).mode & 0o7777).toBe(0o644);
  expect(await readFile(join(root, "bin/same"), "utf8")).toBe("data".repeat(1000));
  expect(await readlink(join(root, "bin/link"))).toBe("../data");
  expect((await lstat(join(root, "bin/link"))).mtimeMs / 1000).toBe(1_500_000_003);
  expect((await stat(root)).mtimeMs / 1000).toBe(strip === 1 ? (await stat(into)).mtimeMs / 1000 : 1_500_000_000);
  expect(await names(join(base, "inner"))).toEqual(["target"]);
}

describe("a good archive", () => {
  const packers: Record<string, (tar: Buffer) => Buffer | Promise<Buffer>> = {
    tar: (tar) => tar,
    gzip: (tar) => gzipSync(tar),
    zstd: (tar) => zstdCompressSync(tar),
    xz: (tar) => piped("xz", tar),
  };
  for (const [name, pack] of Object.entries(packers)) {
    it(`is unpacked whatever its name: ${name}`, async () => {
      const file = await archive(await pack(tarOf(good)));
      await unpack(file, into, { strip: 1 });
      await expectGood(1);
    });
  }

  it.skipIf(needs("bzip2") !== null)("is unpacked whatever its name: bzip2 (where it is)", async () => {
    await unpack(await archive(await piped("bzip2", tarOf(good))), into, { strip: 1 });
    await expectGood(1);
  });

  it("keeps its top folder without strip, and fills an empty target", async () => {
    await mkdir(into);
    await unpack(await archive(gzipSync(tarOf(good))), into, { strip: 0 });
    await expectGood(0);
  });

  it("may be a zip file", async () => {
    const zip = zipOf([
      { name: "pkg/", mode: 0o40755 },
      { name: "pkg/a.py", content: "print()\n" },
      { name: "pkg/run", content: "x", mode: 0o100755 },
      { name: "pkg/link", content: "a.py", mode: 0o120777 },
    ]);
    await unpack(await archive(zip), into, { strip: 0 });
    expect(await tree(into)).toEqual(["pkg", "pkg/a.py", "pkg/link", "pkg/run"]);
    expect((await stat(join(into, "pkg/run"))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(into, "pkg/link"))).toBe("a.py");
  });

  it("may be the user's folder, which is copied", async () => {
    const folder = join(base, "own");
    await mkdir(folder);
    await writeFile(join(folder, "a"), "a");
    await chmod(join(folder, "a"), 0o755);
    await symlink("a", join(folder, "b"));
    await unpack(folder, into, { strip: 1 });
    expect(await readlink(join(into, "b"))).toBe("a");
    expect((await stat(join(into, "a"))).mode & 0o777).toBe(0o755);
  });

  it("may have links to links and to what is not there, as long as they stay inside", async () => {
    const file = await archive(
      tarOf([
        { name: "a/b/file", content: "x" },
        { name: "a/up", type: "2", link: "b/../b/file" },
        { name: "dangling", type: "2", link: "a/none" },
      ]),
    );
    await unpack(file, into, { strip: 0 });
    expect(await tree(into)).toEqual(["a", "a/b", "a/b/file", "a/up", "dangling"]);
  });
});

describe("a hostile archive", () => {
  const cases: Record<string, { members: readonly TarMember[]; says: RegExp; strip?: 1 }> = {
    "goes up": { members: [{ name: "../evil", content: "x" }], says: /leaves the folder/ },
    "goes up in the middle": { members: [{ name: "a/../../evil", content: "x" }], says: /leaves the folder/ },
    "goes up after strip": { members: [{ name: "top/../../evil", content: "x" }], says: /leaves the folder/, strip: 1 },
    "goes up by a pax header": {
      members: [paxHeader({ path: "../evil" }), { name: "fine", content: "x" }],
      says: /leaves the folder/,
    },
    "goes up with a folder": { members: [{ name: "../evil/", type: "5" }], says: /leaves the folder/ },
    "is absolute": { members: [{ name: "/tmp/tlsforge-evil", content: "x" }], says: /absolute/ },
    "links out": { members: [{ name: "l", type: "2", link: "../outside" }], says: /points out/ },
    "links to an absolute path": { members: [{ name: "l", type: "2", link: "/etc" }], says: /points out/ },
    "links out from a deeper folder after strip": {
      members: [{ name: "top/l", type: "2", link: "../outside" }],
      says: /points out/,
      strip: 1,
    },
    "links out over another link": {
      members: [
        { name: "deep/er/", type: "5" },
        { name: "deep/er/l", type: "2", link: "../.." },
        { name: "m", type: "2", link: "deep/er/l/../outside" },
      ],
      says: /points out/,
    },
    "links out once a later link is there": {
      members: [
        { name: "m", type: "2", link: "d/e/../.." },
        { name: "d/x", content: "" },
        { name: "d/e", type: "2", link: ".." },
      ],
      says: /points out/,
    },
    "links in a circle": {
      members: [{ name: "round", type: "2", link: "round" }],
      says: /circle/,
    },
    "writes through a link": {
      members: [
        { name: "d/", type: "5" },
        { name: "l", type: "2", link: "d" },
        { name: "l/evil", content: "x" },
      ],
      says: /through a link/,
    },
    "replaces a link by a file": {
      members: [
        { name: "l", type: "2", link: "d" },
        { name: "l", content: "x" },
      ],
      says: /twice/,
    },
    "replaces a folder by a link": {
      members: [
        { name: "d/", type: "5" },
        { name: "d", type: "2", link: "e" },
      ],
      says: /twice/,
    },
    "links hard to the outside": { members: [{ name: "l", type: "1", link: "../outside" }], says: /leaves the folder/ },
    "links hard to what is not in it": {
      members: [{ name: "l", type: "1", link: "none" }],
      says: /not an earlier file/,
    },
    "links hard to a link": {
      members: [
        { name: "a", content: "" },
        { name: "s", type: "2", link: "a" },
        { name: "l", type: "1", link: "s" },
      ],
      says: /not an earlier file/,
    },
    "has a character device": { members: [{ name: "null", type: "3" }], says: /CharacterDevice/ },
    "has a block device": { members: [{ name: "sda", type: "4" }], says: /BlockDevice/ },
    "has a pipe": { members: [{ name: "pipe", type: "6" }], says: /FIFO/ },
    "has a member of an unknown kind": { members: [{ name: "what", type: "Q" }], says: /kind that is refused/ },
    "has a file twice": {
      members: [
        { name: "a", content: "1" },
        { name: "./a", content: "2" },
      ],
      says: /twice/,
    },
    "has a file below a file": {
      members: [
        { name: "a", content: "1" },
        { name: "a/b", content: "2" },
      ],
      says: /below a file/,
    },
    "has a control character in a name": { members: [{ name: "a\u001b[2J", content: "1" }], says: /control character/ },
  };
  for (const [name, { members, says, strip }] of Object.entries(cases)) {
    it(`that ${name} is refused`, async () => {
      // An honest member first: what was already written has to go as well.
      const first = { name: strip === 1 ? "top/honest" : "honest", content: "x" };
      const error = await refused(gzipSync(tarOf([first, ...members])), { strip: strip ?? 0 });
      expect(error).toMatchObject({ code: "archive-unsafe", message: expect.stringMatching(says) });
    });
  }

  it("cannot let two names meet in one file where case does not count", async () => {
    const writer = (foldsCase: boolean): ReturnType<typeof treeWriter> =>
      treeWriter({ archive: "a", root: join(base, "inner"), strip: 0, packedBytes: 1, foldsCase });
    const member = (path: string): { path: string; mode: number; mtime: number } => ({ path, mode: 0o644, mtime: 0 });
    const folding = writer(true);
    folding.symbolicLink(member("Dir"), "x");
    expect(() => folding.file(member("dir/evil"))).toThrow("through a link (dir)");
    expect(() => folding.file(member("DIR"))).toThrow("is there twice");
    const exact = writer(false);
    exact.file(member("Readme")).end();
    exact.file(member("README")).end();
    expect(await names(join(base, "inner"))).toEqual(["Dir", "README", "Readme"]);
  });

  it("cannot write into a folder prepared beside the target", async () => {
    await symlink(base, into);
    const error = await failureOf(unpack(await archive(tarOf([{ name: "evil", content: "x" }])), into, { strip: 0 }));
    expect(error.code).toBe("prefix-unusable");
    expect(await names(base)).toEqual(["archive", "inner", "outside"]);
  });

  it("is stopped as a bomb by ratio, size and number", async () => {
    const bomb = gzipSync(tarOf([{ name: "zeros", content: Buffer.alloc(48 * 1024 * 1024) }]));
    expect(await refused(bomb)).toMatchObject({
      code: "archive-unsafe",
      message: expect.stringContaining("200 times"),
    });
    const large = tarOf([{ name: "a", content: Buffer.alloc(2000) }]);
    expect(await refused(large, { limits: { bytes: 1999 } })).toMatchObject({
      code: "archive-unsafe",
      message: expect.stringContaining("1999 bytes"),
    });
    const many = tarOf(Array.from({ length: 11 }, (_, index) => ({ name: `${index}` })));
    expect(await refused(many, { limits: { entries: 10 } })).toMatchObject({
      code: "archive-unsafe",
      message: expect.stringContaining("more than 10 members"),
    });
    const deep = tarOf([{ name: `${"d/".repeat(12)}f` }]);
    expect(await refused(deep, { limits: { entries: 10 } })).toMatchObject({
      code: "archive-unsafe",
      message: expect.stringContaining("more than 10 members"),
    });
  });

  it("of the zip kind is refused as well", async () => {
    const cases: [Parameters<typeof zipOf>[0], string, RegExp][] = [
      [[{ name: "../evil", content: "x" }], "archive-unsafe", /leaves the folder/],
      [[{ name: "/evil", content: "x" }], "archive-unsafe", /absolute/],
      [[{ name: "a\\..\\evil", content: "x" }], "archive-unsafe", /backslash/],
      [[{ name: "l", content: "../outside", mode: 0o120777 }], "archive-unsafe", /points out/],
      [[{ name: "dev", mode: 0o020666 }], "archive-unsafe", /neither a file/],
      [[{ name: "a" }, { name: "a" }], "archive-unsafe", /twice/],
      [[{ name: "a", content: "x", crc: 1 }], "archive-broken", /checksum/],
    ];
    for (const [members, code, says] of cases) {
      expect(await refused(zipOf([{ name: "honest", content: "x" }, ...members]))).toMatchObject({
        code,
        message: expect.stringMatching(says),
      });
    }
  });
});

describe("a broken archive", () => {
  const tar = tarOf([
    { name: "a", content: Buffer.alloc(5000, "a") },
    { name: "b", content: Buffer.alloc(5000, "b") },
  ]);

  it("that was cut short is refused, wherever the cut is", async () => {
    const whole = [
      tar,
      gzipSync(tar),
      zstdCompressSync(tar),
      await piped("xz", tar),
      zipOf([{ name: "a", content: "a".repeat(500) }]),
    ];
    for (const bytes of whole) {
      for (const part of [0.3, 0.6, 0.95])
        expect((await refused(bytes.subarray(0, Math.floor(bytes.length * part)))).code).toBe("archive-broken");
    }
    expect((await refused(tarOf([{ name: "a", content: "x" }], { end: false }))).message).toContain("ends too early");
  });

  it("that was damaged is refused", async () => {
    const noise = tarOf([{ name: "a", content: randomBytes(5000) }]);
    for (const bytes of [gzipSync(noise), await piped("xz", noise), await piped("xz", tar)]) {
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = bytes[middle]! ^ 0xff;
      expect((await refused(bytes)).code).toBe("archive-broken");
    }
    // The header of the second member: node-tar would pass over it by itself.
    expect((await refused(Buffer.from(tar).fill(0xa5, 5632, 5700))).message).toContain("checksum failure");
  });

  it("that is none, or empty, or packed twice, or has several top folders is refused", async () => {
    expect((await refused(Buffer.from("<html>not found</html>"))).message).toContain("neither a tar nor a zip");
    expect((await refused(Buffer.alloc(0))).code).toBe("archive-broken");
    expect((await refused(gzipSync(tarOf([])))).code).toBe("archive-broken");
    expect((await refused(gzipSync(gzipSync(tar)))).message).toContain("compressed twice");
    expect((await refused(tar, { strip: 1 })).message).toContain("does not lie in the top folder");
    expect((await refused(tarOf([{ name: "x/a" }, { name: "y/a" }]), { strip: 1 })).message).toContain(
      "more than one top folder",
    );
  });
});

async function piped(program: string, input: Buffer): Promise<Buffer> {
  const { stdout } = await execa(program, { input, encoding: "buffer" });
  return Buffer.from(stdout);
}

describe("a file that is another one by the time it is unpacked", () => {
  it.each([
    ["a good archive", () => archive(gzipSync(tarOf(good)))],
    ["a hostile one", () => archive(tarOf([{ name: "../evil", content: "x" }]))],
    ["a damaged one", () => archive(gzipSync(tarOf(good)).subarray(0, 100))],
    ["a folder", () => mkdir(join(base, "archive")).then(() => join(base, "archive"))],
    ["a pipe", () => execa("mkfifo", [join(base, "archive")]).then(() => join(base, "archive"))],
    ["a device", () => symlink("/dev/full", join(base, "archive")).then(() => join(base, "archive"))],
    ["nothing", () => join(base, "archive")],
  ])("is refused for its digest, before anything of it is unpacked: %s", async (_what, exchange) => {
    const file = await exchange();
    const before = await tree(base);
    expect(await failureOf(unpack(file, into, { strip: 0, expected: other }))).toMatchObject({
      code: "source-mismatch",
      message: `${file} has changed since this run began to look at it`,
    });
    expect(await tree(base)).toEqual(before);
  });

  it("is unpacked when it is the one that was looked at", async () => {
    const bytes = gzipSync(tarOf(good));
    await unpack(await archive(bytes), into, { strip: 1, expected: { sha256: sha256(bytes), bytes: bytes.length } });
    expect(await readFile(join(into, "data"), "utf8")).toBe("data".repeat(1000));
    expect(await names(join(base, "inner"))).toEqual(["target"]);
  });
});
