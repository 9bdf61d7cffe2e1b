import { describe, expect, it, test } from "vitest";
import { compareLoader, memoryHost, quickCheckHost, undoHost } from "../../../../src/host/index.ts";
import type { MemoryFile, MemoryHost, Resource } from "../../../../src/host/index.ts";
import { hintFolders, withFolder } from "../../../../src/host/loader/freebsd.ts";
import { changes, ignore, planOf, provide, snapshot } from "../tools.ts";
import { elfFile } from "./machine.ts";

const library = "/opt/t/store/k-openssl/lib";
const newer = "/opt/t/store/l-openssl/lib";
const entry = { library, name: "tlsforge" };
const resource: Resource = {
  kind: "loader-path",
  id: "loader-path:tlsforge",
  origin: "test",
  demanded: true,
  ...entry,
};
const folder = "/usr/local/libdata/ldconfig";
const file = `${folder}/tlsforge-b37d186b`;
const interpreter = "/libexec/ld-elf.so.1";
const base = ["/lib", "/usr/lib", "/usr/lib/compat", "/usr/local/lib"];
const ours = (soname: string): MemoryFile => elfFile({ soname });

interface FreeBsd {
  readonly host: MemoryHost;
  /** The folders in the loader's hints. */
  readonly hints: string[];
}

/** What ldconfig prints and does is in FreeBSD's sbin/ldconfig/elfhints.c (`list_elf_hints`, `update_elf_hints`). */
function freebsd(files: Readonly<Record<string, MemoryFile | string>> = {}, localDirs = folder): FreeBsd {
  const hints = [...base];
  const host = memoryHost({
    platform: { os: "freebsd", arch: "x86_64", libc: "none" },
    packageFamily: "pkg",
    files: {
      [interpreter]: ours("ld-elf.so.1"),
      "/usr/lib/libssl.so.30": ours("libssl.so.30"),
      "/usr/bin/fetch": elfFile({ interpreter, needed: ["libssl.so.30"] }),
      [`${library}/libssl-tlsforge.so.3`]: ours("libssl-tlsforge.so.3"),
      [`${folder}/perl5`]: "/usr/local/lib/perl5/5.36/mach/CORE\n",
      ...files,
    },
    answers: {
      "sysrc -n ldconfig_local_dirs": { stdout: `${localDirs}\n` },
      "ldconfig -r": () => ({
        stdout: `/var/run/ld-elf.so.hints:\n\tsearch directories: ${hints.join(":")}\n\t0:-lssl.30 => /usr/lib/libssl.so.30\n`,
      }),
      "ldconfig -m": ([, , added = ""]) => {
        if (!hints.includes(added)) hints.push(added);
        return {};
      },
      "ldconfig -i": ([, , ...all]) => {
        hints.splice(0, hints.length, ...all);
        return {};
      },
    },
  });
  return { host, hints };
}

describe("the entry on FreeBSD", () => {
  it("is entered at once and for the next boot, and goes without a trace", async () => {
    const { host, hints } = freebsd();
    const before = snapshot(host);
    const { plan, records } = await provide(host, resource);
    expect(plan).toMatchObject({ action: "create", current: null, desired: library });
    expect(changes(host)).toEqual([
      `tee ${file}.tlsforge-new`,
      `chmod 0644 ${file}.tlsforge-new`,
      `sync ${file}.tlsforge-new`,
      `mv -f ${file}.tlsforge-new ${file}`,
      `ldconfig -m ${library}`,
    ]);
    expect(host.files.get(file)?.content).toBe(`${library}\n`);
    expect(hints).toEqual([...base, library]);
    expect((await planOf(host, resource)).action).toBe("none");
    expect(await quickCheckHost(host, records)).toEqual([]);

    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect(snapshot(host)).toEqual(before);
    expect(hints).toEqual(base);
    expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
  });

  it("has its folder made and removed where there are no packages yet", async () => {
    const { host } = freebsd();
    host.files.delete(`${folder}/perl5`);
    const { records } = await provide(host, resource);
    expect(changes(host)[0]).toBe(`mkdir -p ${folder}`);
    await undoHost(host, records, ignore);
    expect([...host.files.keys()].filter((path) => path.startsWith(folder))).toEqual([]);
  });

  it("of a newer build takes the older one's place, and gives it back", async () => {
    const { host, hints } = freebsd({ [`${newer}/libssl-tlsforge.so.3`]: ours("libssl-tlsforge.so.3") });
    await provide(host, resource);
    const before = snapshot(host);
    const { plan, records } = await provide(host, { ...resource, library: newer });
    expect(plan).toMatchObject({ action: "update", current: library });
    expect(hints).toEqual([...base, newer]);
    await undoHost(host, records, ignore);
    expect(snapshot(host)).toEqual(before);
    expect(hints).toEqual([...base, library]);
  });

  it("that was lost live is entered again", async () => {
    const { host, hints } = freebsd();
    await provide(host, resource);
    hints.pop();
    expect((await planOf(host, resource)).commands.map(({ argv }) => argv.join(" "))).toEqual([
      `ldconfig -m ${library}`,
    ]);
  });

  it.each<[string, FreeBsd, string]>([
    ["a file that is not ours", freebsd({ [file]: "/somewhere\n" }), "was not written by tlsforge"],
    ["a boot that does not read it", freebsd({}, "/usr/local/etc/own"), "would be lost at boot"],
    [
      "a stock name",
      freebsd({ [`${library}/libssl.so.30`]: ours("libssl.so.30") }),
      "libssl.so.30 (/usr/lib/libssl.so.30",
    ],
  ])("is refused for %s", async (_, { host }, reason) => {
    expect(await planOf(host, resource)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining(reason) as string,
    });
  });

  it("is refused when the hints cannot be read, and so is undo", async () => {
    const { host } = freebsd();
    const { records } = await provide(host, resource);
    host.answers.set("ldconfig -r", { exitCode: 1 });
    expect(await planOf(host, resource)).toMatchObject({ action: "blocked" });
    expect(await compareLoader(host, entry)).toMatchObject({ outcome: "failed" });
    expect(await undoHost(host, records, ignore)).toEqual(records);
  });

  it("that was changed by hand is left alone", async () => {
    const { host } = freebsd();
    const { records } = await provide(host, resource);
    host.files.set(file, { content: `${library}\n/more\n` });
    expect(await undoHost(host, records, ignore)).toEqual(records);
    expect((await planOf(host, resource)).reason).toContain("was not written by tlsforge");
  });
});

