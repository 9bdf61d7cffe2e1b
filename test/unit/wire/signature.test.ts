import { constants, generateKeyPairSync, randomBytes, sign } from "node:crypto";

import { describe, expect, it } from "vitest";

import { verifiesHandshake13 } from "../../../src/wire/index.ts";

describe("a server's signature over the handshake", () => {
  const hash = new Uint8Array(32).fill(4);
  const content = Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from("TLS 1.3, server CertificateVerify\0"), hash]);

  it.each([
    ["ECDSA", 0x0403, generateKeyPairSync("ec", { namedCurve: "P-256" }), "sha256", {}],
    [
      "RSA-PSS",
      0x0804,
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      "sha256",
      { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    ],
    ["Ed25519", 0x0807, generateKeyPairSync("ed25519"), null, {}],
  ])("is checked: %s", (_name, scheme, { privateKey, publicKey }, algorithm, padding) => {
    const signature = new Uint8Array(sign(algorithm, content, { key: privateKey, ...padding }));
    expect(verifiesHandshake13({ scheme, signature }, publicKey, hash)).toBe(true);
    expect(verifiesHandshake13({ scheme, signature }, publicKey, randomBytes(32))).toBe(false);
    expect(verifiesHandshake13({ scheme: 0x0503, signature }, publicKey, hash)).toBe(false);
    expect(verifiesHandshake13({ scheme: 0x0999, signature }, publicKey, hash)).toBeNull();
  });
});
