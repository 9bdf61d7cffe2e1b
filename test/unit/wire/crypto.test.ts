import { createHash, randomBytes } from "node:crypto";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  aeadOf,
  createKeyAgreement,
  createRecordParser,
  DecodeError,
  groupOf,
  handshakeSecrets,
  hex,
  plausibleEncapsulationKey,
  prf12,
  protection12,
  protection13,
  suites,
  type Protection,
} from "../../../src/wire/index.ts";
import { bytes } from "./arbitraries.ts";

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** Bytes that look random and are the same in every run. */
function fixedRandom(seed: string): (length: number) => Uint8Array {
  let count = 0;
  return (length) => {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, () =>
      createHash("sha256").update(`${seed}${count++}`).digest(),
    );
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
}

describe("key schedule", () => {
  it("gives the secrets of RFC 8448, section 3", () => {
    const secrets = handshakeSecrets(
      "sha256",
      fromHex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"),
      fromHex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"),
    );
    expect(hex(secrets.client)).toBe("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
    expect(hex(secrets.server)).toBe("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    expect(hex(secrets.master)).toBe("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
  });

  it("gives a known answer of TLS 1.2's PRF with SHA-256", () => {
    const seed = fromHex("a0ba9f936cda311827a6f796ffd5198c");
    const output = prf12("sha256", fromHex("9bbe436ba940f017b17652849a71db35"), {
      label: "test label",
      seed,
      length: 100,
    });
    expect(hex(output).slice(0, 64)).toBe("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a");
    expect(hex(output).slice(-8)).toBe("87347b66");
  });
});

describe("record protection", () => {
  const protectedSuites = suites.filter(
    ({ id, since, keyExchange }) => aeadOf(id) !== undefined && (since === "TLSv1.3" || keyExchange === "ECDHE"),
  );

  it.each(protectedSuites.map((suite) => [suite.name, suite] as const))(
    "opens what it seals with %s, and nothing else",
    (_name, suite) => {
      const aead = aeadOf(suite.id)!;
      const make = (): Protection =>
        suite.since === "TLSv1.3"
          ? protection13(aead, suite.hash, new Uint8Array(32).fill(1))
          : protection12(aead, new Uint8Array(aead.keyLength).fill(2), new Uint8Array(aead.fixedNonce12).fill(3));
      fc.assert(
        fc.property(fc.array(bytes(60, 1), { minLength: 1, maxLength: 4 }), fc.nat(), (contents, flip) => {
          const [sealing, opening, deceived] = [make(), make(), make()];
          for (const content of contents) {
            const [record] = createRecordParser().push(sealing.seal(23, content));
            expect(opening.open(record!)).toEqual({ type: 23, content });
            const fragment = Uint8Array.from(record!.fragment);
            fragment[flip % fragment.length]! ^= 1;
            expect(() => deceived.open({ ...record!, fragment })).toThrow(DecodeError);
          }
        }),
        { numRuns: 15 },
      );
    },
  );

  it("refuses a record that is shorter than its tag", () => {
    const protection = protection13(aeadOf(0x1301)!, "sha256", new Uint8Array(32));
    expect(() => protection.open({ type: 23, version: 0x0303, fragment: new Uint8Array(15) })).toThrow(DecodeError);
  });
});

describe("key shares", () => {
  it.each([23, 24, 25, 29, 30])("group %i agrees with itself and refuses nonsense", (group) => {
    const [one, other] = [
      createKeyAgreement(group, fixedRandom("one"))!,
      createKeyAgreement(group, fixedRandom("other"))!,
    ];
    expect(one.share.exchange.length).toBe(groupOf(group).shareLength!.client);
    expect(one.agree(other.share.exchange)).toEqual(other.agree(one.share.exchange));
    expect(one.agree(other.share.exchange)).not.toEqual(one.agree(one.share.exchange));
    expect(() => one.agree(new Uint8Array(3))).toThrow(DecodeError);
    expect(() => one.agree(new Uint8Array(one.share.exchange.length))).toThrow(DecodeError);
  });

  it.each([0x11eb, 0x11ec, 0x11ed, 512, 513, 514])(
    "group %i has a share of the right length, the same for the same randomness",
    (group) => {
      const share = createKeyAgreement(group, fixedRandom("a"))!.share;
      expect(share.exchange.length).toBe(groupOf(group).shareLength!.client);
      expect(createKeyAgreement(group, fixedRandom("a"))!.share).toEqual(share);
      expect(createKeyAgreement(group, fixedRandom("b"))!.share).not.toEqual(share);
    },
  );

  it("has none for finite fields", () => {
    expect(createKeyAgreement(256, randomBytes)).toBeUndefined();
  });

  it("makes encapsulation keys whose coefficients are all below 3329", () => {
    const key = plausibleEncapsulationKey(3, randomBytes);
    expect(key.length).toBe(1184);
    for (let index = 0; index < 1152; index += 3) {
      const [a = 0, b = 0, c = 0] = key.subarray(index, index + 3);
      expect(a | ((b & 15) << 8)).toBeLessThan(3329);
      expect((b >> 4) | (c << 4)).toBeLessThan(3329);
    }
  });
});
