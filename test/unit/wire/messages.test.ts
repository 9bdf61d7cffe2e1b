import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  alpnExtension,
  decodeCertificateStatus,
  decodeCertificateVerify,
  decodeEncryptedExtensions,
  DecodeError,
  decodeNewSessionTicket12,
  decodeNewSessionTicket13,
  encodeExtensions,
  encodeSsl2ClientHello,
  keyShareExtension,
  serverNameExtension,
  signatureAlgorithmsExtension,
  supportedVersionsExtension,
  uint,
  vector,
} from "../../../src/wire/index.ts";
import {
  decodeAlpnOffer,
  decodeByteList,
  decodeClientKeyShares,
  decodeNumber,
  decodeNumbers,
  decodePreSharedKeyOffer,
  decodeServerName,
  encodePreSharedKeyOffer,
} from "../../../src/wire/extension-values.ts";
import {
  decodeCertificateRequest12,
  decodeCertificateRequest13,
  decodeClientKeyExchange,
  decodeCompressedCertificate,
  decodeEmpty,
  decodeHeartbeat,
  decodeKeyUpdate,
  encodeCertificateRequest12,
  encodeCertificateRequest13,
  encodeCertificateStatus,
  encodeCertificateVerify,
  encodeClientKeyExchange,
  encodeCompressedCertificate,
  encodeHeartbeat,
  encodeKeyUpdate,
  encodeNewSessionTicket12,
  encodeNewSessionTicket13,
} from "../../../src/wire/messages.ts";
import {
  decodeSsl2ClientHello,
  decodeSsl2Error,
  decodeSsl2MasterKey,
  encodeSsl2Error,
  encodeSsl2MasterKey,
} from "../../../src/wire/ssl2-messages.ts";
import { bytes, extensions, uint16 } from "./arbitraries.ts";

const uint32 = fc.nat(0xffffffff);

/** Decoding gives back what was encoded; every shorter text is refused; so is one with a byte more, unless it is said to be open at its end. */
function expectRoundTrip<T>(
  of: { values: fc.Arbitrary<T>; encode: (value: T) => Uint8Array; decode: (body: Uint8Array) => unknown },
  isOpen = false,
): void {
  fc.assert(
    fc.property(of.values, fc.nat(), (value, cut) => {
      const body = of.encode(value);
      expect(of.decode(body)).toEqual(value);
      expect(() => of.decode(body.subarray(0, cut % body.length))).toThrow(DecodeError);
      const longer = (): unknown => (isOpen ? refuse() : of.decode(Uint8Array.of(...body, 0)));
      expect(longer).toThrow(DecodeError);
    }),
    { numRuns: 60 },
  );
}

function refuse(): never {
  throw new DecodeError("open at its end");
}

describe("handshake messages", () => {
  it("CertificateRequest, of TLS 1.2, of what is older, and of TLS 1.3", () => {
    const common = {
      types: fc.array(fc.nat(255), { maxLength: 5 }),
      authorities: fc.array(bytes(60), { maxLength: 4 }),
    };
    expectRoundTrip({
      values: fc.record({ ...common, schemes: fc.array(uint16, { maxLength: 20 }) }),
      encode: encodeCertificateRequest12,
      decode: (body) => decodeCertificateRequest12(body, true),
    });
    expectRoundTrip({
      values: fc.record({ ...common, schemes: fc.constant(null) }),
      encode: encodeCertificateRequest12,
      decode: (body) => decodeCertificateRequest12(body, false),
    });
    expectRoundTrip({
      values: fc.record({ context: bytes(20), extensions }),
      encode: encodeCertificateRequest13,
      decode: decodeCertificateRequest13,
    });
  });

  it("CertificateVerify, CertificateStatus and CompressedCertificate", () => {
    expectRoundTrip({
      values: fc.record({ scheme: uint16, signature: bytes(300) }),
      encode: encodeCertificateVerify,
      decode: decodeCertificateVerify,
    });
    expectRoundTrip({ values: bytes(300), encode: encodeCertificateStatus, decode: decodeCertificateStatus });
    expectRoundTrip({
      values: fc.record({ algorithm: uint16, uncompressedLength: fc.nat(0xffffff), compressed: bytes(300) }),
      encode: encodeCompressedCertificate,
      decode: decodeCompressedCertificate,
    });
  });

  it("NewSessionTicket of both generations", () => {
    expectRoundTrip({
      values: fc.record({ lifetime: uint32, ticket: bytes(200) }),
      encode: encodeNewSessionTicket12,
      decode: decodeNewSessionTicket12,
    });
    expectRoundTrip({
      values: fc.record({ lifetime: uint32, ageAdd: uint32, nonce: bytes(20), ticket: bytes(200), extensions }),
      encode: encodeNewSessionTicket13,
      decode: decodeNewSessionTicket13,
    });
  });

  it("EncryptedExtensions, KeyUpdate, ClientKeyExchange", () => {
    expectRoundTrip({ values: extensions, encode: encodeExtensions, decode: decodeEncryptedExtensions });
    expectRoundTrip({ values: fc.boolean(), encode: encodeKeyUpdate, decode: decodeKeyUpdate });
    expect(() => decodeKeyUpdate(Uint8Array.of(2))).toThrow("a KeyUpdate with 2");
    for (const kind of ["RSA", "DHE", "ECDHE"] as const)
      expectRoundTrip({
        values: bytes(200),
        encode: (value) => encodeClientKeyExchange(kind, value),
        decode: (body) => decodeClientKeyExchange(body, kind),
      });
  });

  it("HelloRequest, ServerHelloDone and EndOfEarlyData, which are empty", () => {
    expect(() => decodeEmpty(new Uint8Array(0), "ServerHelloDone")).not.toThrow();
    expect(() => decodeEmpty(Uint8Array.of(0), "ServerHelloDone")).toThrow("a ServerHelloDone of 1 bytes");
  });

  it("heartbeats, which must not claim more than they hold", () => {
    expectRoundTrip(
      {
        values: fc.record({ type: fc.nat(255), payload: bytes(100) }),
        encode: encodeHeartbeat,
        decode: decodeHeartbeat,
      },
      true,
    );
    expect(() => decodeHeartbeat(Uint8Array.of(1, 0x40, 0))).toThrow(DecodeError);
  });
});

