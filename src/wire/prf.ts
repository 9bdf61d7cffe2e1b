import { createHash, createHmac } from "node:crypto";

import { ascii, concat } from "./bytes.ts";
import { digest, prf12, type HashName } from "./key-schedule.ts";
import { versions } from "./names.ts";

/** The pseudorandom function of a version up to TLS 1.2, and the digest of a transcript that goes with it. */
export interface Prf {
  derive(secret: Uint8Array, of: { label: string; seed: Uint8Array; length: number }): Uint8Array;
  transcriptDigest(transcript: Uint8Array): Uint8Array;
}

/** The PRF of TLS 1.2 with the suite's hash (RFC 5246, 5), or the one of TLS 1.0 and 1.1 (RFC 2246, 5). */
export function prfOf(version: number, hash: HashName): Prf {
  if (version >= versions["TLSv1.2"])
    return {
      derive: (secret, of) => prf12(hash, secret, of),
      transcriptDigest: (transcript) => digest(hash, transcript),
    };
  return {
    derive: prf10,
    transcriptDigest: (transcript) =>
      concat(createHash("md5").update(transcript).digest(), createHash("sha1").update(transcript).digest()),
  };
}

/** Both halves of the secret, which share a byte where its length is odd, each through its own hash, mixed. */
function prf10(secret: Uint8Array, of: { label: string; seed: Uint8Array; length: number }): Uint8Array {
  const half = Math.ceil(secret.length / 2);
  const seed = concat(ascii(of.label), of.seed);
  const one = expand("md5", secret.subarray(0, half), { seed, length: of.length });
  const other = expand("sha1", secret.subarray(secret.length - half), { seed, length: of.length });
  return one.map((byte, index) => byte ^ (other[index] ?? 0));
}

function expand(hash: "md5" | "sha1", secret: Uint8Array, of: { seed: Uint8Array; length: number }): Uint8Array {
  const hmac = (...parts: readonly Uint8Array[]): Uint8Array =>
    createHmac(hash, secret)
      .update(concat(...parts))
      .digest();
  const blocks: Uint8Array[] = [];
  let chained = of.seed;
  for (let length = 0; length < of.length; length += hash === "md5" ? 16 : 20) {
    chained = hmac(chained);
    blocks.push(hmac(chained, of.seed));
  }
  return concat(...blocks).subarray(0, of.length);
}
