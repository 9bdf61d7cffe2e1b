/**
 * NCSC-NL's "IT Security Guidelines for Transport Layer Security", edition of 2025, as data: which level each choice has. Suites, groups and
 * keys follow the guideline's appendix B and chapter 3 as Internet.nl applies them. Of two points the edition's own words were not at hand,
 * and the stricter reading is taken, which never passes what it may not: a server without extended master secret, and one that lets clients
 * renegotiate (a limit of ten would be sufficient; that there is one cannot be seen), are to be phased out.
 */

export const ncscNl2025 = {
  id: "ncsc-nl-2025",
  title: "NCSC-NL IT Security Guidelines for TLS 2025",
  publisher: "National Cyber Security Centre of the Netherlands",
  date: "2025-05",
  reference: "https://english.ncsc.nl: IT Security Guidelines for Transport Layer Security (TLS), 2025-05",
} as const;

/** Best first. */
export const levelNames = ["good", "sufficient", "phase-out", "insufficient"] as const;
export type NcscLevel = (typeof levelNames)[number];

/** Patterns over names with the level that each gives; the first that matches counts, and what none matches is insufficient. */
export type LevelTable = readonly (readonly [RegExp, NcscLevel])[];

export const protocolLevels: LevelTable = [
  [/^TLSv1\.3$/, "good"],
  [/^TLSv1\.2$/, "sufficient"],
];

/** IANA names. */
export const suiteLevels: LevelTable = [
  [/^TLS_(AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)$/, "good"],
  [/^TLS_AES_128_(GCM|CCM)_SHA256$/, "sufficient"],
  [/^TLS_ECDHE_(ECDSA|RSA)_WITH_(CHACHA20_POLY1305_SHA256|AES_256_GCM_SHA384|AES_128_GCM_SHA256)$/, "sufficient"],
  [/^TLS_ECDHE_(ECDSA|RSA)_WITH_AES_(128|256)_CCM$/, "sufficient"],
  [/^TLS_ECDHE_(ECDSA|RSA)_WITH_(AES|CAMELLIA|ARIA)_(128_CBC_SHA256|256_CBC_SHA384)$/, "phase-out"],
  [/^TLS_ECDHE_(ECDSA|RSA)_WITH_(CAMELLIA|ARIA)_(128_GCM_SHA256|256_GCM_SHA384)$/, "phase-out"],
  [/^TLS_DHE_RSA_WITH_(AES|CAMELLIA|ARIA)_(128_GCM_SHA256|256_GCM_SHA384|128_CBC_SHA256)$/, "phase-out"],
  [/^TLS_DHE_RSA_WITH_((AES|CAMELLIA)_256_CBC_SHA256|ARIA_256_CBC_SHA384)$/, "phase-out"],
  [/^TLS_DHE_RSA_WITH_(CHACHA20_POLY1305_SHA256|AES_(128|256)_CCM)$/, "phase-out"],
];

/** Hybrids are rated by their classical part, which is all that the guideline rates. */
export const groupLevels: LevelTable = [
  [/^(P-(256|384|521)|X25519|X448|brainpoolP(256|384|512)r1(tls13)?)$/, "good"],
  [/^(X25519MLKEM768|SecP256r1MLKEM768|SecP384r1MLKEM1024)$/, "good"],
  [/^(P-224|ffdhe(3072|4096|6144|8192))$/, "phase-out"],
];
/** Groups that the guideline does not rate at all. */
export const unratedGroups = /^MLKEM(512|768|1024)$/;

/** Published groups of finite fields by the names that probes give them. */
export const dhLevels: LevelTable = [[/^ffdhe(3072|4096|6144|8192)$/, "phase-out"]];

export const curveLevels: LevelTable = [
  [/^(prime256v1|secp384r1|secp521r1|P-(256|384|521)|brainpoolP(256|384|512)r1)$/, "good"],
  [/^(secp224r1|P-224)$/, "phase-out"],
];

/** Bits of an RSA key, from which on a level holds. */
export const rsaLevels: readonly (readonly [number, NcscLevel])[] = [
  [3072, "good"],
  [2048, "phase-out"],
];

/** Signatures of certificates. */
export const certificateSignatureLevels: LevelTable = [[/sha-?(256|384|512)|^Ed(25519|448)$/i, "sufficient"]];

/** What is signed during key exchange. */
export const signatureSchemeLevels: LevelTable = [
  [/sha-?1(?!\d)|md5/i, "insufficient"],
  [/sha-?224/i, "phase-out"],
  [/./, "good"],
];
