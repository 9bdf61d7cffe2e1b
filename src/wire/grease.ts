import { concat, uint, vector } from "./bytes.ts";
import type { Extension } from "./extensions.ts";
import type { Random } from "./key-share.ts";
import { extensionTypes } from "./names.ts";

/** One of the values that are reserved to keep servers tolerant (RFC 8701, 2), by its number from 0 to 15. */
export function greaseValue(number: number): number {
  return ((number & 0xf) * 0x10 + 0xa) * 0x101;
}

/** An encrypted_client_hello that looks like a real one and is none (RFC 9849, 6.2): a server with ECH answers with its configurations. */
export function greaseEncryptedHello(
  of: { hash: number; aead: number; encapsulatedLength: number; payloadLength: number },
  random: Random,
): Extension {
  const data = concat(
    uint(1, 0),
    uint(2, of.hash),
    uint(2, of.aead),
    random(1),
    vector(2, random(of.encapsulatedLength)),
    vector(2, random(of.payloadLength)),
  );
  return { type: extensionTypes.encryptedClientHello, data };
}
