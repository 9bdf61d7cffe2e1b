import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  alertName,
  bitLength,
  concat,
  decodeAlert,
  decodeCertificates12,
  decodeCertificates13,
  decodeCertificateStatus,
  decodeNewSessionTicket12,
  decodeNewSessionTicket13,
  decodeServerKeyExchange,
  DecodeError,
  decodeSsl2ServerHello,
  encodeAlert,
  encodeCertificates12,
  encodeCertificates13,
  encodeDheParams,
  encodeEcdheParams,
  encodeExtensions,
  encodeSsl2ServerHello,
  extensionName,
  uint,
  vector,
} from "../../../src/wire/index.ts";
import { bytes, extensions, uint16 } from "./arbitraries.ts";

const empty = new Uint8Array(0);

describe("messages of a server's flight", () => {
  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(fc.array(bytes(300), { maxLength: 5 }), (list) => {
        expect(decodeCertificates12(encodeCertificates12(list))).toEqual(list);
      }),
    );
    const entries = fc.array(fc.record({ certificate: bytes(300), extensions }), { maxLength: 4 });
    fc.assert(
      fc.property(entries, (list) => {
        expect(decodeCertificates13(encodeCertificates13(list))).toEqual(list);
      }),
    );
    const alert = fc.record({ level: fc.nat(255), description: fc.nat(255) });
    fc.assert(
      fc.property(alert, (value) => {
        expect(decodeAlert(encodeAlert(value))).toEqual(value);
      }),
    );
  });

  it("takes key exchanges apart and keeps what is signed", () => {
    fc.assert(
      fc.property(uint16, bytes(133), bytes(80), (group, point, signed) => {
        const params = encodeEcdheParams(group, point);
        expect(decodeServerKeyExchange(concat(params, signed), "ECDHE")).toEqual({
          kind: "ECDHE",
          group,
          point,
          params,
          signed,
        });
      }),
    );
    fc.assert(
      fc.property(bytes(64), bytes(4), bytes(64), (prime, generator, publicValue) => {
        const params = encodeDheParams(prime, generator, publicValue);
        expect(decodeServerKeyExchange(params, "DHE")).toEqual({
          kind: "DHE",
          prime,
          generator,
          publicValue,
          params,
          signed: new Uint8Array(0),
        });
      }),
    );
    expect(decodeServerKeyExchange(Uint8Array.of(1, 2, 3), "ECDHE")).toEqual({ kind: "other" });
    expect(() => decodeServerKeyExchange(Uint8Array.of(3, 0), "ECDHE")).toThrow(DecodeError);
  });

  it("reads tickets and stapled responses", () => {
    const body = concat(
      uint(4, 7200),
      uint(4, 1),
      vector(1, Uint8Array.of(9)),
      vector(2, Uint8Array.of(1, 2)),
      encodeExtensions([{ type: 42, data: uint(4, 16384) }]),
    );
    expect(decodeNewSessionTicket13(body)).toEqual({
      lifetime: 7200,
      ageAdd: 1,
      nonce: Uint8Array.of(9),
      ticket: Uint8Array.of(1, 2),
      extensions: [{ type: 42, data: uint(4, 16384) }],
    });
    expect(decodeNewSessionTicket12(concat(uint(4, 300), vector(2, Uint8Array.of(3))))).toEqual({
      lifetime: 300,
      ticket: Uint8Array.of(3),
    });
    expect(() => decodeNewSessionTicket12(concat(uint(4, 300), vector(2), uint(1, 0)))).toThrow(DecodeError);
    expect(decodeCertificateStatus(concat(uint(1, 1), vector(3, Uint8Array.of(5))))).toEqual(Uint8Array.of(5));
    expect(decodeCertificateStatus(concat(uint(1, 2), vector(3)))).toBeNull();
  });

  it("counts the bits of a number without its leading zeros", () => {
    expect(bitLength(Uint8Array.of(0, 0, 0x80, 0))).toBe(16);
    expect(bitLength(Uint8Array.of(1, 0))).toBe(9);
    expect(bitLength(new Uint8Array(4))).toBe(0);
  });

  it("names alerts and extensions as the registries do", () => {
    expect([alertName(70), alertName(80), alertName(200)]).toEqual(["protocol_version", "internal_error", "0x00c8"]);
    expect([extensionName(51), extensionName(0xff01)]).toEqual(["key_share", "renegotiation_info"]);
  });
});

describe("SSL 2.0", () => {
  it("decodes a server's hello, waits for the rest of one, refuses anything else", () => {
    const hello = { version: 2, certificate: Uint8Array.of(1, 2, 3), cipherSpecs: [0x010080, 0x0700c0] };
    const whole = encodeSsl2ServerHello(hello);
    expect(decodeSsl2ServerHello(whole)).toEqual(hello);
    for (let length = 1; length < whole.length; length++)
      expect(decodeSsl2ServerHello(whole.subarray(0, length))).toBeNull();
    expect(() => decodeSsl2ServerHello(empty)).toThrow(DecodeError);
    expect(() => decodeSsl2ServerHello(Uint8Array.of(0x15, 3, 1))).toThrow(DecodeError);
  });
});