describe("contents of extensions", () => {
  const numbers = fc.array(uint16, { maxLength: 60 });

  it("names, protocols, key shares, keys shared beforehand", () => {
    const name = fc.stringMatching(/^[a-z0-9.-]{1,60}$/);
    expectRoundTrip({ values: name, encode: (value) => serverNameExtension(value).data, decode: nameOrRefusal });
    expect(decodeServerName(new Uint8Array(0))).toBe("");
    expect(() => decodeServerName(vector(2, uint(1, 1), vector(2)))).toThrow("no host name");
    expectRoundTrip({
      values: fc.array(name, { maxLength: 5 }),
      encode: (value) => alpnExtension(value).data,
      decode: decodeAlpnOffer,
    });
    expectRoundTrip({
      values: fc.array(fc.record({ group: uint16, exchange: bytes(100) }), { maxLength: 4 }),
      encode: (value) => keyShareExtension(value).data,
      decode: decodeClientKeyShares,
    });
    expectRoundTrip({
      values: fc.record({
        identities: fc.array(fc.record({ ticket: bytes(100), age: uint32 }), { maxLength: 3 }),
        binders: fc.array(bytes(48), { maxLength: 3 }),
      }),
      encode: encodePreSharedKeyOffer,
      decode: decodePreSharedKeyOffer,
    });
  });

  it("lists of numbers and single ones", () => {
    expectRoundTrip({
      values: numbers,
      encode: (value) => signatureAlgorithmsExtension(value).data,
      decode: (data) => decodeNumbers(data, 2),
    });
    expectRoundTrip({
      values: numbers,
      encode: (value) => supportedVersionsExtension(value).data,
      decode: (data) => decodeNumbers(data, 1),
    });
    expectRoundTrip({
      values: fc.array(fc.nat(255), { maxLength: 9 }),
      encode: (value) => vector(1, Uint8Array.from(value)),
      decode: decodeByteList,
    });
    for (const width of [1, 2, 4] as const)
      expectRoundTrip({
        values: fc.nat(256 ** width - 1),
        encode: (value) => uint(width, value),
        decode: (data) => decodeNumber(data, width),
      });
  });

  /** An empty answer is the server's, which a cut one must not be taken for here. */
  function nameOrRefusal(data: Uint8Array): string {
    if (data.length === 0) throw new DecodeError("empty");
    return decodeServerName(data);
  }
});

describe("messages of SSL 2.0", () => {
  it("CLIENT-HELLO", () => {
    const challenge = new Uint8Array(16).fill(3);
    const whole = encodeSsl2ClientHello(challenge);
    expect(decodeSsl2ClientHello(whole)).toMatchObject({ version: 2, challenge, sessionId: new Uint8Array(0) });
    expect(decodeSsl2ClientHello(whole).cipherSpecs).toContain(0x010080);
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeSsl2ClientHello(whole.subarray(0, length))).toThrow(DecodeError);
    expect(() => decodeSsl2ClientHello(Uint8Array.of(22, 3, 1, 0, 0))).toThrow("without padding");
  });

  it("CLIENT-MASTER-KEY and ERROR", () => {
    expectRoundTrip({
      values: fc.record({
        cipherSpec: fc.nat(0xffffff),
        clearKey: bytes(16),
        encryptedKey: bytes(200),
        keyArgument: bytes(8),
      }),
      encode: encodeSsl2MasterKey,
      decode: decodeSsl2MasterKey,
    });
    expect(decodeSsl2Error(encodeSsl2Error(1))).toEqual({ code: 1, name: "no cipher" });
    expect(decodeSsl2Error(encodeSsl2Error(9))).toEqual({ code: 9, name: "0x0009" });
    expect(() => decodeSsl2Error(Uint8Array.of(1, 0, 1))).toThrow("not an ERROR");
  });
});
