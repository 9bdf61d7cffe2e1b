import { describe, expect, test } from "vitest";

import { ascii, concat, distinguishedName, encodeDer, uint } from "../../../src/wire/index.ts";

/** A Name with one attribute, CN unless told, whose value has this tag. */
function nameWith(tag: number, value: Uint8Array, oid = Uint8Array.of(0x55, 4, 3)): Uint8Array {
  const attribute = encodeDer(0x30, concat(encodeDer(0x06, oid), encodeDer(tag, value)));
  return encodeDer(0x30, encodeDer(0x31, attribute));
}

const ucs4 = (...codes: readonly number[]): Uint8Array => concat(...codes.map((code) => uint(4, code)));

describe("the text of a name", () => {
  test.each([
    ["PrintableString", 0x13, ascii("Some CA"), "Some CA"],
    ["UTF8String", 0x0c, new TextEncoder().encode("\u017b\u{1f512}"), "\u017b\u{1f512}"],
    ["BMPString", 0x1e, Uint8Array.of(0x01, 0x7b, 0x00, 0x41), "\u017bA"],
    ["UniversalString", 0x1c, ucs4(0x41, 0x17b, 0x1f512), "A\u017b\u{1f512}"],
    [
      "UniversalString with what is no character",
      0x1c,
      ucs4(0xd800, 0x110000, 0xffffffff, 0x42),
      "\ufffd\ufffd\ufffdB",
    ],
    ["UniversalString cut short", 0x1c, concat(ucs4(0x41), Uint8Array.of(0, 0, 1)), "A"],
    ["TeletexString", 0x14, Uint8Array.of(0xe9), "\u00e9"],
  ])("%s", (_, tag, value, text) => {
    expect(distinguishedName(nameWith(tag, value))).toBe(`CN=${text}`);
  });

  test("an attribute without a short name goes by its number", () => {
    expect(distinguishedName(nameWith(0x0c, ascii("x"), Uint8Array.of(0x55, 4, 0x2d)))).toBe("2.5.4.45=x");
  });
});
