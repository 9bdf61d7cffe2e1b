import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { beforeEach, describe, expect, it, onTestFinished, test } from "vitest";
import { use } from "../../../src/cli/commands/bundle.ts";
import { originOf } from "../../../src/fetch/index.ts";
import { createBundle, refuseNoFile, refuseTarget, useBundle } from "../../../src/deliver/index.ts";
import { needs } from "../../tools/needs.ts";
import { contextIn } from "../cli/context.ts";
import { tarOf, type TarMember } from "../fetch/archives.ts";

const { signal } = new AbortController();
const platform = { os: "linux", arch: "x86_64", libc: "gnu" } as const;
const digest = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

let folder: string;
let file: string;
let cache: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tlsforge-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  [file, cache] = [join(folder, "b"), join(folder, "cache")];
});

/** A source in a cache of its own, with its signature when there is one. */
async function cached(
  content: string,
  signature?: string,
): Promise<Parameters<typeof createBundle>[1]["sources"][number]> {
  const sha256 = digest(content);
  await mkdir(join(folder, "from"), { recursive: true });
  await writeFile(join(folder, "from", sha256), content);
  if (signature !== undefined) await writeFile(join(folder, "from", `${sha256}.asc`), signature);
  const [name, bytes] = [content.slice(0, 3), content.length];
  return {
    name,
    recipe: name,
    version: "1",
    file: `${name}.tar.gz`,
    sha256,
    bytes,
    path: join(folder, "from", sha256),
  };
}

const codeOf = (promise: Promise<unknown>): Promise<string | null> =>
  promise.then(
    () => null,
    (error: { code: string }) => error.code,
  );

