/**
 * The rules of SSL Labs' 2009r that observations can decide, in the order in which a report shows them. No rule is coded here: each names its
 * check (`ssllabs/checks`) and the observations that the check needs. Where only the engine or an announcement tells, `reference` says so.
 * Struck rules (BEAST, TLS_FALLBACK_SCSV) are left out.
 */
import type { CheckName } from "../ssllabs/checks.ts";
import type { ObservationName } from "../types.ts";
import { longHsts } from "./ssllabs-2009r.ts";
import { flawRules } from "./ssllabs-2009r-flaws.ts";

/** What a rule that fails does. `warning` makes A an A-; `no A+` keeps A at A; T and M replace the letter. */
export type Effect = "F" | "C" | "B" | "T" | "M" | "warning" | "no A+";

export interface RuleData {
  /** Stable; the id of its finding. */
  readonly id: string;
  /** Edition, or date of the engine, that brought the effect in force. */
  readonly since: string;
  readonly effects: readonly Effect[];
  /** With none of them observed, the rule's outcome is unknown; nothing else changes it. */
  readonly needs: readonly ObservationName[];
  readonly check: CheckName;
  readonly reference: string;
  readonly fix: string;
}

const guide = (edition: string, topic: string): string => `SSL Server Rating Guide ${edition}: ${topic}`;
const engine = (when: string, topic: string): string => `SSL Labs, announced change of ${when}: ${topic}`;

