/** What kind of suite it is, by its IANA name and, where the registry has no name, by what the probe recorded. */
import type { SuiteSeen } from "../probe/index.ts";

export const isRc4 = (suite: SuiteSeen): boolean => /RC4/i.test(words(suite));
export const isExport = (suite: SuiteSeen): boolean => /EXPORT|DES40/i.test(words(suite));
/** A number that no registry names: nothing is known of its kind or strength. */
export const isUnregistered = (suite: SuiteSeen): boolean => suite.name.startsWith("unknown_");
export const isNull = (suite: SuiteSeen): boolean =>
  !isUnregistered(suite) && (/WITH_NULL/i.test(suite.name) || suite.bits === 0);
export const isAnonymous = (suite: SuiteSeen): boolean =>
  suite.keyExchange === "anon" || suite.authentication === "anon" || /_anon_/i.test(suite.name);
export const isTripleDes = (suite: SuiteSeen): boolean => /3DES/i.test(words(suite));
/** 64-bit blocks (SWEET32): DES, 3DES, IDEA, RC2, Blowfish, and GOST but for Kuznyechik. */
export const hasSmallBlocks = (suite: SuiteSeen): boolean =>
  /(^|[^A-Z])(3?DES|DES40|IDEA|RC2|BLOWFISH|28147|MAGMA)([^A-Z]|$)/i.test(words(suite));
/** CBC mode in the record protocol of SSL 3.0 to TLS 1.2: every block cipher that is no AEAD. */
export const isCbc = (suite: SuiteSeen): boolean =>
  !suite.aead && !isNull(suite) && !isRc4(suite) && !/CHACHA|CNT|CTR/i.test(words(suite));
/** The client sends the premaster secret under the server's RSA key. */
export const hasRsaKeyExchange = (suite: SuiteSeen): boolean =>
  suite.keyExchange === "RSA" || suite.name.startsWith("TLS_RSA_");
export const isFiniteFieldEphemeral = (suite: SuiteSeen): boolean =>
  suite.keyExchange === "DHE" || /_DHE?_anon_/i.test(suite.name);
/** The server's value is in its certificate, the same for every handshake. */
export const isStaticDh = (suite: SuiteSeen): boolean => suite.keyExchange === "DH";
/** Takes its key from a named group: ECDHE, and every TLS 1.3 suite. */
export const usesGroups = (suite: SuiteSeen): boolean => suite.keyExchange === "ECDHE" || suite.keyExchange === "any";

/** Bits that the rulebook scores: as recorded, except 3DES, which it scores by key length (the guide's table; shown as 112 elsewhere). */
export function scoredBits(suite: SuiteSeen, tripleDesBits: number): number {
  return isTripleDes(suite) ? tripleDesBits : suite.bits;
}

function words(suite: SuiteSeen): string {
  return `${suite.name} ${suite.encryption}`;
}
