import { concat, contentTypes, type CbcProtection, type Random } from "../../wire/index.ts";

/** Records that no sound server can tell apart, and none may take. */
export const cbcVectors = ["wrong MAC", "wrong padding", "both wrong", "no room", "empty", "letters"] as const;
export type CbcVector = (typeof cbcVectors)[number];

/**
 * The plaintext of a malformed application data record, whole blocks. `request` is cut to what a block asks for by `fit`.
 * - `wrong MAC`: content and MAC, then a block that ends in 00: a padding of one byte, so that the MAC is looked for in the wrong place.
 * - `wrong padding`: content and its MAC, then padding of which only the length is right.
 * - `both wrong`: the same with a MAC that is wrong too.
 * - `no room`: every byte is the length of the padding, which leaves none for a MAC.
 * - `empty`: no content, a wrong MAC, sound padding.
 * - `letters`: nothing but `A`, as long as a MAC and a byte of padding ask for: 32 with SHA-1 (CVE-2016-2107).
 */
export function cbcPlaintext(
  form: CbcVector,
  of: { sealing: CbcProtection; request: Uint8Array; random: Random },
): Uint8Array {
  const { blockLength, macLength } = of.sealing.cbc;
  const padding = Uint8Array.from({ length: blockLength }, (_, index) => index);
  switch (form) {
    case "wrong MAC": {
      padding[blockLength - 1] = 0;
      return concat(of.request, of.sealing.nextMac(contentTypes.applicationData, of.request), padding);
    }
    case "wrong padding":
      return concat(of.request, of.sealing.nextMac(contentTypes.applicationData, of.request), padding);
    case "both wrong":
      return concat(of.request, of.random(macLength), padding);
    case "no room": {
      const size = 5 * blockLength;
      return new Uint8Array(size).fill(size - 1);
    }
    case "empty": {
      const size = blockLength - (macLength % blockLength);
      return concat(of.random(macLength), new Uint8Array(size).fill(size - 1));
    }
    case "letters":
      return new Uint8Array(Math.ceil((macLength + 1) / blockLength) * blockLength).fill(0x41);
  }
}

/** A text lengthened in its last header so that it and a MAC fill whole blocks. */
export function fit(text: string, { blockLength, macLength }: { blockLength: number; macLength: number }): string {
  const missing = (blockLength - ((text.length + macLength) % blockLength)) % blockLength;
  return text.replace(/\r\n\r\n$/, `${"a".repeat(missing)}\r\n\r\n`);
}
