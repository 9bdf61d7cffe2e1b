import type { Policy } from "./types.ts";

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
    tickets: "off",
    alpn: [],
    dhParameters,
  };
}

/** What a profile means, by OpenSSL's names. Pure data: the same profile always gives an equal policy. */
export function policyFor(profile: "modern" | "intermediate"): Policy {
  const modern = profile === "modern";
  return {
    profile,
    minVersion: modern ? "TLSv1.3" : "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: modern ? [] : intermediateCiphers,
    ciphersuites,
    groups,
    signatureAlgorithms: modern ? signatureAlgorithms : [...signatureAlgorithms, ...olderSignatures],
    preference: "client",
    options: ["NO_COMPRESSION", "NO_RENEGOTIATION", "NO_TICKET"],
    tickets: "off",
    alpn: ["http/1.1"],
  };
}
