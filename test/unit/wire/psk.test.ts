import { describe, expect, it } from "vitest";

import {
  ascii,
  concat,
  decodeClientHello,
  encodeClientHello,
  encodeHandshake,
  greaseEncryptedHello,
  greaseValue,
  hex,
  nextTrafficSecret,
  preSharedKeyExtension,
  pskBinder,
  resumptionSecret,
  schemeName,
  ticketKey,
} from "../../../src/wire/index.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

describe("keys of resumption, as in the traces of RFC 8448, 3 and 4", () => {
  const secret = bytes("7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c");

  it("derive a ticket's key from its nonce", () => {
    expect(hex(ticketKey("sha256", secret, bytes("0000")))).toBe(
      "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3",
    );
  });

  it("derive the secret itself from the master secret", () => {
    const master = bytes("18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
    const transcript = bytes("209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d");
    expect(hex(resumptionSecret("sha256", master, transcript))).toBe(hex(secret));
  });
});

describe("a KeyUpdate", () => {
  it("gives another secret of the same length", () => {
    const first = new Uint8Array(48).fill(1);
    const next = nextTrafficSecret("sha384", first);
    expect(next.length).toBe(48);
    expect(hex(next)).not.toBe(hex(first));
    expect(hex(nextTrafficSecret("sha384", next))).not.toBe(hex(next));
  });
});

describe("a hello with a ticket", () => {
  const helloOf = (binder: Uint8Array): Uint8Array =>
    encodeHandshake(
      1,
      encodeClientHello({
        version: 0x0303,
        random: new Uint8Array(32),
        sessionId: new Uint8Array(0),
        cipherSuites: [0x1301],
        compressionMethods: [0],
        extensions: [preSharedKeyExtension({ ticket: ascii("ticket"), age: 5, binder })],
      }),
    );

  it("has a binder that covers all before the binders, and nothing of them", () => {
    const key = new Uint8Array(32).fill(3);
    const [zeros, ones] = [helloOf(new Uint8Array(32)), helloOf(new Uint8Array(32).fill(1))];
    const binder = pskBinder("sha256", key, zeros);
    expect(hex(pskBinder("sha256", key, ones))).toBe(hex(binder));
    const other = Uint8Array.from(zeros);
    other[10] = 9;
    expect(hex(pskBinder("sha256", key, other))).not.toBe(hex(binder));
    expect(hex(pskBinder("sha256", new Uint8Array(32), zeros))).not.toBe(hex(binder));
  });

  it("names the ticket, its age and the binder", () => {
    const { extensions } = decodeClientHello(helloOf(new Uint8Array(32).fill(1)).subarray(4));
    expect(hex(extensions![0]!.data)).toBe(`000c0006${hex(ascii("ticket"))}00000005002120${"01".repeat(32)}`);
  });
});

describe("reserved values", () => {
  it("are the sixteen of RFC 8701", () => {
    const values = Array.from({ length: 16 }, (_, number) => greaseValue(number).toString(16).padStart(4, "0"));
    expect(values.slice(0, 3)).toEqual(["0a0a", "1a1a", "2a2a"]);
    expect(values.at(-1)).toBe("fafa");
    expect(greaseValue(16)).toBe(greaseValue(0));
  });

  it("of ECH look like an outer hello", () => {
    const sizes = { hash: 1, aead: 1, encapsulatedLength: 4, payloadLength: 2 };
    const { type, data } = greaseEncryptedHello(sizes, (length) => new Uint8Array(length).fill(7));
    expect([type, hex(data)]).toEqual([
      0xfe0d,
      hex(concat(bytes("000001000107"), bytes("000407070707"), bytes("00020707"))),
    ]);
  });
});

describe("signature schemes", () => {
  it("have the registry's names, or their numbers", () => {
    expect([0x0403, 0x0804, 0x0201, 0xfe01].map(schemeName)).toEqual([
      "ecdsa_secp256r1_sha256",
      "rsa_pss_rsae_sha256",
      "rsa_pkcs1_sha1",
      "0xfe01",
    ]);
  });
});
