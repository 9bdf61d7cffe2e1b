import { describe, expect, it } from "vitest";

import { suiteName, type Facts } from "../../tools/fleet/facts.ts";
import { recordedFacts } from "./recorded.ts";

/** What is known of these programs from elsewhere: OpenSSL's advisories, its source and documents, and captures made by hand. The recorded facts must say the same. */
const known: Readonly<Record<string, Facts>> = {
  // OpenSSL 1.0.1g: CVE-2014-0224 was mended in 1.0.1h, CVE-2016-2107 in 1.0.1t.
  "node-0.10.28": {
    SSLv2: true,
    SSLv3: true,
    "TLSv1.2": true,
    "TLSv1.3": false,
    "suites TLSv1.0": ids("2f 35 0a 05 04 09 41 84 96 07 01 02"),
    "suites TLSv1.2": ids("2f 35 0a 05 04 09 41 84 96 07 01 02 9c 9d 3c 3d 3b"),
    "flaw ccs-injection": true,
    "flaw lucky-minus-20": true,
    "flaw heartbleed": false,
  },
  "node-0.10.29": { SSLv2: true, "flaw ccs-injection": false, "flaw lucky-minus-20": true },
  "node-0.12.13": {
    SSLv2: false,
    "flaw ccs-injection": false,
    "flaw lucky-minus-20": true,
    "DH bits": ["1024"],
    groups: ["P-256"],
  },
  // OpenSSL 1.0.2q and newer.
  "node-6.16.0": { "flaw ccs-injection": false, "flaw lucky-minus-20": false },
  openssl: {
    "suites TLSv1.3": ids("1301 1302 1303"),
    "preference TLSv1.2": "client",
    "preference TLSv1.3": "client",
    "DH bits": ["2048"],
    downgradeSentinel: true,
    "flaw lucky-minus-20": false,
  },
  // Go 1.19: RFC 7627 came with 1.21; no session ids; the suites of TLS 1.3 in an order of its own.
  go: { extendedMasterSecret: false, "resumption sessionId": false, "resumption ticket": true, fallbackScsv: true },
  // rustls has no RSA key exchange, no CBC, no renegotiation and no TLS_FALLBACK_SCSV.
  rustls: { "suites TLSv1.2": ids("c02f c030 cca8"), clientRenegotiation: false, fallbackScsv: false },
  // JSSE: `openssl s_client -sigalgs` completes a handshake with each of these alone.
  java: {
    fallbackScsv: false,
    "signature schemes TLSv1.2": [
      "ecdsa_secp256r1_sha256",
      "rsa_pss_rsae_sha256",
      "rsa_pss_rsae_sha384",
      "rsa_pss_rsae_sha512",
      "rsa_pkcs1_sha256",
      "rsa_pkcs1_sha384",
      "rsa_pkcs1_sha512",
      "ecdsa_sha224",
      "rsa_pkcs1_sha224",
      "ecdsa_sha1",
      "rsa_pkcs1_sha1",
    ],
  },
  // OpenSSL 3.5: Node's list of groups is OpenSSL's.
  node: {
    "suites TLSv1.3": ids("1302 1303 1301"),
    groups: ["X25519MLKEM768", "X25519", "P-256", "X448", "P-384", "P-521", "ffdhe2048", "ffdhe3072"],
    "group order": "server",
    "preference TLSv1.2": "server",
  },
};

describe("the recorded facts", () => {
  it.each(Object.entries(known))("of %s are those that are known from elsewhere", (name, expected) => {
    const recorded = recordedFacts(name) ?? {};
    for (const [fact, value] of Object.entries(expected))
      expect([fact, sorted(recorded[fact], fact)]).toEqual([fact, sorted(value, fact)]);
  });
});

/** Suites of a server that follows the client have no order of their own. */
function sorted(value: Facts[string] | undefined, fact: string): unknown {
  return typeof value === "object" && fact.startsWith("suites TLSv1.") && !fact.endsWith("1.3")
    ? value.toSorted()
    : value;
}

function ids(list: string): string[] {
  return list.split(" ").map((id) => suiteName(Number.parseInt(id, 16)));
}
