import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  ascii,
  concat,
  createHandshakeParser,
  createRecordParser,
  DecodeError,
  encodeHandshake,
  encodeRecords,
  uint,
} from "../../../src/wire/index.ts";
import { bytes } from "./arbitraries.ts";

/** The parts of `whole` between sorted cuts. */
function pieces(whole: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length].toSorted((one, other) => one - other);
  return ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
}

describe("records", () => {
  it("gives back the payload however the stream is cut", () => {
    fc.assert(
      fc.property(bytes(40_000), fc.array(fc.nat(), { maxLength: 8 }), (payload, cuts) => {
        const parser = createRecordParser();
        const records = pieces(encodeRecords(22, 0x0303, payload), cuts).flatMap((piece) => parser.push(piece));
        expect(concat(...records.map(({ fragment }) => fragment))).toEqual(payload);
        expect(
          records.every(({ type, version, fragment }) => type === 22 && version === 0x0303 && fragment.length <= 16384),
        ).toBe(true);
        expect(parser.pending).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["SSH-2.0-OpenSSH_9.2p1\r\n", "the server speaks SSH"],
    ["HTTP/1.1 400 Bad Request\r\n", "plain HTTP"],
    ["220 mail.example.org ESMTP\r\n", "SMTP"],
    ["+OK ready\r\n", "POP3"],
    ["\u0000\u0001", "the first byte is 0x00"],
  ])("says what %j is", (text, what) => {
    expect(() => createRecordParser().push(ascii(text))).toThrow(what);
  });

  it("refuses a record that is too long, before its content is there", () => {
    expect(() => createRecordParser().push(concat(Uint8Array.of(22, 3, 3), uint(2, 2 ** 14 + 2049)))).toThrow(
      "a record of 18433 bytes",
    );
    expect(createRecordParser().push(concat(Uint8Array.of(22, 3, 3), uint(2, 2 ** 14 + 2048)))).toEqual([]);
  });

  it("refuses another major version", () => {
    expect(() => createRecordParser().push(Uint8Array.of(22, 2))).toThrow(DecodeError);
  });
});

describe("handshake messages", () => {
  it("come out whole however they are cut", () => {
    const message = fc.record({ type: fc.nat(255), body: bytes(300) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }), (messages, cuts) => {
        const parser = createHandshakeParser();
        const whole = concat(...messages.map(({ type, body }) => encodeHandshake(type, body)));
        const found = pieces(whole, cuts)
          .filter((piece) => piece.length > 0)
          .flatMap((piece) => parser.push(piece));
        expect(found.map(({ type, body }) => ({ type, body }))).toEqual(messages);
        expect(concat(...found.map(({ raw }) => raw))).toEqual(whole);
        expect(parser.pending).toBe(0);
      }),
    );
  });

  it("refuses an empty fragment", () => {
    expect(() => createHandshakeParser().push(new Uint8Array(0))).toThrow("an empty handshake record");
  });

  it("refuses one that says it is larger than 1 MiB", () => {
    expect(() => createHandshakeParser().push(concat(uint(1, 11), uint(3, 2 ** 20 + 1)))).toThrow(
      "handshake message of 1048577 bytes",
    );
  });
});
