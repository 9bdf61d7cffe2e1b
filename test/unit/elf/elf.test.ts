import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, isElf, readElf as read, type ElfDynamic } from "../../../src/elf/index.ts";
import { elf } from "./sample.ts";

const readElf = (file: Buffer): ElfDynamic | null => read(bytesOf(file));

const strings = "\0libone.so\0libtwo.so\0/a:/b:\0me.so\0";
const entries = [
  [1, 1],
  [1, 11],
  [14, 28],
  [29, 21],
  [0x6fff_fffb, 1],
] as const;

describe("readElf", () => {
  it.each([
    [8, true],
    [8, false],
    [4, true],
    [4, false],
  ] as const)("reads files with words of %i bytes, the low byte first: %s", (word, little) => {
    expect(readElf(elf({ word, little, entries, strings }))).toEqual({
      bits: word * 8,
      order: little ? "little" : "big",
      machine: 0,
      interpreter: null,
      noDefaults: false,
      needed: ["libone.so", "libtwo.so"],
      rpath: [],
      runpath: ["/a", "/b", ""],
      soname: "me.so",
    });
  });

  it("reads the machine, and whether libraries of the default folders are refused", () => {
    const file = elf({ entries: [[0x6fff_fffb, 0x800]], strings });
    file.writeUInt16LE(183, 18);
    expect(readElf(file)).toMatchObject({ machine: 183, noDefaults: true });
    expect(readElf(elf({ entries: [[0x6fff_fffb, 0x0100_0001]], strings }))).toMatchObject({ noDefaults: false });
  });

  it("reads the loader that a program names", () => {
    expect(readElf(elf({ entries, strings, interpreter: "/lib/ld.so.1" }))?.interpreter).toBe("/lib/ld.so.1");
  });

  it("tells the old kind of run path from the new one", () => {
    expect(readElf(elf({ entries: [[15, 21]], strings }))).toMatchObject({ rpath: ["/a", "/b", ""], runpath: [] });
  });

  it("gives null for what is no ELF file and for one without a dynamic section", () => {
    expect(readElf(Buffer.alloc(0))).toBeNull();
    expect(readElf(Buffer.from("#!/bin/sh\n"))).toBeNull();
    const none = elf({});
    none.writeUInt16LE(0, 56);
    expect(readElf(none)).toBeNull();
    expect(isElf(none)).toBe(true);
  });

  it.each([
    ["a file that is cut short", elf({ entries, strings }).subarray(0, 300)],
    ["a header that is cut short", elf({}).subarray(0, 20)],
    ["no more than the mark", elf({}).subarray(0, 4)],
    ["a class that there is not", changed((file) => file.writeUInt8(7, 4))],
    ["a byte order that there is not", changed((file) => file.writeUInt8(0, 5))],
    ["program headers of a wrong size", changed((file) => file.writeUInt16LE(0, 54))],
    ["program headers far outside", changed((file) => file.writeBigUInt64LE(2n ** 63n, 32))],
    ["more program headers than there are", changed((file) => file.writeUInt16LE(0xffff, 56))],
    ["a dynamic section outside", changed((file) => file.writeBigUInt64LE(2n ** 52n, 64 + 56 + 8))],
    ["a dynamic section without measure", changed((file) => file.writeBigUInt64LE(2n ** 40n, 64 + 56 + 32))],
    [
      "strings in no segment",
      elf({
        entries: [
          [5, 1],
          [1, 1],
        ],
      }),
    ],
    ["a name outside", elf({ entries: [[1, 2 ** 30]], strings })],
    ["a name without end", elf({ entries: [[1, 1]], strings: "\0endless" })],
    ["a name longer than any", elf({ entries: [[1, 1]], strings: `\0${"x".repeat(5000)}\0` })],
  ])("throws RangeError for %s", (_, file) => {
    expect(() => readElf(file)).toThrow(RangeError);
  });

  it("ends in time with an answer or a RangeError, whatever bytes are wrong", () => {
    const whole = elf({ entries, strings });
    const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    const deviation = fc.record({ changes: fc.array(change, { maxLength: 6 }), length: fc.nat(whole.length) });
    fc.assert(
      fc.property(deviation, ({ changes, length }) => {
        const file = Buffer.from(whole);
        for (const { at, value } of changes) file[at] = value;
        expect(() => {
          try {
            readElf(file.subarray(0, Math.max(length, 4)));
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
          }
        }).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  it("takes no longer for many names without end", () => {
    const many = Array.from({ length: 16_000 }, () => [1, 1] as const);
    const started = performance.now();
    expect(() => readElf(elf({ entries: many, strings: "\0".padEnd(1 << 20, "x") }))).toThrow(RangeError);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

function changed(change: (file: Buffer) => void): Buffer {
  const file = elf({ entries, strings });
  change(file);
  return file;
}