export const rules: readonly RuleData[] = [
  {
    id: "ssllabs.certificate.name",
    since: "2009",
    effects: ["M"],
    needs: ["certificates"],
    check: "nameMismatch",
    reference: guide("2009", "certificate inspection, name mismatch"),
    fix: "Serve a certificate whose names include the one that clients ask for",
  },
  {
    id: "ssllabs.certificate.validity",
    since: "2009",
    effects: ["T"],
    needs: ["certificates"],
    check: "notValidNow",
    reference: guide("2009", "certificate inspection, dates"),
    fix: "Renew the certificate, and check the server's clock",
  },
  {
    id: "ssllabs.certificate.trust",
    since: "2009",
    effects: ["T"],
    needs: ["certificates"],
    check: "untrusted",
    reference: guide("2009", "certificate inspection, trust"),
    fix: "Use a certificate of a public authority, or have the clients trust the local one",
  },
  {
    id: "ssllabs.certificate.md5",
    since: "2009e",
    effects: ["F"],
    needs: ["certificates"],
    check: "md5Signature",
    reference: guide("2009e", "MD2 and MD5 certificate signatures"),
    fix: "Replace the certificate by one that is signed with SHA-256 or better",
  },
  {
    id: "ssllabs.certificate.sha1",
    since: "2017-01",
    effects: ["T", "no A+"],
    needs: ["certificates"],
    check: "sha1Signature",
    reference: `${guide("2009f", "SHA-1 certificates")}; not trusted since 2017, as in browsers`,
    fix: "Replace the certificate by one that is signed with SHA-256 or better",
  },
  {
    id: "ssllabs.certificate.key-insecure",
    since: "2009e",
    effects: ["F"],
    needs: ["certificates"],
    check: "keyBelow1024",
    reference: guide("2009e", "keys below 1024 bits"),
    fix: "Make a new key: ECDSA P-256, or RSA of 2048 bits or more",
  },
  {
    id: "ssllabs.certificate.key-weak",
    since: "2009e",
    effects: ["B"],
    needs: ["certificates"],
    check: "keyBelow2048",
    reference: guide("2009e", "keys below 2048 bits"),
    fix: "Make a new key: ECDSA P-256, or RSA of 2048 bits or more",
  },
  {
    id: "ssllabs.certificate.exponent",
    since: "2009l",
    effects: ["F"],
    needs: ["certificates"],
    check: "exponentOne",
    reference: guide("2009l", "RSA keys with public exponent 1"),
    fix: "Make a new RSA key with the exponent 65537",
  },
  {
    id: "ssllabs.certificate.chain-incomplete",
    since: "2009i",
    effects: ["B"],
    needs: ["certificates"],
    check: "chainIncomplete",
    reference: guide("2009i", "incomplete certificate chains"),
    fix: "Send the intermediate certificates after the server's own",
  },
  {
    id: "ssllabs.protocol.ssl2",
    since: "2009c",
    effects: ["F"],
    needs: ["protocols"],
    check: "ssl2",
    reference: guide("2009c, 2009l", "SSL 2.0, also with all its suites turned off"),
    fix: "Turn SSL 2.0 off",
  },
  {
    id: "ssllabs.protocol.ssl3-best",
    since: "2009i",
    effects: ["F"],
    needs: ["protocols"],
    check: "ssl3Best",
    reference: guide("2009i", "SSL 3.0 as the best protocol"),
    fix: "Turn on TLS 1.2 and TLS 1.3, and turn SSL 3.0 off",
  },
  {
    id: "ssllabs.protocol.ssl3",
    since: "2009h",
    effects: ["B"],
    needs: ["protocols"],
    check: "ssl3",
    reference: guide("2009h", "SSL 3.0"),
    fix: "Turn SSL 3.0 off",
  },
  {
    id: "ssllabs.protocol.poodle",
    since: "2009g",
    effects: ["C"],
    needs: ["protocols", "cipherSuites"],
    check: "poodle",
    reference: `${guide("2009g", "POODLE")}; CVE-2014-3566`,
    fix: "Turn SSL 3.0 off",
  },
  {
    id: "ssllabs.protocol.tls10",
    since: "2009q",
    effects: ["B"],
    needs: ["protocols"],
    check: "tls10",
    reference: guide("2009q", "TLS 1.0 and TLS 1.1"),
    fix: "Turn TLS 1.0 off",
  },
  {
    id: "ssllabs.protocol.tls11",
    since: "2009q",
    effects: ["B"],
    needs: ["protocols"],
    check: "tls11",
    reference: guide("2009q", "TLS 1.0 and TLS 1.1"),
    fix: "Turn TLS 1.1 off",
  },
  {
    id: "ssllabs.protocol.tls12-missing",
    since: "2009j",
    effects: ["C"],
    needs: ["protocols"],
    check: "tls12Missing",
    reference: guide("2009j", "TLS 1.2; a server of TLS 1.3 alone is not meant"),
    fix: "Turn on TLS 1.2 and TLS 1.3",
  },
  {
    id: "ssllabs.protocol.tls13-missing",
    since: "2009r",
    effects: ["warning"],
    needs: ["protocols"],
    check: "tls13Missing",
    reference: guide("2009r", "TLS 1.3"),
    fix: "Turn on TLS 1.3",
  },
  {
    id: "ssllabs.protocol.compression",
    since: "2009j",
    effects: ["C"],
    needs: ["protocols", "compression"],
    check: "compression",
    reference: `${guide("2009j", "TLS compression")}; CVE-2012-4929`,
    fix: "Turn TLS compression off",
  },
  {
    id: "ssllabs.protocol.secure-renegotiation",
    since: "2009e",
    effects: ["warning"],
    needs: ["protocols", "secureRenegotiation"],
    check: "noSecureRenegotiation",
    reference: `${guide("2009e", "secure renegotiation")}; RFC 5746`,
    fix: "Use a TLS library that answers renegotiation_info (RFC 5746)",
  },
  {
    id: "ssllabs.key-exchange.dh-insecure",
    since: "2009j",
    effects: ["F"],
    needs: ["protocols", "cipherSuites"],
    check: "dhBelow1024",
    reference: `${guide("2009j", "Diffie-Hellman parameters")}; CVE-2015-4000`,
    fix: "Turn DHE off, or use parameters of 2048 bits or more (RFC 7919)",
  },
  {
    id: "ssllabs.key-exchange.dh-weak",
    since: "2009j",
    effects: ["B"],
    needs: ["protocols", "cipherSuites"],
    check: "dhBelow2048",
    reference: guide("2009j", "Diffie-Hellman parameters below 2048 bits"),
    fix: "Turn DHE off, or use parameters of 2048 bits or more (RFC 7919)",
  },
  {
    id: "ssllabs.key-exchange.forward-secrecy",
    since: "2018-03-01",
    effects: ["B"],
    needs: ["protocols", "cipherSuites", "groups", "certificates"],
    check: "noForwardSecrecy",
    reference: engine("1 March 2018", "forward secrecy with the reference browsers"),
    fix: "Put ECDHE suites first and have the server's order count",
  },
  {
    id: "ssllabs.cipher.insecure",
    since: "2017",
    effects: ["F"],
    needs: ["protocols", "cipherSuites"],
    check: "insecureSuite",
    reference: engine("2017", "suites weaker than 112 bits, export, anonymous, without encryption"),
    fix: "Remove these suites",
  },
  {
    id: "ssllabs.cipher.rc4-only",
    since: "2009k",
    effects: ["F"],
    needs: ["protocols", "cipherSuites"],
    check: "onlyRc4",
    reference: guide("2009k", "only RC4 suites"),
    fix: "Offer AES-GCM and ChaCha20-Poly1305 suites, and remove RC4",
  },
  {
    id: "ssllabs.cipher.rc4-modern",
    since: "2009j",
    effects: ["C"],
    needs: ["protocols", "cipherSuites", "groups", "certificates"],
    check: "rc4WithModern",
    reference: `${guide("2009j", "RC4 with TLS 1.1 or later")}; RFC 7465`,
    fix: "Remove RC4",
  },
  {
    id: "ssllabs.cipher.rc4",
    since: "2009i",
    effects: ["B"],
    needs: ["protocols", "cipherSuites"],
    check: "rc4",
    reference: `${guide("2009i", "RC4")}; RFC 7465`,
    fix: "Remove RC4",
  },
  {
    id: "ssllabs.cipher.small-blocks",
    since: "2017",
    effects: ["C"],
    needs: ["protocols", "cipherSuites", "groups", "certificates"],
    check: "smallBlocksWithModern",
    reference: `${engine("2017", "64-bit block ciphers negotiated with TLS 1.1 or later")}; CVE-2016-2183`,
    fix: "Remove 3DES, or keep it last and have the server's order count",
  },
  {
    id: "ssllabs.cipher.aead",
    since: "2018-03-01",
    effects: ["B"],
    needs: ["protocols", "cipherSuites", "groups", "certificates"],
    check: "noAead",
    reference: engine("1 March 2018", "authenticated encryption with the reference browsers"),
    fix: "Put AES-GCM and ChaCha20-Poly1305 suites first and have the server's order count",
  },
  {
    id: "ssllabs.hsts.valid",
    since: "2009r",
    effects: ["warning"],
    needs: ["http"],
    check: "hstsInvalid",
    reference: `${guide("2009r", "HSTS disabled or invalid")}; RFC 6797`,
    fix: `Send one Strict-Transport-Security header with max-age=${longHsts} or more`,
  },
  {
    id: "ssllabs.hsts.long",
    since: "2009e",
    effects: ["no A+"],
    needs: ["http"],
    check: "hstsNotLong",
    reference: `${guide("2009e", "A+ asks for HSTS of at least six months")}; RFC 6797`,
    fix: `Send Strict-Transport-Security: max-age=${longHsts} or more`,
  },
  ...flawRules,
];
