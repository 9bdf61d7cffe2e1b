import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import type { MemoryFile, MemoryHost } from "../../../../src/host/index.ts";
import { memoryHost } from "../../../../src/host/index.ts";
import { parseLoaderCache } from "../../../../src/host/loader/cache.ts";
import { closure } from "../../../../src/host/loader/closure.ts";
import { systemFolders } from "../../../../src/host/loader/defaults.ts";
import { glibcResolver } from "../../../../src/host/loader/glibc.ts";
import { objectsOf } from "../../../../src/host/loader/objects.ts";
import { walk } from "../../../../src/host/loader/walk.ts";
import { elfFile, interpreter, ldconfig, loaderFile, program } from "./machine.ts";

/** What /usr/bin/p gets: each library by the name it is asked for, null when there is none. */
async function loads(
  files: Readonly<Record<string, string | MemoryFile>>,
  { cached = [], hwcaps = [] }: { readonly cached?: readonly string[]; readonly hwcaps?: readonly string[] } = {},
): Promise<Record<string, string | null>> {
  const host: MemoryHost = memoryHost({ files: { [interpreter]: loaderFile, ...files } });
  const found = (await walk(host.tree, [], "")).programs.find(({ path }) => path === "/usr/bin/p");
  if (found === undefined) throw new Error("there is no /usr/bin/p");
  const objects = objectsOf(host.tree);
  const resolver = glibcResolver({
    objects,
    cache: parseLoaderCache(ldconfig(host, cached)),
    processor: { hwcaps, legacy: false },
    system: (kind) => systemFolders(host.tree, kind),
  });
  const results = closure(found, resolver, objects.at(interpreter));
  const names = [...results].filter(([name]) => name !== "ld-linux-x86-64.so.2");
  return Object.fromEntries(
    names.map(([name, result]) => [name, result === null ? null : posix.normalize(result.path)]),
  );
}

const a = elfFile({ soname: "liba.so.1" });

