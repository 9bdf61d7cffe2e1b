import type { Dhe, Policy, PolicyChoices, Profile } from "./types.ts";

/** Mozilla Server Side TLS, guideline 6.0 (2026-04-06): groups and suites of both profiles, in its order. */
const groups = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"];
const ciphersuites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const intermediateCiphers = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

const signatureAlgorithms = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
];
/** For clients of TLS 1.2 that do not know RSASSA-PSS; TLS 1.3 has no use for them (RFC 8446, section 4.2.3). */
const olderSignatures = ["rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"];

/** Crossbar's server of October 2013: RSA certificates, AES of 128 bits, server's order. */
const classicCiphers = [
  "ECDHE-RSA-AES128-GCM-SHA256",
  "DHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-SHA256",
  "DHE-RSA-AES128-SHA256",
  "ECDHE-RSA-AES128-SHA",
  "DHE-RSA-AES128-SHA",
];
const classicOptions = [
  "NO_SSLv2",
  "NO_SSLv3",
  "NO_COMPRESSION",
  "SINGLE_DH_USE",
  "SINGLE_ECDH_USE",
  "DONT_INSERT_EMPTY_FRAGMENTS",
  "NO_SESSION_RESUMPTION_ON_RENEGOTIATION",
  "NO_TICKET",
];

/** The policy of 2013, with one curve and the parameters of a PEM file. For reproduction only. */
export function classicPolicy({
  curve,
  dhParameters,
}: {
  readonly curve: string;
  readonly dhParameters: string;
}): Policy {
  return {
    profile: "classic-2013",
    minVersion: "TLSv1.0",
    maxVersion: "TLSv1.2",
    ciphers: classicCiphers,
    ciphersuites: [],
    groups: [curve],
    signatureAlgorithms: [],
    preference: "server",
    options: classicOptions,
    tickets: null,
    alpn: [],
    dhe: { parameters: dhParameters },
  };
}

/** What older clients of TLS 1.2 have, behind the suites of today: forward secret, and without AEAD. */
const olderCiphers = [
  "ECDHE-ECDSA-AES128-SHA256",
  "ECDHE-RSA-AES128-SHA256",
  "ECDHE-ECDSA-AES256-SHA384",
  "ECDHE-RSA-AES256-SHA384",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
];

type Terms = Pick<Policy, "minVersion" | "ciphers" | "ciphersuites" | "groups" | "signatureAlgorithms">;

const terms: Readonly<Record<Profile, Terms>> = {
  modern: { minVersion: "TLSv1.3", ciphers: [], ciphersuites, groups, signatureAlgorithms },
  intermediate: {
    minVersion: "TLSv1.2",
    ciphers: intermediateCiphers,
    ciphersuites,
    groups,
    signatureAlgorithms: [...signatureAlgorithms, ...olderSignatures],
  },
  compatible: {
    minVersion: "TLSv1.2",
    ciphers: [...intermediateCiphers, ...olderCiphers],
    ciphersuites,
    groups: [...groups, "secp521r1"],
    signatureAlgorithms: [...signatureAlgorithms, ...olderSignatures],
  },
  // SSL Labs gives 100 for 256-bit suites alone, and for keys and groups as strong as RSA of 4096 bits (rating guide 2009r, "Key Exchange", "Cipher Strength").
  "ssllabs-100": {
    minVersion: "TLSv1.2",
    ciphers: intermediateCiphers.filter((name) => !name.includes("AES128")),
    ciphersuites: ciphersuites.filter((name) => !name.includes("AES_128")),
    groups: ["secp384r1", "secp521r1"],
    signatureAlgorithms: [...signatureAlgorithms, ...olderSignatures].filter((name) => !name.includes("256")),
  },
};

/** DHE suites of TLS 1.2, by the strength of their cipher as ECDHE's. */
const dheCiphers = ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"];

const noChoices: PolicyChoices = { dhe: null, tickets: null };

/** What a profile and a site's choices mean, by OpenSSL's names. Pure data: equal arguments always give an equal policy. */
export function policyFor(profile: Profile, { dhe, tickets }: PolicyChoices = noChoices): Policy {
  const { ciphers, ...rest } = terms[profile];
  const added = dheCiphers.filter((name) => profile !== "ssllabs-100" || !name.includes("AES128"));
  return {
    profile,
    maxVersion: "TLSv1.3",
    ...rest,
    ciphers: dhe === null ? ciphers : [...ciphers, ...added],
    preference: "client",
    options: ["NO_COMPRESSION", "NO_RENEGOTIATION", ...(tickets === null ? ["NO_TICKET"] : [])],
    tickets,
    alpn: ["http/1.1"],
    dhe,
  };
}

/** What a profile gives up: a rulebook, and why. Nothing for those that all three are content with. */
export interface Loss {
  /** `AAA`, a rulebook, or a standard. */
  readonly of: string;
  readonly why: string;
}

const losses: Readonly<Record<Profile, readonly Loss[]>> = {
  modern: [],
  intermediate: [],
  compatible: [
    { of: "AAA", why: "two of its three rulebooks are lost" },
    { of: "mozilla-6.0", why: "CBC suites and P-521 are beyond intermediate" },
    { of: "ncsc-nl-2025", why: "CBC suites are to be phased out" },
  ],
  "ssllabs-100": [
    { of: "AAA", why: "no post-quantum hybrid group is offered: none counts as 100" },
    { of: "mozilla-6.0", why: "P-521 is beyond intermediate" },
    { of: "RFC 8446, section 9.1", why: "TLS_AES_128_GCM_SHA256, which every server must have, is left out" },
    { of: "speed", why: "P-384 takes about three times the CPU of X25519 and P-256 for a handshake" },
  ],
};

/** As `src/grade` judges it: a published group of 3072 bits or more is at the level `phase-out`, the rest is insufficient. */
function dheLosses(dhe: Dhe): readonly Loss[] {
  const group = "group" in dhe ? dhe.group : "Diffie-Hellman of a group of one's own";
  const ncsc = group === "ffdhe3072" ? `${group} is to be phased out` : `${group} is insufficient`;
  return [
    { of: "AAA", why: "two of its three rulebooks are lost to finite-field Diffie-Hellman" },
    { of: "mozilla-6.0", why: "DHE suites are beyond intermediate" },
    { of: "ncsc-nl-2025", why: ncsc },
  ];
}

/** What a profile and a site's choices lose, to be said before it is served. */
export function lossesOf(profile: Profile, { dhe }: Pick<PolicyChoices, "dhe"> = noChoices): readonly Loss[] {
  return [...losses[profile], ...(dhe === null ? [] : dheLosses(dhe))];
}
