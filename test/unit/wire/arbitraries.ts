import fc from "fast-check";

import type { ClientHello, Extension, ServerHello } from "../../../src/wire/index.ts";

/** Byte strings up to a length. */
export function bytes(maxLength: number, minLength = 0): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength }).map((value) => Uint8Array.from(value));
}

export const uint16: fc.Arbitrary<number> = fc.nat(0xffff);

/** Extension lists without a type that occurs twice. */
export const extensions: fc.Arbitrary<Extension[]> = fc.uniqueArray(fc.record({ type: uint16, data: bytes(40) }), {
  maxLength: 12,
  selector: ({ type }) => type,
});

export const clientHellos: fc.Arbitrary<ClientHello> = fc.record({
  version: uint16,
  random: bytes(32, 32),
  sessionId: bytes(32),
  cipherSuites: fc.array(uint16, { maxLength: 200 }),
  compressionMethods: fc.array(fc.nat(255), { maxLength: 4 }),
  extensions: fc.option(extensions),
});

export const serverHellos: fc.Arbitrary<ServerHello> = fc.record({
  version: uint16,
  random: bytes(32, 32),
  sessionId: bytes(32),
  cipherSuite: uint16,
  compressionMethod: fc.nat(255),
  extensions: fc.option(extensions),
});
