import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareLoader, comparisonText } from "../../../../src/host/index.ts";
import type { LoaderComparison, MemoryFile, MemoryHost } from "../../../../src/host/index.ts";
import { elfFile, glibcMachine, interpreter, ldconfig, program } from "./machine.ts";

const library = "/opt/t/store/k-openssl/lib";
const entry = { library, name: "tlsforge" };
const own = { [`${library}/libssl-tlsforge.so.3`]: elfFile({ soname: "libssl-tlsforge.so.3" }) };
const libc = "/lib/x86_64-linux-gnu/libc.so.6";
const ssl = "/lib/x86_64-linux-gnu/libssl.so.3";

async function compared(files: Readonly<Record<string, MemoryFile | string>>): Promise<LoaderComparison> {
  return compareLoader(await glibcMachine({ ...own, ...files }), entry);
}

function differencesIn(comparison: LoaderComparison): readonly (readonly (string | null)[])[] {
  if (comparison.outcome !== "observed") throw new Error(comparison.reason);
  return comparison.differences.map(({ file, library: name, from, to }) => [file, name, from, to]);
}

describe("compareLoader", () => {
  it("sees no difference for a folder of names that nothing else has", async () => {
    expect(await compared({})).toEqual({
      outcome: "observed",
      files: 4,
      differences: [],
      count: 0,
      stale: false,
      shadowed: [],
    });
  });

  it("names the programs that would load a stock library from the folder, also by way of another library", async () => {
    const comparison = await compared({
      [`${library}/libssl.so.3`]: elfFile({ soname: "libssl.so.3" }),
      "/usr/lib/libcurl.so.4": elfFile({ soname: "libcurl.so.4", needed: ["libssl.so.3"] }),
      "/usr/bin/curl": program({ needed: ["libcurl.so.4"] }),
    });
    const change = ["libssl.so.3", ssl, `${library}/libssl.so.3`];
    expect(differencesIn(comparison)).toEqual([
      ["/usr/bin/curl", ...change],
      ["/usr/bin/ssh", ...change],
      ["/usr/lib/libcurl.so.4", ...change],
      ["any program that asks for it by name", ...change],
    ]);
    expect(comparison).toMatchObject({ count: 4, stale: false });
  });

  it("leaves out programs that have run paths of their own", async () => {
    const files = {
      [`${library}/libz.so.1`]: elfFile({ soname: "libz.so.1" }),
      "/usr/lib/private/libz.so.1": elfFile({ soname: "libz.so.1" }),
      "/usr/bin/z": program({ needed: ["libz.so.1"], runpath: "$ORIGIN/../lib/private" }),
    };
    expect(differencesIn(await compared(files))).toEqual([
      ["any program that asks for it by name", "libz.so.1", null, `${library}/libz.so.1`],
    ]);
  });

  it("takes a program that finds nothing now for changed when it would, but not by a name that only we give", async () => {
    const waiting = (name: string): Record<string, MemoryFile> => ({
      [`${library}/${name}`]: elfFile({ soname: name }),
      "/usr/bin/waiting": program({ needed: [name] }),
    });
    expect(differencesIn(await compared(waiting("libz.so.1")))[0]).toEqual([
      "/usr/bin/waiting",
      "libz.so.1",
      null,
      `${library}/libz.so.1`,
    ]);
    expect(differencesIn(await compared(waiting("libz-tlsforge.so.1")))).toEqual([]);
  });

  it("looks through the folders of the configuration, and follows links to files but goes round in no circle", async () => {
    const stock = { [`${library}/libssl.so.3`]: elfFile({ soname: "libssl.so.3" }) };
    const app = program({ needed: ["libssl.so.3"] });
    const files = {
      ...stock,
      "/etc/ld.so.conf.d/app.conf": "include /etc/more/*.list\n",
      "/etc/more/a.list": "/srv/app/lib   # where it is\n",
      "/srv/app/lib/libapp.so.1": elfFile({ soname: "libapp.so.1", needed: ["libssl.so.3"] }),
      "/srv/app/bin/app": app,
      "/usr/bin/app": { content: "/srv/app/bin/app", kind: "link" } as const,
      "/usr/bin/again": { content: "app", kind: "link" } as const,
      "/usr/lib/loop": { content: "/usr/lib", kind: "link" } as const,
      "/usr/lib/self": { content: "self", kind: "link" } as const,
      "/elsewhere/bin/app": app,
    };
    const found = differencesIn(await compared(files)).map(([file]) => file);
    expect(found).toEqual([
      "/srv/app/lib/libapp.so.1",
      "/usr/bin/again",
      "/usr/bin/ssh",
      "any program that asks for it by name",
    ]);
  });

  it("says when the machine's own cache is out of date", async () => {
    const host = await glibcMachine({ ...own });
    host.files.set("/usr/bin/new", program({ needed: ["libnew.so.1"] }));
    host.files.set("/srv/lib/libnew.so.1", elfFile({ soname: "libnew.so.1" }));
    host.files.set("/etc/ld.so.conf.d/new.conf", { content: "/srv/lib\n" });
    const comparison = await compareLoader(host, entry);
    expect(comparison).toMatchObject({ count: 1, stale: true });
    expect(comparisonText(comparison)).toBe(
      "it would change what other programs load: /usr/bin/new: libnew.so.1 from nowhere -> /srv/lib/libnew.so.1; " +
        "some of that comes without the entry too: run ldconfig as root, then look again",
    );
  });

  it("compares an entry that stands with the machine without it", async () => {
    const host = await glibcMachine(own);
    const stands = async (): Promise<LoaderComparison> => {
      host.files.set("/etc/ld.so.conf.d/tlsforge-b37d186b.conf", { content: `# ours\n${library}\n` });
      const lines = [library, "/lib/x86_64-linux-gnu"];
      host.files.set("/etc/ld.so.cache", { content: "", bytes: ldconfig(host, lines) });
      return compareLoader(host, entry);
    };
    expect(await stands()).toMatchObject({ outcome: "observed", count: 0 });
    host.files.set(`${library}/libssl.so.3`, elfFile({ soname: "libssl.so.3" }));
    const later = await stands();
    expect(later).toMatchObject({ outcome: "observed", count: 2, stale: false });
    expect(differencesIn(later)).toContainEqual(["/usr/bin/ssh", "libssl.so.3", ssl, `${library}/libssl.so.3`]);
  });

  it("does not take two ways to one file for two files", async () => {
    const libcFile = elfFile({ soname: "libc.so.6" }, { inode: "c" });
    const host = await glibcMachine({ ...own, [libc]: libcFile, "/usr/lib/x86_64-linux-gnu/libc.so.6": libcFile });
    host.files.set("/etc/ld.so.cache", { content: "", bytes: ldconfig(host, ["/usr/lib/x86_64-linux-gnu"]) });
    expect(await compareLoader(host, entry)).toMatchObject({ outcome: "observed", count: 0 });
  });

  it("knows libraries of which processors have their own", async () => {
    const better = `${library}/glibc-hwcaps/x86-64-v3/libssl.so.3`;
    expect(differencesIn(await compared({ [better]: elfFile({ soname: "libssl.so.3" }) }))).toContainEqual([
      "/usr/bin/ssh",
      "libssl.so.3",
      ssl,
      better,
    ]);
  });

  it("leaves programs of another C library out", async () => {
    const files = {
      [`${library}/libz.so.9`]: elfFile({ soname: "libz.so.9" }),
      "/usr/bin/m": program({ needed: ["libz.so.9"], interpreter: "/lib/ld-musl-x86_64.so.1" }),
    };
    expect(differencesIn(await compared(files)).map(([file]) => file)).not.toContain("/usr/bin/m");
  });

  it("cannot be made on a system without such a list, and fails with what stands in its way", async () => {
    const mac = await glibcMachine(own, { platform: { os: "darwin", arch: "aarch64", libc: "none" } });
    expect(await compareLoader(mac, entry)).toMatchObject({ outcome: "untestable" });
    const host = await glibcMachine(own);
    host.answers.set("sh -c", { stdout: Buffer.from("no cache").toString("base64") });
    expect(await compareLoader(host, entry)).toEqual({
      outcome: "failed",
      reason: "the private cache cannot be read: it is no cache of this format",
    });
  });

  it("is never no difference when something cannot be read", async () => {
    const system: Readonly<Record<string, MemoryFile | string>> = {
      ...own,
      "/usr/lib/plugins/a.so": elfFile({ needed: ["libc.so.6"] }),
      "/usr/libexec/helper": program({ needed: ["libssl.so.3"] }),
      "/usr/share/none": "outside of what is looked at",
    };
    const readable = await glibcMachine(system);
    const hidden = [...readable.files.keys()].filter((path) =>
      /^\/(?:usr\/(?:bin|lib|libexec)|lib|lib64)\//.test(path),
    );
    const folders = ["/usr/lib/plugins", "/usr/libexec", "/usr/bin"];
    const asUser = async (path: string | null): Promise<MemoryHost> => {
      const host = await glibcMachine(system, { uid: 1000, privilege: "sudo" });
      if (path !== null) host.files.set(path, { ...(host.files.get(path) ?? { content: null }), mode: 0o750 });
      return host;
    };
    expect(await compareLoader(await asUser(null), entry)).toMatchObject({ outcome: "observed", count: 0 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...hidden, ...folders), async (path) => {
        const comparison = await compareLoader(await asUser(path), entry);
        expect(comparison).toMatchObject({ outcome: "untestable" });
        expect(comparisonText(comparison)).toContain("root can read them");
      }),
      { numRuns: 60 },
    );
    expect(hidden).toContain(interpreter);
  });
});
