import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  ascii,
  concat,
  decodeClientHello,
  decodeServerHello,
  DecodeError,
  downgradeMark,
  encodeClientHello,
  encodeServerHello,
  helloRetryRandom,
  isHelloRetry,
  negotiatedVersion,
  uint,
  type ServerHello,
} from "../../../src/wire/index.ts";
import { clientHellos, serverHellos } from "./arbitraries.ts";

const plain: ServerHello = {
  version: 0x0303,
  random: new Uint8Array(32),
  sessionId: new Uint8Array(0),
  cipherSuite: 0xc02f,
  compressionMethod: 0,
  extensions: null,
};

describe("hellos", () => {
  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(clientHellos, (hello) => {
        expect(decodeClientHello(encodeClientHello(hello))).toEqual(hello);
      }),
    );
    fc.assert(
      fc.property(serverHellos, (hello) => {
        expect(decodeServerHello(encodeServerHello(hello))).toEqual(hello);
      }),
    );
  });

  it("refuses every shorter hello, save one without its extensions", () => {
    fc.assert(
      fc.property(serverHellos, fc.nat(), (hello, cut) => {
        const whole = encodeServerHello(hello);
        const bare = encodeServerHello({ ...hello, extensions: null }).length;
        const length = cut % whole.length;
        fc.pre(length !== bare);
        expect(() => decodeServerHello(whole.subarray(0, length))).toThrow(DecodeError);
        expect(decodeServerHello(whole.subarray(0, bare)).extensions).toBeNull();
      }),
    );
  });

  it("refuses an extension that occurs twice, a long session id, and bytes behind the end", () => {
    const twice = [1, 1].map((type) => ({ type, data: new Uint8Array(0) }));
    expect(() => decodeServerHello(encodeServerHello({ ...plain, extensions: twice }))).toThrow("occurs twice");
    expect(() => decodeServerHello(encodeServerHello({ ...plain, sessionId: new Uint8Array(33) }))).toThrow(
      "session id of 33",
    );
    expect(() => decodeServerHello(concat(encodeServerHello({ ...plain, extensions: [] }), Uint8Array.of(0)))).toThrow(
      DecodeError,
    );
  });

  it("tells a retry, a negotiated version and the marks of a downgrade", () => {
    expect(isHelloRetry(plain)).toBe(false);
    expect(isHelloRetry({ ...plain, random: helloRetryRandom })).toBe(true);
    expect(negotiatedVersion(plain)).toBe(0x0303);
    expect(negotiatedVersion({ ...plain, extensions: [{ type: 43, data: uint(2, 0x0304) }] })).toBe(0x0304);
    const marked = (tail: string): Uint8Array => concat(new Uint8Array(24), ascii(tail));
    expect(downgradeMark(marked("DOWNGRD\u0001"))).toBe("TLSv1.2");
    expect(downgradeMark(marked("DOWNGRD\u0000"))).toBe("TLSv1.1");
    expect(downgradeMark(plain.random)).toBeNull();
  });
});
