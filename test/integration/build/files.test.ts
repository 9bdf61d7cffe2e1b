import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withBytes } from "../../../src/build/files.ts";
import {
  bytesOf,
  readArchive,
  readElf as read,
  readExports,
  readHardening,
  readSourceNames,
  type ElfDynamic,
} from "../../../src/elf/index.ts";
import { openLog } from "../../../src/build/log.ts";
import { describeWith } from "../../tools/needs.ts";
import { freshFolder } from "./helpers.ts";

const end = "\ntlsforge: end of the log\n";

describe("openLog", () => {
  it("keeps everything up to its limits, in order", async () => {
    const file = join(await freshFolder(), "some.log");
    const log = openLog(file, { head: 10, tail: 10 });
    for (const text of ["abc", "defghij", "klm", "nopqrs"]) log.write(text);
    expect(readFileSync(file, "utf8")).toBe("abcdefghij");
    log.close();
    expect(readFileSync(file, "utf8")).toBe(`abcdefghijklmnopqrs${end}`);
    expect(statSync(file).mode & 0o777).toBe(0o666 & ~process.umask() & 0o644);
  });

  it.each([
    [["abcdefghijklmnopqrstuvwxyz"]],
    [["abcdefghijklm", "nopqrstuvwxyz"]],
    ["abcdefghijklmnopqrstuvwxyz".split("")],
    [["abcde", "fghijklmnopq", "rst", "uvwxyz", ""]],
  ])("leaves out the middle of what is longer, and says how much: %j", async (texts) => {
    const file = join(await freshFolder(), "some.log");
    const log = openLog(file, { head: 5, tail: 7 });
    for (const text of texts) log.write(Buffer.from(text));
    log.close();
    expect(readFileSync(file, "utf8")).toBe(`abcde\n[14 bytes are left out here]\ntuvwxyz${end}`);
  });

  it("begins anew", async () => {
    const file = join(await freshFolder(), `${"a".repeat(64)}.log`);
    writeFileSync(file, "of an earlier try");
    openLog(file).close();
    expect(readFileSync(file, "utf8")).toBe(end);
    expect(readFileSync(file.replace(/log$/, "1.log"), "utf8")).toBe("of an earlier try");
  });

  it("that cannot be made is an error of the prefix", async () => {
    const file = join(await freshFolder(), "nowhere", "log");
    expect(() => openLog(file)).toThrow(expect.objectContaining({ code: "prefix-unusable" }));
  });
});

describe.skipIf(!existsSync("/dev/full"))(
  `a log on a full disk${existsSync("/dev/full") ? "" : " (needs /dev/full)"}`,
  () => {
    it("is told as such", () => {
      const log = openLog("/dev/full");
      expect(() => log.write("x")).toThrow(expect.objectContaining({ code: "disk-full" }));
      log.close();
      expect(statSync("/dev/full").isCharacterDevice()).toBe(true);
    });
  },
);

describeWith(["linux", "cc"], "readElf of a file on disk", () => {
  it("reads what the linker wrote", async () => {
    const folder = await freshFolder();
    const path = (name: string): string => join(folder, name);
    writeFileSync(path("a.c"), "int a(void) { return 1; }\n");
    writeFileSync(path("m.c"), "int a(void);\nint main(void) { return a(); }\n");
    const cc = (...argv: string[]): void => void execFileSync("cc", argv, { cwd: folder });
    cc("-shared", "-fPIC", "a.c", "-o", "liba.so", "-Wl,-soname,liba.so.1");
    cc("a.c", "-c", "-o", "a.o");
    cc("m.c", "-o", "new", "-L.", "-la", "-Wl,--enable-new-dtags,-rpath,/one:/two,-rpath,/three");
    cc("m.c", "-o", "old", "-L.", "-la", "-Wl,--disable-new-dtags,-rpath,/one");
    cc("m.c", "-o", "none", "-L.", "-la");
    const needed = ["liba.so.1", "libc.so.6"];
    expect(readElfFile(path("liba.so"))).toMatchObject({ soname: "liba.so.1", rpath: [], runpath: [] });
    expect(readElfFile(path("a.o"))).toBeNull();
    expect(readElfFile(path("new"))).toMatchObject({
      needed,
      rpath: [],
      runpath: ["/one", "/two", "/three"],
      soname: null,
    });
    expect(readElfFile(path("old"))).toMatchObject({ needed, rpath: ["/one"], runpath: [], soname: null });
    expect(readElfFile(path("none"))).toMatchObject({ needed, rpath: [], runpath: [], soname: null });
    expect(readElfFile(path("m.c"))).toBeNull();

    const whole = readFileSync(path("new"));
    for (const length of [4, 16, 63, 64, 100, 600, 2000, whole.length - 4000]) {
      writeFileSync(path("cut"), whole.subarray(0, length));
      expect(answerOf(() => readElfFile(path("cut")))).toEqual(answerOf(() => readElf(whole.subarray(0, length))));
    }
    cc("a.c", "-g", "-c", "-o", "a-name-that-is-longer.o");
    execFileSync("ar", ["rc", "x.a", "a.o", "a-name-that-is-longer.o"], { cwd: folder });
    const archive = readFileSync(path("x.a"));
    const members = [...readArchive(bytesOf(archive))];
    expect(members.map(({ name }) => name)).toEqual(["a.o", "a-name-that-is-longer.o"]);
    expect(members.map(({ bytes }) => readSourceNames(bytes))).toEqual([["a.c"], ["a.c"]]);
    expect(members.map(({ bytes }) => readHardening(bytes)?.role)).toEqual(["object", "object"]);

    let random = 1;
    const next = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 3000; round += 1) {
      const damaged = Buffer.from(whole);
      // Headers first: that is where the places and sizes are.
      for (let count = 0; count <= next(4); count += 1)
        damaged[next(round % 2 === 0 ? 1000 : whole.length)] = next(256);
      // The sections' table stands at the end.
      if (round % 3 === 0) damaged[whole.length - 1 - next(2048)] = next(256);
      expect(["answer", "RangeError"]).toContain(answerOf(() => readElf(damaged)).kind);
      for (const reader of [readHardening, readSourceNames, readExports])
        expect(["answer", "RangeError"]).toContain(answerOf(() => reader(bytesOf(damaged))).kind);
      const library = Buffer.from(archive);
      library[next(library.length)] = next(256);
      expect(["answer", "RangeError"]).toContain(answerOf(() => [...readArchive(bytesOf(library))]).kind);
    }
  });
});

const readElf = (file: Buffer): ElfDynamic | null => read(bytesOf(file));

/** What came of it; anything but an answer or a RangeError is thrown on. */
function answerOf(read: () => unknown): { readonly kind: "answer" | "RangeError"; readonly value?: unknown } {
  try {
    return { kind: "answer", value: read() };
  } catch (error) {
    if (error instanceof RangeError) return { kind: "RangeError" };
    throw error;
  }
}

const readElfFile = (file: string): ElfDynamic | null => withBytes(file, read);