describe("the comparison on FreeBSD", () => {
  it("is made for the first place that the folder can get: before those of packages", async () => {
    const curl = "/usr/local/lib/libcurl.so.4";
    const { host } = freebsd({
      [`${library}/libcurl.so.4`]: ours("libcurl.so.4"),
      [curl]: ours("libcurl.so.4"),
      "/usr/local/bin/curl": elfFile({ interpreter, needed: ["libcurl.so.4"] }),
    });
    expect(await compareLoader(host, entry)).toMatchObject({
      differences: [{ file: "/usr/local/bin/curl", from: curl, to: `${library}/libcurl.so.4` }, {}],
    });
  });

  const withRunPaths = (program: Parameters<typeof elfFile>[0], other: Parameters<typeof elfFile>[0]): FreeBsd =>
    freebsd({
      [`${library}/libz.so.6`]: ours("libz.so.6"),
      "/own/libz.so.6": ours("libz.so.6"),
      "/own/libother.so.1": elfFile({ needed: ["libz.so.6"], ...other }),
      "/usr/bin/p": elfFile({ interpreter, needed: ["libother.so.1"], ...program }),
    });
  it.each<[string, Parameters<typeof elfFile>[0], Parameters<typeof elfFile>[0], boolean]>([
    ["the old run path of the program counts for its libraries", { rpath: "/own" }, {}, false],
    ["the new one does not", { runpath: "/own" }, {}, true],
    ["a library's own comes first", { runpath: "/own" }, { rpath: "$ORIGIN" }, false],
    ["and its new one makes the program's old one void", { rpath: "/own" }, { runpath: "/none" }, true],
  ])("knows that %s", async (_, program, other, changes) => {
    const comparison = await compareLoader(withRunPaths(program, other).host, entry);
    if (comparison.outcome !== "observed") throw new Error(comparison.reason);
    expect(comparison.differences.some((one) => one.file === "/usr/bin/p")).toBe(changes);
  });

  it("leaves out programs of 32 bits, which have hints of their own", async () => {
    const { host } = freebsd({
      [`${library}/libz.so.6`]: elfFile({ bits: 32, machine: 3 }),
      "/usr/bin/p": elfFile({ interpreter, bits: 32, machine: 3, needed: ["libz.so.6"] }),
    });
    expect(await compareLoader(host, entry)).toMatchObject({ outcome: "observed", count: 0, files: 3 });
  });
});

test("the folders are read from what ldconfig -r prints", () => {
  expect(hintFolders("/var/run/ld-elf.so.hints:\n\tsearch directories: /lib:/usr/lib\n")).toEqual(["/lib", "/usr/lib"]);
  expect(hintFolders("/var/run/ld-elf.so.hints:\n\tsearch directories:\n")).toBeNull();
  expect(hintFolders("")).toBeNull();
  expect(withFolder(base, library)).toEqual(["/lib", "/usr/lib", library, "/usr/lib/compat", "/usr/local/lib"]);
});
