/**
 * The reference browsers. SSL Labs has its own and publishes which they are, not what they offer; these are browsers of the time of this
 * rulebook, as public recordings of their hellos have them. `before13` stands for the references that lack TLS 1.3.
 */
import type { ClientProfile } from "./types.ts";

const signatures = `captured hellos kept by curl-impersonate (lexiforest), file`;
const modernPair = ["TLSv1.2", "TLSv1.3"] as const;
const h2 = ["h2", "http/1.1"];

const tls13 = { aes128: 0x1301, aes256: 0x1302, chacha: 0x1303 } as const;
/** Of Firefox and what is made from it. */
const nssSuites = [
  tls13.aes128,
  tls13.chacha,
  tls13.aes256,
  0xc02b,
  0xc02f,
  0xcca9,
  0xcca8,
  0xc02c,
  0xc030,
  0xc00a,
  0xc009,
  0xc013,
  0xc014,
  0x009c,
  0x009d,
  0x002f,
  0x0035,
];

const nssGroups = ["P-256", "P-384", "P-521", "ffdhe2048", "ffdhe3072"];
const nssSchemes = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
  "ecdsa_sha1",
  "rsa_pkcs1_sha1",
];
const appleSuites = [
  0xc02c, 0xc02b, 0xcca9, 0xc030, 0xc02f, 0xcca8, 0xc00a, 0xc009, 0xc014, 0xc013, 0x009d, 0x009c, 0x0035, 0x002f,
  0xc008, 0xc012, 0x000a,
];
const appleSchemes = [
  "ecdsa_secp256r1_sha256",
  "rsa_pss_rsae_sha256",
  "rsa_pkcs1_sha256",
  "ecdsa_secp384r1_sha384",
  "rsa_pss_rsae_sha384",
  "rsa_pkcs1_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha512",
  "rsa_pkcs1_sha1",
];

export const currentBrowsers: readonly ClientProfile[] = [
  {
    id: "chrome-150-macos",
    name: "Chrome 150, macOS",
    date: "2026-08-08",
    source: `${signatures} chrome_150.0.7871.127_macOS`,
    protocols: modernPair,
    suites: [
      tls13.aes128,
      tls13.aes256,
      tls13.chacha,
      0xc02b,
      0xc02f,
      0xc02c,
      0xc030,
      0xcca9,
      0xcca8,
      0xc013,
      0xc014,
      0x009c,
      0x009d,
      0x002f,
      0x0035,
    ],
    groups: ["X25519MLKEM768", "X25519", "P-256", "P-384"],
    signatureSchemes: [
      "mldsa44",
      "mldsa65",
      "mldsa87",
      "ecdsa_secp256r1_sha256",
      "rsa_pss_rsae_sha256",
      "rsa_pkcs1_sha256",

      "ecdsa_secp384r1_sha384",
      "rsa_pss_rsae_sha384",
      "rsa_pkcs1_sha384",
      "rsa_pss_rsae_sha512",
      "rsa_pkcs1_sha512",
    ],
    alpn: h2,
  },
  {
    id: "firefox-147-macos",
    name: "Firefox 147, macOS",
    date: "2026-02-22",
    source: `${signatures} curl_firefox147`,
    protocols: modernPair,
    suites: nssSuites,
    groups: ["X25519MLKEM768", "X25519", ...nssGroups],
    signatureSchemes: nssSchemes,
    alpn: h2,
  },
  {
    id: "safari-26.0.1-macos",
    name: "Safari 26.0.1, macOS",
    date: "2025-11-27",
    source: `${signatures} curl_safari2601`,
    protocols: modernPair,
    suites: [tls13.aes256, tls13.chacha, tls13.aes128, ...appleSuites],
    groups: ["X25519MLKEM768", "X25519", "P-256", "P-384", "P-521"],
    signatureSchemes: appleSchemes,
    alpn: h2,
  },
  {
    id: "safari-26.0-ios",
    name: "Safari 26.0, iOS",
    date: "2025-06-30",
    source: `${signatures} safari_26.0_iOS`,
    protocols: modernPair,
    suites: [tls13.aes128, tls13.aes256, tls13.chacha, ...appleSuites],
    groups: ["X25519", "P-256", "P-384", "P-521"],
    signatureSchemes: appleSchemes,
    alpn: h2,
  },
  {
    id: "tor-browser-14.5-macos",
    name: "Tor Browser 14.5 (Firefox 128 ESR), macOS",
    date: "2025-04-21",
    source: `${signatures} tor_14.5_macOS`,
    protocols: modernPair,
    suites: nssSuites,
    groups: ["X25519", ...nssGroups],
    signatureSchemes: nssSchemes,
    alpn: h2,
  },
];

/** From before RC4 and SSL 3.0 were taken out of browsers: what is still negotiated where the server lets it. */
export const before13: readonly ClientProfile[] = [
  {
    id: "firefox-31.3.0-esr",
    name: "Firefox 31.3.0 ESR, Windows 7",
    date: "2014-12-01",
    source: "SSL Labs' client list, as tlsfuzzer's conversations repeat it",
    protocols: ["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"],
    suites: [
      0xc02b, 0xc02f, 0xc00a, 0xc009, 0xc013, 0xc014, 0xc012, 0xc007, 0xc011, 0x0033, 0x0032, 0x0045, 0x0039, 0x0038,
      0x0088, 0x0016, 0x002f, 0x0041, 0x0035, 0x0084, 0x000a, 0x0005, 0x0004,
    ],
    groups: ["P-256", "P-384", "P-521"],
    signatureSchemes: [
      "rsa_pkcs1_sha256",
      "rsa_pkcs1_sha384",
      "rsa_pkcs1_sha1",
      "ecdsa_secp256r1_sha256",
      "ecdsa_secp384r1_sha384",
      "ecdsa_sha1",
      "dsa_sha256",
      "dsa_sha1",
    ],
    alpn: [],
  },
];
