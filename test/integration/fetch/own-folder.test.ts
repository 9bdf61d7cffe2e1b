import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readFile, readlink, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { fetchAll, unpack } from "../../../src/fetch/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { failureOf, names, options, scratch, source } from "./support.ts";

let base: string;
let folder: string;

beforeEach(async () => {
  base = await scratch();
  folder = join(base, "own");
  await mkdir(join(folder, "src/deep"), { recursive: true });
  await writeFile(join(folder, "configure"), "#!/bin/sh\n", { mode: 0o700 });
  await writeFile(join(folder, "src/x.c"), "int x;", { mode: 0o600 });
  await utimes(join(folder, "src/x.c"), 1000, 1000);
  await symlink("../x.c", join(folder, "src/deep/link"));
  await symlink("nothing", join(folder, "dangling"));
});

async function seen(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const [{ sha256, bytes } = expect.fail()] = await fetchAll([source(null)], {
    ...(await options()),
    overrides: { thing: path },
  });
  return { sha256, bytes };
}

async function digestOf(path: string): Promise<string> {
  return (await seen(path)).sha256;
}

const taken = (path: string) =>
  options().then((opts) => failureOf(fetchAll([source(null)], { ...opts, overrides: { thing: path } })));

describeWith(["linux"], "a user's own folder with a file that may not be read", () => {
  // A setting that the kernel lets nobody read, root neither.
  const route = "/proc/sys/net/ipv4/route";

  it.runIf(existsSync(join(route, "flush")))("is refused, and the file is named", async () => {
    expect(await taken(route)).toMatchObject({
      code: "source-unavailable",
      message: `The file or folder given for thing cannot be read: ${route}/flush, in ${route}, (permission denied, EACCES)`,
      hint: expect.stringContaining("readable for this user") as string,
    });
  });
});

describe("a user's own folder", () => {
  it("is copied as it is, and its digest is that of the copy and of the same content elsewhere", async () => {
    const expected = await seen(folder);
    const { sha256: digest } = expected;
    const into = join(base, "copy");
    await unpack(folder, into, { strip: 1, expected });
    expect(await readlink(join(into, "src/deep/link"))).toBe("../x.c");
    expect(await readlink(join(into, "dangling"))).toBe("nothing");
    expect((await stat(join(into, "configure"))).mode & 0o777).toBe(0o755);
    const file = await stat(join(into, "src/x.c"));
    expect([file.mode & 0o777, file.mtimeMs]).toEqual([0o644, 1_000_000]);
    expect(await digestOf(into)).toBe(digest);
    const elsewhere = join(base, "a/b/c");
    await cp(folder, elsewhere, { recursive: true, verbatimSymlinks: true });
    expect(await digestOf(elsewhere)).toBe(digest);
    await chmod(join(elsewhere, "src/x.c"), 0o700);
    expect(await digestOf(elsewhere)).not.toBe(digest);
  });

  it.each([
    ["content", () => writeFile(join(folder, "src/x.c"), "int y;")],
    ["rights", () => chmod(join(folder, "src/x.c"), 0o755)],
    ["a new file", () => writeFile(join(folder, "new"), "")],
  ])("that changes after it was hashed is noticed: %s", async (_what, change) => {
    const expected = await seen(folder);
    await change();
    expect((await failureOf(unpack(folder, join(base, "copy"), { strip: 1, expected }))).code).toBe("source-mismatch");
    expect(await names(base)).toEqual(["own"]);
  });

  it("that holds nothing is refused, and so is a file", async () => {
    const empty = join(base, "empty");
    await mkdir(join(empty, "a/b"), { recursive: true });
    await writeFile(join(base, "file"), "");
    for (const [what, path] of [
      ["folder", empty],
      ["file", join(base, "file")],
    ] as const) {
      const error = await taken(path);
      expect(error.message).toBe(`The ${what} given for thing holds nothing to build from (${path})`);
      expect(error).toMatchObject({ code: "source-unavailable", hint: expect.stringMatching(/unpacked/) as string });
    }
  });

  it.each([
    ["../outside", "leads out"],
    ["src/../../outside", "leads out"],
    ["/etc", "leads out"],
    ["loop", "in a circle"],
  ])("with a link to %s is refused", async (target, says) => {
    await symlink(target, join(folder, "loop"));
    expect(await taken(folder)).toMatchObject({ code: "archive-unsafe", message: expect.stringContaining(says) });
  });

  it("with a pipe or a socket is refused, and is not waited for", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    expect(await taken(folder)).toMatchObject({
      code: "archive-unsafe",
      message: expect.stringContaining('"pipe" is neither a file'),
    });
    execFileSync("rm", [join(folder, "pipe")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    expect((await taken(folder)).code).toBe("archive-unsafe");
    server.close();
  });

  it("with a name that is not UTF-8 is refused", async () => {
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff])]), "");
    expect(await taken(folder)).toMatchObject({ code: "archive-unsafe", message: expect.stringContaining("UTF-8") });
  });

  it("is not taken where a file is needed, nor a pipe where a folder or a file is", async () => {
    const opts = { ...(await options()), overrides: { thing: folder } };
    const asFile = await failureOf(fetchAll([{ ...source(null), unpack: "none" }], opts));
    expect(asFile).toMatchObject({ code: "source-unavailable", message: expect.stringContaining("has to be a file") });
    execFileSync("mkfifo", [join(base, "pipe")]);
    expect((await taken(join(base, "pipe"))).code).toBe("source-unavailable");
  });
});

describe("a user's own archive", () => {
  it("that changes after it was hashed is noticed", async () => {
    execFileSync("tar", ["-cf", join(base, "own.tar"), "-C", base, "own"]);
    const expected = await seen(join(base, "own.tar"));
    const into = join(base, "copy");
    await unpack(join(base, "own.tar"), into, { strip: 1, expected });
    expect(await readFile(join(into, "src/x.c"), "utf8")).toBe("int x;");
    await writeFile(join(folder, "new"), "");
    execFileSync("tar", ["-cf", join(base, "own.tar"), "-C", base, "own"]);
    const error = await failureOf(unpack(join(base, "own.tar"), join(base, "other"), { strip: 1, expected }));
    expect(error.code).toBe("source-mismatch");
    expect(await names(base)).toEqual(["copy", "own", "own.tar"]);
  });
});
