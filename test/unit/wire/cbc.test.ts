import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  cbcOf,
  cbcProtection,
  concat,
  createRecordParser,
  DecodeError,
  hex,
  suites,
  type CbcProtection,
  type TlsRecord,
} from "../../../src/wire/index.ts";
import { bytes } from "./arbitraries.ts";

const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);

function protection(suite: number, version: number, encryptThenMac = false): CbcProtection {
  const cbc = cbcOf(suite)!;
  const keys = {
    macKey: new Uint8Array(cbc.macLength).fill(1),
    key: new Uint8Array(cbc.keyLength).fill(2),
    iv: new Uint8Array(cbc.blockLength).fill(3),
  };
  return cbcProtection(cbc, keys, { version, encryptThenMac, random });
}

function recordOf(sealed: Uint8Array): TlsRecord {
  const [record] = createRecordParser().push(sealed);
  return record!;
}

describe("CBC record protection", () => {
  const known = suites.filter(({ id }) => cbcOf(id) !== undefined);

  it("is known for AES, Camellia, ARIA and 3DES, not for exports, other ciphers and other modes", () => {
    expect(cbcOf(0xc028)).toEqual({
      algorithm: "aes-256-cbc",
      keyLength: 32,
      blockLength: 16,
      mac: "sha384",
      macLength: 48,
    });
    expect(cbcOf(0x000a)).toEqual({
      algorithm: "des-ede3-cbc",
      keyLength: 24,
      blockLength: 8,
      mac: "sha1",
      macLength: 20,
    });
    expect([0x0008, 0x0007, 0x0005, 0x0096, 0xc02f, 0x1301].map(cbcOf)).toEqual(Array(6).fill(undefined));
    expect(known.length).toBeGreaterThan(60);
  });

  it.each([
    ["TLS 1.0", 0x0301, false],
    ["TLS 1.1", 0x0302, false],
    ["TLS 1.2", 0x0303, false],
    ["TLS 1.0 with encrypt_then_mac", 0x0301, true],
    ["TLS 1.2 with encrypt_then_mac", 0x0303, true],
  ])("opens what it seals, and nothing else: %s", (_name, version, encryptThenMac) => {
    const suite = fc.constantFrom(...known.map(({ id }) => id));
    const contents = fc.array(bytes(80), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(suite, contents, fc.nat(), (id, list, flip) => {
        const [sealing, opening, deceived] = [0, 0, 0].map(() => protection(id, version, encryptThenMac));
        for (const content of list) {
          const record = recordOf(sealing!.seal(23, content));
          expect(opening!.open(record)).toEqual({ type: 23, content });
          const fragment = Uint8Array.from(record.fragment);
          fragment[flip % fragment.length]! ^= 1;
          // An IV that is explicit or carried on is covered by the MAC only through what it decrypts to.
          expect(() => deceived!.open({ ...record, fragment })).toThrow(DecodeError);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("counts records, so that none can be played again", () => {
    const [sealing, opening] = [protection(0x002f, 0x0303), protection(0x002f, 0x0303)];
    const record = recordOf(sealing.seal(23, Uint8Array.of(1)));
    opening.open(record);
    expect(() => opening.open(record)).toThrow("MAC does not verify");
  });

  it("makes records of a given plaintext, with the MAC that belongs there", () => {
    fc.assert(
      fc.property(bytes(100), (content) => {
        const [sealing, opening] = [protection(0xc013, 0x0303), protection(0xc013, 0x0303)];
        const mac = sealing.nextMac(23, content);
        const size = 16 - ((content.length + mac.length) % 16);
        const plaintext = concat(content, mac, new Uint8Array(size).fill(size - 1));
        expect(hex(opening.open(recordOf(sealing.sealPlaintext(23, plaintext))).content)).toBe(hex(content));
        const raw = opening.openPlaintext(recordOf(sealing.seal(23, content)));
        expect(hex(raw.plaintext.subarray(0, content.length))).toBe(hex(content));
        expect(hex(raw.macOf(content))).toBe(hex(raw.plaintext.subarray(content.length, content.length + 20)));
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["padding that is wrong", [1, 2, 3, 3], "padding is wrong"],
    ["padding that leaves no room for a MAC", Array(16).fill(15), "padding is wrong"],
  ])("refuses %s", (_name, tail, why) => {
    const [sealing, opening] = [protection(0x002f, 0x0303), protection(0x002f, 0x0303)];
    const plaintext = new Uint8Array(32);
    plaintext.set(tail, 32 - tail.length);
    expect(() => opening.open(recordOf(sealing.sealPlaintext(23, plaintext)))).toThrow(why);
  });

  it("refuses what is no whole number of blocks", () => {
    for (const length of [0, 16, 17, 40]) {
      const record = { type: 23, version: 0x0303, fragment: new Uint8Array(length) };
      expect(() => protection(0x002f, 0x0303).open(record)).toThrow("no whole number of blocks");
    }
  });
});
