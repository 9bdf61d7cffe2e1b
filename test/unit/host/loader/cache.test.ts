import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { candidates, parseLoaderCache, processorsOf, type LoaderCache } from "../../../../src/host/loader/cache.ts";
import { cacheBytes, type CacheLine } from "./machine.ts";

const lines: readonly CacheLine[] = [
  { name: "libz.so.1", path: "/v3/libz.so.1", hwcap: "x86-64-v3" },
  { name: "libz.so.1", path: "/v2/libz.so.1", hwcap: "x86-64-v2" },
  { name: "libz.so.1", path: "/first/libz.so.1" },
  { name: "libz.so.1", path: "/second/libz.so.1" },
  { name: "libz.so.1", path: "/i386/libz.so.1", flags: 0x0003 },
  { name: "liba.so.2", path: "/sse2/liba.so.2", legacy: 4 },
  { name: "liba.so.2", path: "/first/liba.so.2" },
];
const amd64 = { bits: 64, machine: 62, order: "little" } as const;
const plain = { hwcaps: [], legacy: false };

describe("parseLoaderCache", () => {
  it.each([
    ["of today", {}],
    ["behind one of the old format", { compat: true }],
    ["of a machine with the high byte first", { big: true }],
  ])("reads a cache %s", (_, options) => {
    const cache = parseLoaderCache(cacheBytes(lines, options));
    expect([...cache.keys()]).toEqual(["libz.so.1", "liba.so.2"]);
    expect(cache.get("libz.so.1")?.map(({ path, hwcap }) => [path, hwcap])).toEqual([
      ["/v3/libz.so.1", "x86-64-v3"],
      ["/v2/libz.so.1", "x86-64-v2"],
      ["/first/libz.so.1", null],
      ["/second/libz.so.1", null],
      ["/i386/libz.so.1", null],
    ]);
    expect(cache.get("liba.so.2")?.map(({ flags, legacy }) => [flags, legacy])).toEqual([
      [0x0303, true],
      [0x0303, false],
    ]);
  });

  it("reads an empty one", () => {
    expect(parseLoaderCache(cacheBytes([])).size).toBe(0);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["something else", Buffer.from("#!/bin/sh\n".repeat(20))],
    ["an old one alone", cacheBytes(lines, { compat: true }).subarray(0, 16)],
    ["one that is cut in its header", cacheBytes(lines).subarray(0, 22)],
    ["one that is cut in its entries", cacheBytes(lines).subarray(0, 100)],
    ["one that is cut in its strings", cacheBytes(lines.slice(2)).subarray(0, 48 + 24 * 5 + 30)],
    ["one without the names of its processors", changed((bytes) => bytes.writeUInt32LE(0, 32))],
    ["a path far outside", changed((bytes) => bytes.writeUInt32LE(0xffff_ffff, 48 + 8))],
  ])("throws RangeError for %s", (_, bytes) => {
    expect(() => parseLoaderCache(bytes)).toThrow(RangeError);
  });

  it("gives an answer or a RangeError, whatever bytes are wrong", () => {
    const whole = cacheBytes(lines);
    const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), fc.nat(whole.length), (changes, length) => {
        const bytes = Buffer.from(whole);
        for (const { at, value } of changes) bytes[at] = value;
        expect(() => {
          try {
            parseLoaderCache(bytes.subarray(0, length));
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
          }
        }).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what the loader takes from a cache", () => {
  const cache = parseLoaderCache(cacheBytes(lines));
  const take = (name: string, options: Partial<Parameters<typeof candidates>[2]> = {}): readonly string[] =>
    candidates(cache, name, { kind: amd64, processor: plain, ...options });

  it("is the first entry for the machine", () => {
    expect(take("libz.so.1")).toEqual(["/first/libz.so.1"]);
    expect(take("libz.so.1", { kind: { bits: 32, machine: 3, order: "little" } })).toEqual(["/i386/libz.so.1"]);
    expect(take("libnone.so.1")).toEqual([]);
  });

  it("is what the processor can do best", () => {
    const v2 = { hwcaps: ["x86-64-v2"], legacy: false };
    expect(take("libz.so.1", { processor: v2 })).toEqual(["/v2/libz.so.1"]);
    const v3 = { hwcaps: ["x86-64-v3", "x86-64-v2"], legacy: false };
    expect(take("libz.so.1", { processor: v3 })).toEqual(["/v3/libz.so.1"]);
    expect(take("liba.so.2")).toEqual(["/first/liba.so.2"]);
    expect(take("liba.so.2", { processor: { hwcaps: [], legacy: true } })).toEqual(["/sse2/liba.so.2"]);
  });

  it("cannot be told by flags for a machine whose flags are not known: then all are tried", () => {
    expect(take("libz.so.1", { kind: { bits: 32, machine: 2, order: "big" } })).toHaveLength(3);
  });

  it("is looked at for every processor that makes a difference", () => {
    expect(processorsOf([cache])).toEqual([
      { hwcaps: ["x86-64-v3", "x86-64-v2"], legacy: false },
      { hwcaps: ["x86-64-v3", "x86-64-v2"], legacy: true },
      { hwcaps: ["x86-64-v2"], legacy: false },
      { hwcaps: ["x86-64-v2"], legacy: true },
      { hwcaps: [], legacy: false },
      { hwcaps: [], legacy: true },
    ]);
    const none: LoaderCache = new Map();
    expect(processorsOf([none])).toEqual([{ hwcaps: [], legacy: false }]);
  });
});

function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = cacheBytes(lines);
  change(bytes);
  return bytes;
}
