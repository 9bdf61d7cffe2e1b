import { describe, expect, it } from "vitest";
import { memoryHost } from "../../../../src/host/index.ts";
import { readConfiguration, type LoaderConfiguration } from "../../../../src/host/loader/configuration.ts";

const file = "/etc/ld.so.conf.d/tlsforge-1.conf";
const read = (files: Record<string, string>, library: string | null = "/ours"): Promise<LoaderConfiguration> =>
  readConfiguration(memoryHost({ files }), { file, library });

describe("readConfiguration", () => {
  it("has the entry in its place among the other files, whether it is there yet or not", async () => {
    const files = {
      "/etc/ld.so.conf": "/first\ninclude ld.so.conf.d/*.conf\n/last\n",
      "/etc/ld.so.conf.d/a.conf": "/a # a comment\n\n# another\n",
      "/etc/ld.so.conf.d/x86_64-linux-gnu.conf": "/x/\n/y=libc6\n",
      "/etc/ld.so.conf.d/.hidden.conf": "/hidden\n",
      "/etc/ld.so.conf.d/readme": "/readme\n",
    };
    const expected = { lines: ["/first", "/a", "/ours", "/x/", "/y=libc6", "/last"], reached: true };
    expect(await read(files)).toMatchObject(expected);
    expect(await read({ ...files, [file]: "/older\n" })).toMatchObject(expected);
    const without = await read({ ...files, [file]: "/older\n" }, null);
    expect(without.lines).toEqual(["/first", "/a", "/x/", "/y=libc6", "/last"]);
    expect(without.folders).toEqual(["/first", "/a", "/x/", "/y", "/last"]);
  });

  it.each([
    "include /etc/ld.so.conf.d/*.conf",
    "include ld.so.conf.d/[s-u]*.con?",
    "include /etc/*/[!a]*.conf",
    `include ${file}`,
  ])("is reached by %s", async (line) => {
    expect(await read({ "/etc/ld.so.conf": line, "/etc/ld.so.conf.d/other": "" })).toMatchObject({
      lines: ["/ours"],
      reached: true,
    });
  });

  it.each([
    "",
    "/usr/local/lib",
    "include /etc/other/*.conf",
    "include ld.so.conf.d/a*.conf",
    "#include ld.so.conf.d/*.conf",
  ])("is not reached by %j", async (line) => {
    expect(await read({ "/etc/ld.so.conf": line })).toMatchObject({ reached: false });
  });

  it("reads includes in includes, each file once", async () => {
    const files = {
      "/etc/ld.so.conf": "include more/*.conf more/*.list\n",
      "/etc/more/a.conf": "include b.list ../ld.so.conf\n/a\n",
      "/etc/more/b.list": "/b\n",
    };
    expect((await read(files)).lines).toEqual(["/b", "/a"]);
  });

  it("is empty where there is none", async () => {
    expect(await read({})).toEqual({ lines: [], folders: [], reached: false });
  });
});
