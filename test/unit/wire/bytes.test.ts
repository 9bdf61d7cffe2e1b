import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ByteReader, concat, DecodeError, readUint16List, uint, uint16List, vector } from "../../../src/wire/index.ts";
import { bytes, uint16 } from "./arbitraries.ts";

describe("bytes", () => {
  it("reads back every integer of every width", () => {
    fc.assert(
      fc.property(fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4), fc.nat(2 ** 32 - 1), (width, number) => {
        const value = number % 256 ** width;
        expect(new ByteReader(uint(width, value)).uint(width)).toBe(value);
      }),
    );
  });

  it("refuses an integer that does not fit", () => {
    expect(() => uint(1, 256)).toThrow(RangeError);
    expect(() => uint(2, -1)).toThrow(RangeError);
  });

  it("reads back vectors and lists in a row", () => {
    fc.assert(
      fc.property(bytes(200), fc.array(uint16, { maxLength: 50 }), bytes(9), (one, list, rest) => {
        const reader = new ByteReader(concat(vector(1, one), uint16List(2, list), rest));
        expect(reader.vector(1)).toEqual(one);
        expect(readUint16List(reader.nested(2))).toEqual(list);
        expect(reader.rest()).toEqual(rest);
        expect(() => reader.end("it")).not.toThrow();
      }),
    );
  });

  it("refuses to read past the end, and to leave bytes behind", () => {
    const reader = new ByteReader(Uint8Array.of(0, 3, 1, 2));
    expect(() => reader.vector(2)).toThrow(DecodeError);
    expect(() => new ByteReader(Uint8Array.of(1)).uint(2)).toThrow(DecodeError);
    expect(() => new ByteReader(Uint8Array.of(1)).end("a list")).toThrow("1 bytes left after a list");
  });
});
