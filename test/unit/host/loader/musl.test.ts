import { describe, expect, it, test } from "vitest";
import { compareLoader, memoryHost, quickCheckHost, undoHost } from "../../../../src/host/index.ts";
import type { MemoryFile, MemoryHost, Resource } from "../../../../src/host/index.ts";
import { muslFolders } from "../../../../src/host/loader/musl.ts";
import { changes, ignore, planOf, provide, snapshot } from "../tools.ts";
import { elfFile } from "./machine.ts";

const library = "/opt/t/store/k-openssl/lib";
const entry = { library, name: "tlsforge" };
const resource: Resource = {
  kind: "loader-path",
  id: "loader-path:tlsforge",
  origin: "test",
  demanded: true,
  ...entry,
};
const file = "/etc/ld-musl-x86_64.path";
const interpreter = "/lib/ld-musl-x86_64.so.1";

/** An Alpine: musl is its own loader and C library in one file. */
function alpine(files: Readonly<Record<string, MemoryFile | string>> = {}): MemoryHost {
  return memoryHost({
    platform: { os: "linux", arch: "x86_64", libc: "musl" },
    packageFamily: "apk",
    files: {
      [interpreter]: elfFile({ soname: "libc.musl-x86_64.so.1" }),
      "/usr/lib/libssl.so.3": elfFile({ soname: "libssl.so.3", needed: ["libc.musl-x86_64.so.1"] }),
      "/usr/bin/wget": elfFile({ interpreter, needed: ["libssl.so.3", "libc.musl-x86_64.so.1"] }),
      [`${library}/libssl-tlsforge.so.3`]: elfFile({ soname: "libssl-tlsforge.so.3" }),
      ...files,
    },
  });
}

describe("the list of musl's loader", () => {
  it("is made with musl's own folders first when it is not there, and goes without a trace", async () => {
    const host = alpine();
    const before = snapshot(host);
    const { plan, records } = await provide(host, resource);
    expect(plan).toMatchObject({ action: "create", current: null, desired: library });
    expect(plan.effect).toContain("3 programs and libraries of the system load what they load now");
    expect(plan.effect).toContain("with musl's own list in it (/lib:/usr/local/lib:/usr/lib)");
    expect(host.files.get(file)?.content).toBe(`/lib:/usr/local/lib:/usr/lib\n${library}\n`);
    expect(changes(host)).not.toContain("ldconfig");
    expect(await quickCheckHost(host, records)).toEqual([]);
    expect((await planOf(host, resource)).action).toBe("none");

    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect(snapshot(host)).toEqual(before);
    expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
  });

  it.each(["/lib:/usr/lib", "/lib\n/usr/lib\n", "", "/lib:/srv/lib\n"])(
    "that is there (%j) has ours as its last, and comes back to the byte",
    async (text) => {
      const host = alpine({ [file]: { content: text, mode: 0o640 } });
      const before = snapshot(host);
      const { records } = await provide(host, resource);
      expect(muslFolders(host.files.get(file)?.content ?? "")).toEqual([...muslFolders(text), library]);
      expect(host.files.get(file)?.mode).toBe(0o640);
      await undoHost(host, records, ignore);
      expect(snapshot(host)).toEqual(before);
    },
  );

  it("keeps what somebody has added since, also when ours goes", async () => {
    const host = alpine();
    const { records } = await provide(host, resource);
    host.files.set(file, { content: `/lib:/usr/local/lib:/usr/lib\n${library}\n/srv/lib\n`, mode: 0o644 });
    const again = await planOf(host, resource);
    expect(again).toMatchObject({ action: "update", current: library });
    await undoHost(host, records, ignore);
    expect(host.files.get(file)?.content).toBe("/lib:/usr/local/lib:/usr/lib\n/srv/lib\n");
  });

  it("has the folder of a newer build in the place of the older one's", async () => {
    const newer = "/opt/t/store/l-openssl/lib";
    const host = alpine({ [`${newer}/libssl-tlsforge.so.3`]: elfFile({ soname: "libssl-tlsforge.so.3" }) });
    await provide(host, resource);
    const before = snapshot(host);
    const { plan, records } = await provide(host, { ...resource, library: newer });
    expect(plan).toMatchObject({ action: "update", current: library });
    expect(muslFolders(host.files.get(file)?.content ?? "").slice(3)).toEqual([newer]);
    await undoHost(host, records, ignore);
    expect(snapshot(host)).toEqual(before);
  });

  it("is left alone when ours is no longer in it, and when it is no file", async () => {
    const host = alpine();
    const { records } = await provide(host, resource);
    host.files.set(file, { content: "/lib\n" });
    const before = snapshot(host);
    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect(snapshot(host)).toEqual(before);
    const linked = alpine({ [file]: { content: "/srv/list", kind: "link" } });
    expect(await planOf(linked, resource)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("no ordinary file") as string,
    });
  });
});

