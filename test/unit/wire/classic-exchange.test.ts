import {
  constants,
  createDiffieHellman,
  createDiffieHellmanGroup,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
} from "node:crypto";

import { describe, expect, it } from "vitest";

import { DecodeError, diffieHellmanExchange, hex, prfOf, rsaExchange, rsaBits } from "../../../src/wire/index.ts";

const random = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 37) % 256);
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

describe("the PRF", () => {
  it("of TLS 1.0 gives the known answer", () => {
    const output = prfOf(0x0301, "sha256").derive(new Uint8Array(48).fill(0xab), {
      label: "PRF Testvector",
      seed: new Uint8Array(64).fill(0xcd),
      length: 104,
    });
    expect(hex(output)).toMatch(/^d3d4d1e349b5d515044666d51de32bab258cb521b6b053463e354832fd976754/);
    expect(output).toHaveLength(104);
  });

  it("digests a transcript with MD5 and SHA-1 up to TLS 1.1, with the suite's hash after", () => {
    const nothing = new Uint8Array(0);
    expect(hex(prfOf(0x0302, "sha384").transcriptDigest(nothing))).toBe(
      "d41d8cd98f00b204e9800998ecf8427eda39a3ee5e6b4b0d3255bfef95601890afd80709",
    );
    expect(prfOf(0x0303, "sha384").transcriptDigest(nothing)).toHaveLength(48);
  });
});

describe("finite-field Diffie-Hellman", () => {
  it("agrees with the other side, zeros at the front left out", () => {
    const group = createDiffieHellmanGroup("modp14");
    const [prime, generator] = [new Uint8Array(group.getPrime()), new Uint8Array(group.getGenerator())];
    const server = createDiffieHellman(Buffer.from(prime), Buffer.from(generator));
    const publicValue = new Uint8Array(server.generateKeys());
    const ours = diffieHellmanExchange({ prime, generator, publicValue }, random);
    const theirs = new Uint8Array(server.computeSecret(Buffer.from(ours.publicValue)));
    expect(hex(ours.premaster)).toBe(hex(theirs).replace(/^(00)+/, ""));
  });

  it.each([
    [
      "a prime of 8200 bits",
      { prime: new Uint8Array(1025).fill(0xff), generator: Uint8Array.of(2), publicValue: Uint8Array.of(5) },
    ],
    ["a prime of no bits", { prime: new Uint8Array(8), generator: Uint8Array.of(2), publicValue: Uint8Array.of(5) }],
    [
      "a public value of zero",
      { prime: fromHex("ff".repeat(128)), generator: Uint8Array.of(2), publicValue: new Uint8Array(1) },
    ],
    ["nothing at all", { prime: new Uint8Array(0), generator: new Uint8Array(0), publicValue: new Uint8Array(0) }],
  ])("refuses %s", (_name, server) => {
    expect(() => diffieHellmanExchange(server, random)).toThrow(DecodeError);
  });
});

describe("RSA key transport", () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });

  it("sends a secret with the version of the hello, padded as PKCS #1 has it", () => {
    const { publicValue, premaster } = rsaExchange(publicKey, { helloVersion: 0x0302, random });
    const block = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, publicValue);
    expect(premaster).toHaveLength(48);
    expect(hex(premaster.subarray(0, 2))).toBe("0302");
    expect(hex(new Uint8Array(block))).toBe(`0002${hex(new Uint8Array(block.subarray(2, 79)))}00${hex(premaster)}`);
    expect(block.subarray(2, 79).includes(0)).toBe(false);
  });

  it("refuses keys that are not RSA, or too small", () => {
    const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    expect(() => rsaBits(elliptic)).toThrow("the certificate has no RSA key");
    expect(rsaBits(publicKey)).toBe(1024);
    const n = Buffer.alloc(58, 0xff).toString("base64url");
    const small = createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" });
    expect(() => rsaExchange(small, { helloVersion: 0x0303, random })).toThrow("an RSA key of 464 bits");
  });
});