describe("a bundle", () => {
  it("holds every source once with its signature, and the same sources make the same bytes", async () => {
    const sources = [await cached("one".repeat(1000), "signed"), await cached("two")];
    const made = await createBundle(file, { stack: "small", platform, sources: [...sources, ...sources], signal });
    const bytes = await readFile(file);
    expect([made.sha256, made.bytes]).toEqual([digest(bytes), bytes.length]);
    await createBundle(`${file}2`, { stack: "small", platform, sources: sources.toReversed(), signal });
    expect(await readFile(`${file}2`)).toEqual(bytes);
    const used = await useBundle(file, { cache, signal });
    expect(used).toEqual(made.index);
    const [one, two] = sources.map(({ sha256 }) => sha256);
    expect(new Set(await readdir(cache))).toEqual(new Set([one, `${one}.asc`, `${one}.origin`, two, `${two}.origin`]));
    expect(await originOf([cache], one ?? "")).toBe(`the bundle ${file}`);
    expect(await readFile(join(cache, `${one}.asc`), "utf8")).toBe("signed");
  });

  it("mends a damaged file of the cache, and does not replace a signature that is there", async () => {
    const source = await cached("one", "other");
    await createBundle(file, { stack: "small", platform, sources: [source], signal });
    await mkdir(cache);
    await writeFile(join(cache, source.sha256), "damaged");
    await writeFile(join(cache, `${source.sha256}.asc`), "first");
    await useBundle(file, { cache, signal });
    expect(await readFile(join(cache, source.sha256), "utf8")).toBe("one");
    expect(await readFile(join(cache, `${source.sha256}.asc`), "utf8")).toBe("first");
    // What was there came from elsewhere first.
    expect(await originOf([cache], source.sha256)).toBeNull();
  });

  it("is as it was before when a cached file is not what its name says, or the run was interrupted", async () => {
    const source = await cached("one");
    await writeFile(file, "before");
    await writeFile(source.path, "two");
    expect(await codeOf(createBundle(file, { stack: "s", platform, sources: [source], signal }))).toBe(
      "source-mismatch",
    );
    await writeFile(source.path, "longer");
    expect(await codeOf(createBundle(file, { stack: "s", platform, sources: [source], signal }))).toBe(
      "source-mismatch",
    );
    await writeFile(source.path, "one");
    const stopped = AbortSignal.abort();
    expect(await codeOf(createBundle(file, { stack: "s", platform, sources: [source], signal: stopped }))).toBe(
      "interrupted",
    );
    expect(await readFile(file, "utf8")).toBe("before");
    expect((await readdir(folder)).toSorted()).toEqual(["b", "from"]);
  });

  it("takes the place of a bundle and of nothing else; what is no file is not read", async () => {
    await expect(refuseTarget(file)).resolves.toBeUndefined();
    await createBundle(file, { stack: "small", platform, sources: [await cached("one")], signal });
    await expect(refuseTarget(file)).resolves.toBeUndefined();
    await writeFile(join(folder, "site.yaml"), "stack: twisted\n");
    await symlink(file, join(folder, "link"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    for (const name of ["site.yaml", "link", "pipe", "."])
      expect(await codeOf(refuseTarget(join(folder, name)))).toBe("usage");
    for (const name of ["pipe", ".", "nothing"]) expect(await codeOf(refuseNoFile(join(folder, name)))).toBe("usage");
    expect(await codeOf(refuseTarget("/dev/null"))).toBe("usage");
  });

  it("cannot be written where there is no folder, nor read where there is no file", async () => {
    expect(await codeOf(createBundle(join(folder, "no/b"), { stack: "s", platform, sources: [], signal }))).toBe(
      "usage",
    );
    expect(await codeOf(useBundle(join(folder, "no"), { cache, signal }))).toBe("usage");
    expect(await codeOf(useBundle(folder, { cache, signal }))).toBe("usage");
  });
});

const good = "good";
const entry = (content: string, changes: object = {}): object => ({
  name: "x",
  recipe: "x",
  version: "1",
  file: "x",
  sha256: digest(content),
  bytes: content.length,
  signatures: [],
  ...changes,
});
const indexOf = (sources: readonly object[], changes: object = {}): TarMember => ({
  name: "index.json",
  content: JSON.stringify({ schema: "tlsforge.bundle/1", stack: "s", platform, sources, ...changes }),
});
const member = (content: string, name = digest(content)): TarMember => ({ name, content });
const whole = tarOf([indexOf([entry(good), entry("next")]), member(good), member("next")]);

describe("a cache that a bundle cannot be brought into is named, not the bundle", () => {
  const refused = async (into: string): Promise<{ readonly code: string; readonly message: string }> => {
    await writeFile(file, whole);
    return useBundle(file, { cache: into, signal }).then(
      () => Promise.reject(new Error("nothing was refused")),
      (error: { code: string; message: string }) => error,
    );
  };

  it("one that cannot be made", async () => {
    await writeFile(cache, "");
    const into = join(cache, "sources");
    const said = { code: "prefix-unusable", message: `Cannot write below ${into} (ENOTDIR)` };
    expect(await refused(into)).toMatchObject(said);
  });

  it("one with a folder where a source has to be", async () => {
    await mkdir(join(cache, digest("next"), "in"), { recursive: true });
    const said = { code: "prefix-unusable", message: `Cannot write below ${cache} (EISDIR)` };
    expect(await refused(cache)).toMatchObject(said);
    expect(new Set(await readdir(cache))).toEqual(new Set([digest(good), digest("next")]));
  });

  it.skipIf(needs("linux", "root") !== null)("a full one", async () => {
    await mkdir(cache);
    await execa("mount", ["-t", "tmpfs", "-o", "mode=755,nr_inodes=2", "tlsforge-test", cache]);
    onTestFinished(async () => void (await execa("umount", ["-l", cache])));
    const said = { code: "disk-full", message: `No space left while writing below ${cache}` };
    expect(await refused(cache)).toMatchObject(said);
  });
});

test("bundle use brings it where a build would: into the prefix's cache when the one in the home folder cannot be written", async () => {
  await writeFile(file, whole);
  const events: object[] = [];
  const context = { ...contextIn(folder), emit: (event: object) => void events.push(event) };
  const own = join(folder, ".cache", "tlsforge", "sources");
  expect((await use(context, file)).fields["cache"]).toBe(own);
  await rm(join(folder, ".cache"), { recursive: true });
  await writeFile(join(folder, ".cache"), "");
  const instead = join(folder, "prefix", "cache", "sources");
  expect((await use(context, file)).fields["cache"]).toBe(instead);
  expect(await readdir(instead)).toEqual(expect.arrayContaining([digest(good), digest("next")]));
  expect(events).toContainEqual(
    expect.objectContaining({
      type: "warning",
      message: expect.stringContaining(`${instead} is used instead`) as string,
    }),
  );
});

const lies: Readonly<Record<string, readonly [bytes: Buffer, code: string]>> = {
  "other bytes": [tarOf([indexOf([entry(good)]), member("evil", digest(good))]), "source-mismatch"],
  "other bytes in a signature": [
    tarOf([
      indexOf([entry(good, { signatures: [{ ending: "asc", sha256: digest("a"), bytes: 1 }] })]),
      member(good),
      member("b", `${digest(good)}.asc`),
    ]),
    "source-mismatch",
  ],
  "another size": [tarOf([indexOf([entry(good, { bytes: 9 })]), member(good)]), "archive-broken"],
  "a member that is not in its index": [
    tarOf([indexOf([entry(good)]), member(good), member("more")]),
    "archive-broken",
  ],
  "a member that goes up": [tarOf([indexOf([entry(good)]), member(good, `../${digest(good)}`)]), "archive-broken"],
  "another order": [tarOf([indexOf([entry(good), entry("next")]), member("next"), member(good)]), "archive-broken"],
  "fewer files than it says": [tarOf([indexOf([entry(good), entry("next")]), member(good)]), "archive-broken"],
  "a link": [tarOf([indexOf([entry("")]), { name: digest(""), type: "2", link: "/etc/passwd" }]), "archive-broken"],
  "no index": [tarOf([member(good)]), "archive-broken"],
  "an index that is not JSON": [tarOf([{ name: "index.json", content: "{" }, member(good)]), "archive-broken"],
  "an index of a newer kind": [tarOf([indexOf([], { schema: "tlsforge.bundle/2" })]), "archive-broken"],
  "an index with a name that is none": [tarOf([indexOf([entry(good, { sha256: "../../evil" })])]), "archive-broken"],
  "an index with an ending that is none": [
    tarOf([indexOf([entry(good, { signatures: [{ ending: "/../x", sha256: digest("a"), bytes: 1 }] })])]),
    "archive-broken",
  ],
  "an index with a terminal's commands": [tarOf([indexOf([entry(good, { name: "\u001b[2J" })])]), "archive-broken"],
  "a source twice": [tarOf([indexOf([entry(good), entry(good)]), member(good), member(good)]), "archive-broken"],
  "a size without end": [
    tarOf([indexOf([entry(good, { bytes: 2 ** 50 })]), { ...member(good), size: 8 ** 11 - 1 }]),
    "archive-broken",
  ],
  "a packing": [gzipSync(whole), "archive-broken"],
  "its end cut off": [whole.subarray(0, -1024), "archive-broken"],
  "its half cut off": [whole.subarray(0, whole.length / 2), "archive-broken"],
  nothing: [Buffer.alloc(0), "archive-broken"],
};

describe("a bundle with", () => {
  it.each(Object.entries(lies))("%s is refused", async (_name, [bytes, code]) => {
    await writeFile(file, bytes);
    expect(await codeOf(useBundle(file, { cache, signal }))).toBe(code);
    // Whatever came before the lie is what its name says; nothing else is there, nor outside of the cache.
    for (const name of await readdir(cache).catch((): string[] => []))
      expect(digest(await readFile(join(cache, name)))).toBe(name);
    expect((await readdir(folder)).filter((name) => name !== "cache")).toEqual(["b"]);
  });

  it("no lie is taken", async () => {
    await writeFile(file, whole);
    expect(await codeOf(useBundle(file, { cache, signal }))).toBeNull();
  });
});