describe("glibc's loader", () => {
  it("takes a library from the cache, then from the default folders, else none", async () => {
    const p = program({ needed: ["liba.so.1", "libb.so.1", "libnone.so.1"] });
    const files = {
      "/usr/bin/p": p,
      "/opt/x/liba.so.1": a,
      "/usr/lib/liba.so.1": a,
      "/usr/lib/libb.so.1": elfFile({ soname: "libb.so.1" }),
    };
    expect(await loads(files, { cached: ["/opt/x"] })).toEqual({
      "liba.so.1": "/opt/x/liba.so.1",
      "libb.so.1": "/usr/lib/libb.so.1",
      "libnone.so.1": null,
    });
  });

  it.each(["rpath", "runpath"] as const)("looks into a program's %s before the cache", async (kind) => {
    const files = {
      "/usr/bin/p": program({ needed: ["liba.so.1"], [kind]: "/none:/own" }),
      "/own/liba.so.1": a,
      "/usr/lib/liba.so.1": a,
    };
    expect(await loads(files)).toEqual({ "liba.so.1": "/own/liba.so.1" });
  });

  it("looks into the RPATH of all that led to a library, but not into a RUNPATH", async () => {
    const files = (own: { rpath?: string; runpath?: string }): Record<string, MemoryFile> => ({
      "/usr/bin/p": program({ needed: ["libb.so.1"], ...own }),
      "/own/libb.so.1": elfFile({ soname: "libb.so.1", needed: ["liba.so.1"] }),
      "/own/liba.so.1": a,
      "/usr/lib/liba.so.1": a,
    });
    expect(await loads(files({ rpath: "/own" }))).toMatchObject({ "liba.so.1": "/own/liba.so.1" });
    expect(await loads(files({ runpath: "/own" }))).toMatchObject({ "liba.so.1": "/usr/lib/liba.so.1" });
  });

  it("ignores every RPATH for a library that has a RUNPATH, and its own RPATH beside it", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["libb.so.1"], rpath: "/own" }),
      "/own/libb.so.1": elfFile({ soname: "libb.so.1", needed: ["liba.so.1"], rpath: "/own", runpath: "/elsewhere" }),
      "/own/liba.so.1": a,
      "/usr/lib/liba.so.1": a,
    };
    expect(await loads(files)).toMatchObject({ "liba.so.1": "/usr/lib/liba.so.1" });
  });

  it("puts in where the file lies, what the system calls its folders, and its processor", async () => {
    const places = ["/usr/x/liba.so.1", "/usr/bin/lib/x86_64-linux-gnu/libb.so.1", "/haswell/libc.so.1"];
    const files = {
      "/usr/bin/p": program({
        needed: ["liba.so.1", "libb.so.1", "libc.so.1"],
        runpath: "$ORIGIN/../x:${ORIGIN}/$LIB:/$PLATFORM:$ORIGINAL",
      }),
      ...Object.fromEntries(places.map((path) => [path, elfFile({})])),
    };
    expect(Object.values(await loads(files))).toEqual(places);
  });

  it("takes a program's folder from where it really lies, and a library's from where it was found", async () => {
    const files = {
      "/usr/bin/p": { content: "/opt/p/bin/p", kind: "link" } as const,
      "/opt/p/bin/p": program({ needed: ["libb.so.1"], runpath: "$ORIGIN/../lib" }),
      "/opt/p/lib/libb.so.1": { content: "/deep/libb.so.1", kind: "link" } as const,
      "/deep/libb.so.1": elfFile({ needed: ["liba.so.1"], runpath: "$ORIGIN" }),
      "/opt/p/lib/liba.so.1": a,
      "/deep/liba.so.1": a,
    };
    expect(await loads(files)).toEqual({
      "libb.so.1": "/opt/p/lib/libb.so.1",
      "liba.so.1": "/opt/p/lib/liba.so.1",
    });
  });

  it("leaves it to the system where a folder above a link is", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["libb.so.1"], runpath: "/opt/link/sub" }),
      "/opt/link": { content: "/deep/down", kind: "link" } as const,
      "/deep/down/sub/libb.so.1": elfFile({ needed: ["liba.so.1"], runpath: "/opt/link/../up" }),
      "/deep/up/liba.so.1": a,
    };
    expect(memoryHost({ files }).tree.real("/opt/link/../up/liba.so.1")).toBe("/deep/up/liba.so.1");
    expect((await loads(files))["liba.so.1"]).not.toBeNull();
  });

  it("trusts no $ORIGIN of a program with set user id, but for the system's own folders", async () => {
    const files = (mode: number): Record<string, MemoryFile> => ({
      "/usr/bin/p": program({ needed: ["liba.so.1", "libb.so.1"], rpath: "$ORIGIN:$ORIGIN/../lib:/own" }, { mode }),
      "/usr/bin/liba.so.1": a,
      "/own/liba.so.1": a,
      "/usr/lib/libb.so.1": elfFile({}),
    });
    expect(await loads(files(0o755))).toMatchObject({ "liba.so.1": "/usr/bin/liba.so.1" });
    expect(await loads(files(0o4755))).toEqual({ "liba.so.1": "/own/liba.so.1", "libb.so.1": "/usr/lib/libb.so.1" });
  });

  it("passes over what is for another machine or has other words", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["liba.so.1"], runpath: "/arm:/small" }),
      "/arm/liba.so.1": elfFile({ machine: 183 }),
      "/small/liba.so.1": elfFile({ bits: 32 }),
      "/opt/x/liba.so.1": elfFile({ machine: 3, bits: 32 }),
      "/lib/liba.so.1": a,
    };
    expect(await loads(files, { cached: ["/opt/x"] })).toEqual({ "liba.so.1": "/lib/liba.so.1" });
  });

  it("gives nothing from the default folders to who asked not to", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["liba.so.1", "libb.so.1"], noDefaults: true }),
      "/usr/lib/liba.so.1": a,
      "/opt/x/libb.so.1": elfFile({}),
    };
    expect(await loads(files, { cached: ["/opt/x"] })).toEqual({ "liba.so.1": null, "libb.so.1": "/opt/x/libb.so.1" });
  });

  it("does not look again for what is loaded under that name, as asked for or as its own", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["/own/first.so", "libb.so.1"] }),
      "/own/first.so": elfFile({ soname: "liba.so.1" }),
      "/lib/libb.so.1": elfFile({ needed: ["liba.so.1"] }),
      "/lib/liba.so.1": a,
    };
    expect(await loads(files)).toEqual({ "/own/first.so": "/own/first.so", "libb.so.1": "/lib/libb.so.1" });
  });

  it("takes what the processor can do best, from the cache and from run paths", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["liba.so.1", "libb.so.1"], runpath: "/own" }),
      "/opt/x/glibc-hwcaps/x86-64-v2/liba.so.1": a,
      "/opt/x/liba.so.1": a,
      "/own/glibc-hwcaps/x86-64-v2/libb.so.1": elfFile({}),
      "/own/libb.so.1": elfFile({}),
    };
    const options = { cached: ["/opt/x"] };
    expect(Object.values(await loads(files, options))).toEqual(["/opt/x/liba.so.1", "/own/libb.so.1"]);
    expect(Object.values(await loads(files, { ...options, hwcaps: ["x86-64-v2"] }))).toEqual([
      "/opt/x/glibc-hwcaps/x86-64-v2/liba.so.1",
      "/own/glibc-hwcaps/x86-64-v2/libb.so.1",
    ]);
  });

  it("goes round in no circle", async () => {
    const files = {
      "/usr/bin/p": program({ needed: ["liba.so.1"] }),
      "/lib/liba.so.1": elfFile({ soname: "liba.so.1", needed: ["libb.so.1"] }),
      "/lib/libb.so.1": elfFile({ soname: "libb.so.1", needed: ["liba.so.1", "libb.so.1"] }),
    };
    expect(await loads(files)).toEqual({ "liba.so.1": "/lib/liba.so.1", "libb.so.1": "/lib/libb.so.1" });
  });
});

describe("the default folders", () => {
  const amd64 = { bits: 64, machine: 62, order: "little" } as const;

  it("are those that stand in the loader", () => {
    const bytes = Buffer.from("\x7fELF\0/lib64/\0/usr/lib64/\0\0");
    const host = memoryHost({ files: { [interpreter]: { content: "", bytes } } });
    expect(systemFolders(host.tree, amd64)).toMatchObject({ folders: ["/lib64", "/usr/lib64"], lib: "lib64" });
  });

  it("are the usual ones where there is no loader", () => {
    const { tree } = memoryHost();
    expect(systemFolders(tree, amd64).folders).toEqual([
      "/lib/x86_64-linux-gnu",
      "/usr/lib/x86_64-linux-gnu",
      "/lib64",
      "/usr/lib64",
      "/lib",
      "/usr/lib",
    ]);
    expect(systemFolders(tree, { bits: 64, machine: 22, order: "big" }).folders).toEqual([
      "/lib64",
      "/usr/lib64",
      "/lib",
      "/usr/lib",
    ]);
  });
});
