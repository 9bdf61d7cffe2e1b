/** Mozilla's "Server Side TLS", guideline 6.0, as data. Names are IANA's; curves by all the names that observations may carry. */

export const mozilla60 = {
  id: "mozilla-6.0",
  title: "Mozilla Server Side TLS 6.0",
  publisher: "Mozilla",
  date: "2026-04-06",
  reference: "https://ssl-config.mozilla.org/guidelines/6.0.json",
} as const;

export interface MozillaProfile {
  readonly id: "modern" | "intermediate";
  readonly protocols: readonly string[];
  readonly suites: readonly string[];
  readonly groups: readonly string[];
  readonly certificateCurves: readonly string[];
  /** Least bits of an RSA certificate key; null where the profile wants none of that type. */
  readonly rsaBits: number | null;
  /** Patterns, since libraries spell the names of signatures differently. */
  readonly certificateSignatures: readonly RegExp[];
  readonly certificateDays: number;
  /** Seconds. */
  readonly hsts: number;
  readonly stapling: boolean;
}

const tls13Suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const groups = ["X25519MLKEM768", "X25519", "P-256", "P-384"];
const certificateCurves = ["prime256v1", "P-256", "secp384r1", "P-384"];
const ecdsa = /^ecdsa-?with-?SHA(256|384|512)$/i;

/** The strictest first: what complies with one complies with those behind it. */
export const profiles: readonly MozillaProfile[] = [
  {
    id: "modern",
    protocols: ["TLSv1.3"],
    suites: tls13Suites,
    groups,
    certificateCurves,
    rsaBits: null,
    certificateSignatures: [ecdsa],
    certificateDays: 90,
    hsts: 63_072_000,
    stapling: true,
  },
  {
    id: "intermediate",
    protocols: ["TLSv1.2", "TLSv1.3"],
    suites: [
      ...tls13Suites,
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ],
    groups,
    certificateCurves,
    rsaBits: 2048,
    certificateSignatures: [ecdsa, /^sha256WithRSAEncryption$/i],
    certificateDays: 366,
    hsts: 63_072_000,
    stapling: true,
  },
];