describe("the comparison on musl", () => {
  it("sees that a folder at the end changes nothing, but that a stock name would not be reached", async () => {
    const host = alpine({ [`${library}/libssl.so.3`]: elfFile({ soname: "libssl.so.3" }) });
    expect(await compareLoader(host, entry)).toMatchObject({
      outcome: "observed",
      count: 0,
      shadowed: [{ library: "libssl.so.3", by: "/usr/lib/libssl.so.3" }],
    });
    expect((await planOf(host, resource)).action).toBe("blocked");
  });

  it("names a program that would find a library of a stock name, which it does not now", async () => {
    const host = alpine({
      [`${library}/libz.so.1`]: elfFile({ soname: "libz.so.1" }),
      "/usr/bin/z": elfFile({ interpreter, needed: ["libz.so.1"] }),
    });
    expect(await compareLoader(host, entry)).toMatchObject({
      count: 2,
      differences: [{ file: "/usr/bin/z", library: "libz.so.1", from: null, to: `${library}/libz.so.1` }, {}],
    });
  });

  it.each([
    ["a run path of the program, old or new kind", { rpath: "$ORIGIN/../own" }, {}, 0o755],
    ["a run path of what led to the library", { runpath: "/usr/own" }, { needed: ["libz.so.1"] }, 0o755],
  ])("goes by %s", async (_, own, other, mode) => {
    const viaOther = "needed" in other;
    const host = alpine({
      [`${library}/libz.so.1`]: elfFile({}),
      "/usr/own/libz.so.1": elfFile({}),
      "/usr/lib/libother.so.1": elfFile(other),
      "/usr/bin/z": elfFile({ interpreter, needed: [viaOther ? "libother.so.1" : "libz.so.1"], ...own }, { mode }),
    });
    const comparison = await compareLoader(host, entry);
    const files = comparison.outcome === "observed" ? comparison.differences.map((one) => one.file) : null;
    expect(files).not.toContain("/usr/bin/z");
    expect(files).not.toBeNull();
  });

  it("gives a program with set user id no $ORIGIN", async () => {
    const host = alpine({
      [`${library}/libz.so.1`]: elfFile({}),
      "/usr/own/libz.so.1": elfFile({}),
      "/usr/bin/z": elfFile({ interpreter, needed: ["libz.so.1"], rpath: "$ORIGIN/../own" }, { mode: 0o4755 }),
    });
    expect(await compareLoader(host, entry)).toMatchObject({ differences: [{ file: "/usr/bin/z", from: null }, {}] });
  });

  it("takes the first file of a name, even one that does not fit", async () => {
    const host = alpine({
      [`${library}/libz.so.1`]: elfFile({}),
      "/lib/libz.so.1": elfFile({ machine: 183 }),
      "/usr/bin/z": elfFile({ interpreter, needed: ["libz.so.1"] }),
    });
    expect(await compareLoader(host, entry)).toMatchObject({ count: 0, shadowed: [{ by: "/lib/libz.so.1" }] });
  });
});

test("folders are separated by colons and line ends, in any number", () => {
  expect(muslFolders("/a::/b\n\n:/c\n")).toEqual(["/a", "/b", "/c"]);
  expect(muslFolders(null)).toEqual(["/lib", "/usr/local/lib", "/usr/lib"]);
  expect(muslFolders("")).toEqual([]);
});
