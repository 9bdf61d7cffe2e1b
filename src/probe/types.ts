/**
 * What probes record about a target. Measurement only: nothing here says good or bad. Every fact is three-valued.
 */

import type { CaaSeen, HttpsSeen, TlsaSeen } from "./dns/types.ts";
import type { Http3Seen } from "./http/types.ts";

export type * from "./dns/types.ts";
export type * from "./http/types.ts";

/** The outcome of a look: seen; could not be looked at from here (why); the look itself failed (why). Unknown is never a pass. */
export type Outcome<T> =
  | { readonly state: "observed"; readonly value: T }
  | { readonly state: "untestable"; readonly why: string }
  | { readonly state: "failed"; readonly why: string };

export interface Target {
  readonly host: string;
  readonly port: number;
  /** SNI and name to check; empty when there is none (an address). */
  readonly serverName: string;
  /** The address that was connected to. */
  readonly address: string;
}

/** Protocols in which TLS begins in the middle of a conversation in the clear. */
export type StartTls = "smtp" | "imap" | "pop3" | "ftp" | "xmpp" | "xmpp-server" | "ldap" | "postgres" | "mysql";

/** A proxy that connections are made through; it resolves the target's name. */
export interface Proxy {
  readonly kind: "http" | "socks5";
  readonly host: string;
  readonly port: number;
  readonly login: { readonly user: string; readonly password: string } | null;
}

export type ProtocolName = "SSLv2" | "SSLv3" | "TLSv1.0" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** How the server answered a hello: it took it, refused with an alert, closed, or reset. A time-out is `failed`, never `refused`. */
export type ProtocolSupport =
  | { readonly offered: true }
  /** `alert` 80 means enabled but unusable with what it has; it is still not offered. */
  | { readonly offered: false; readonly answer: "alert"; readonly alert: number }
  | { readonly offered: false; readonly answer: "closed" | "reset" }
  /** The server answered with another, older version. */
  | { readonly offered: false; readonly answer: "other-version"; readonly version: ProtocolName };

/** A suite as accepted: IANA number, IANA and OpenSSL names, effective bits as SSL Labs scores them. */
export interface SuiteSeen {
  readonly id: number;
  readonly name: string;
  readonly opensslName: string | null;
  readonly keyExchange: "RSA" | "DHE" | "ECDHE" | "DH" | "ECDH" | "PSK" | "anon" | "any" | "other";
  readonly authentication: "RSA" | "ECDSA" | "DSS" | "anon" | "any" | "other";
  readonly encryption: string;
  readonly bits: number;
  readonly aead: boolean;
  readonly forwardSecrecy: boolean;
  /**
   * Group or DH prime size (bits) of the key exchange seen with this suite, when there was one. In TLS 1.3 groups are chosen apart from suites: the one
   * that is negotiated with a hello that offers everything.
   */
  readonly group: string | null;
  readonly dhBits: number | null;
}

export interface SuitesSeen {
  /** In the order the server picked them. */
  readonly suites: readonly SuiteSeen[];
  /** Who decides: two hellos in opposite order tell. `single` with only one suite. */
  readonly preference: "server" | "client" | "single";
  /** Server preference, except that ChaCha20 first in the hello is honoured. */
  readonly chachaException: boolean | null;
}

export interface GroupSeen {
  readonly id: number;
  readonly name: string;
  readonly postQuantum: boolean;
  /** RSA-equivalent bits as SSL Labs counts them, null for hybrids (no published mapping: the classical part's is used by the rulebook). */
  readonly rsaBits: number | null;
  readonly classicalRsaBits: number;
}

export interface GroupsSeen {
  readonly groups: readonly GroupSeen[];
  /** In the server's order when known. */
  readonly order: "server" | "client" | "unknown";
  /** The group negotiated with a hello that offers everything. */
  readonly negotiated: string | null;
}

export interface KeyShareReuse {
  /** Public values seen per kind of exchange and how many of them differ. */
  readonly samples: readonly {
    readonly kind: "TLSv1.3" | "ECDHE" | "DHE";
    readonly group: string;
    readonly seen: number;
    readonly distinct: number;
    /** Only where values repeat: whether the one of a second later was an old one again. */
    readonly lasts?: boolean;
  }[];
}

export interface CertificateSeen {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  readonly key: {
    readonly type: "RSA" | "EC" | "Ed25519" | "Ed448" | "DSA" | "other";
    readonly bits: number;
    readonly curve: string | null;
    readonly exponent: string | null;
  };
  readonly signature: string;
  readonly serial: string;
  readonly sha256: string;
  readonly selfSigned: boolean;
  readonly isCa: boolean;
  readonly mustStaple: boolean;
  readonly ocspUrls: readonly string[];
}

export interface ChainSeen {
  /** As sent, leaf first. */
  readonly certificates: readonly CertificateSeen[];
  /** With which protocol and kind of key it was sent. */
  readonly keyType: CertificateSeen["key"]["type"];
  /** Each certificate signs the one before it. */
  readonly ordered: boolean;
  /** Trust: `anchor` names what it ends in. `local` when the anchor came from `--ca` or is tlsforge's own CA. */
  readonly trust: Outcome<{
    readonly trusted: boolean;
    readonly local: boolean;
    readonly anchor: string | null;
    readonly reason: string | null;
  }>;
  readonly nameMatches: Outcome<boolean>;
  /** The issuer on the way to an anchor that the server did not send and that no anchor is; null where none is missing. */
  readonly missingIssuer: string | null;
  /** At the time of the look. */
  readonly validNow: boolean;
  readonly stapled: Outcome<boolean>;
  /** The stapled OCSP response, verified; `untestable` where none came. */
  readonly staple: Outcome<StapleSeen>;
  /** Signed certificate timestamps from the certificate, the handshake and the staple, each verified. */
  readonly timestamps: readonly TimestampSeen[];
  readonly leaf: Outcome<LeafSeen>;
}

/** Ways in which an RSA key was made so that it can be factored: ROCA (CVE-2017-15361), primes that are close to each other (CVE-2022-26320). */
export type RsaWeakness = "ROCA" | "close primes";

/** What the server's own certificate says beyond what every one of the chain does. */
export interface LeafSeen {
  /** Identifiers of its certificate policies; none where it has no such extension. */
  readonly policies: readonly string[];
  /** Identifiers of its extended key usage; null where it has no such extension. */
  readonly purposes: readonly string[] | null;
  readonly weaknesses: Outcome<readonly RsaWeakness[]>;
}

/** A stapled OCSP response for the leaf (RFC 6960). */
export interface StapleSeen {
  readonly status: "good" | "revoked" | "unknown";
  readonly thisUpdate: string;
  readonly nextUpdate: string | null;
  /** Signature, certID, responder and dates hold; what does not, in words. */
  readonly problems: readonly string[];
}

/**
 * A signed certificate timestamp (RFC 6962). A log that is not on our list is `untestable`. A list that cannot be read is one entry without log and time,
 * `failed`.
 */
export interface TimestampSeen {
  readonly logId: string | null;
  readonly log: string | null;
  readonly time: string | null;
  readonly source: "certificate" | "handshake" | "staple";
  readonly valid: Outcome<boolean>;
}

export interface HttpSeen {
  readonly status: number;
  readonly hsts: {
    readonly present: boolean;
    readonly raw: string | null;
    readonly maxAge: number | null;
    readonly includeSubdomains: boolean;
    readonly preload: boolean;
    readonly problems: readonly string[];
    /** What keeps the host from the list that browsers are shipped with, as far as this header decides. */
    readonly preloadProblems: readonly string[];
  };
  readonly headers: Readonly<Record<string, string>>;
  readonly security: readonly SecurityHeaderSeen[];
  readonly cookies: readonly CookieSeen[];
}

/** A header of HTTP that restricts what a page may do. */
export interface SecurityHeaderSeen {
  readonly name: string;
  /** Null where it was not sent. */
  readonly value: string | null;
  /** Why browsers do not heed it; null where they do, or where it was not sent. */
  readonly problem: string | null;
}

/** A cookie that the server sets, without its value. */
export interface CookieSeen {
  readonly name: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: string | null;
}

/** Flaws of implementations that a probe looks for. Those that follow from what is offered (SWEET32, FREAK, BEAST …) are judged, not probed. */
export type FlawName =
  | "heartbleed"
  | "ccs-injection"
  | "ocsp-extension"
  | "ticketbleed"
  | "robot"
  | "poodle-tls"
  | "zombie-poodle"
  | "goldendoodle"
  | "sleeping-poodle"
  | "zero-length"
  | "lucky-minus-20"
  | "insecure-renegotiation";

/** Whether a flaw is there, and what that rests on: an answer, or a precondition that is provably absent. */
export interface FlawSeen {
  readonly present: boolean;
  readonly evidence: string;
}

/** Parameters of finite-field Diffie-Hellman as a server sent them. */
export interface DhSeen {
  readonly bits: number;
  /** SHA-256 of the prime, hexadecimal. */
  readonly prime: string;
  /** The published group that the prime is of, `ffdhe2048`; null for one of its own. */
  readonly known: string | null;
  readonly generator: string;
  /** (p - 1) / 2 is prime too. */
  readonly safePrime: boolean;
}

/** A way to resume: whether the server takes up what it gave, and for how long it says it may be kept. */
export interface ResumptionSeen {
  readonly resumes: boolean;
  readonly lifetimeSeconds: number | null;
}

/** A hello that a server must bear by the standard, and how it took it. */
export interface ToleranceSeen {
  readonly name: string;
  readonly tolerant: Outcome<boolean>;
  readonly evidence: string;
}

/** The random values of ServerHellos, and the clock that some of TLS 1.2 and older begin with (RFC 5246, 7.4.1.2). */
export interface ServerRandomSeen {
  readonly seen: number;
  readonly distinct: number;
  /** Seconds that the server's clock is ahead of ours, to the length of the look; null where the values begin with something else. */
  readonly clockSkewSeconds: number | null;
}

export type SuiteProtocol = Exclude<ProtocolName, "SSLv2">;

/** All that was seen. Complete enough to judge again offline. */
export interface Observations {
  readonly schema: "tlsforge.observations/1";
  /** When the look began, ISO 8601 UTC. */
  readonly time: string;
  readonly target: Target;
  readonly protocols: Readonly<Record<ProtocolName, Outcome<ProtocolSupport>>>;
  /** Only the protocols that are offered have an entry that is `observed`. */
  readonly cipherSuites: Readonly<Partial<Record<SuiteProtocol, Outcome<SuitesSeen>>>>;
  readonly groups: Outcome<GroupsSeen>;
  readonly keyShares: Outcome<KeyShareReuse>;
  readonly certificates: Outcome<readonly ChainSeen[]>;
  readonly compression: Outcome<boolean>;
  readonly secureRenegotiation: Outcome<boolean>;
  readonly extendedMasterSecret: Outcome<boolean>;
  readonly downgradeSentinel: Outcome<boolean>;
  /** NewSessionTicket messages after a TLS 1.3 handshake, and whether a TLS 1.2 ticket is issued. */
  readonly tickets: Outcome<{
    readonly tls13: number | null;
    readonly tls12: boolean | null;
    readonly earlyData: boolean;
  }>;
  readonly alpn: Outcome<string | null>;
  readonly http: Outcome<HttpSeen>;
  readonly encryptThenMac: Outcome<boolean>;
  /** The heartbeat extension is answered. */
  readonly heartbeat: Outcome<boolean>;
  /** A fallback to an older version is refused (RFC 7507). */
  readonly fallbackScsv: Outcome<boolean>;
  /** Schemes that the server signs with, by version, strongest first. */
  readonly signatureSchemes: Readonly<Partial<Record<"TLSv1.2" | "TLSv1.3", Outcome<readonly string[]>>>>;
  readonly dhParameters: Outcome<readonly DhSeen[]>;
  readonly resumption: {
    readonly sessionId: Outcome<ResumptionSeen>;
    readonly ticket: Outcome<ResumptionSeen>;
    readonly psk: Outcome<ResumptionSeen>;
  };
  /** The server goes along with a client that renegotiates (TLS 1.2 and older). */
  readonly clientRenegotiation: Outcome<boolean>;
  /** Protocols of ALPN that the server takes when asked for each alone. */
  readonly applicationProtocols: Outcome<readonly string[]>;
  readonly keyUpdate: Outcome<boolean>;
  /** Answers GREASE of ECH with configurations. */
  readonly encryptedClientHello: Outcome<boolean>;
  readonly clientCertificateRequested: Outcome<boolean>;
  /** Names of the authorities whose certificates of clients the server says it takes; none where it names none. */
  readonly clientAuthorities: Outcome<readonly string[]>;
  /** Protocols that the server names in NPN, which ALPN replaced; null where it does not know NPN, none where it answers without a name. */
  readonly nextProtocols: Outcome<readonly string[] | null>;
  /** A HelloRetryRequest carries a cookie (RFC 8446, 4.2.2). */
  readonly retryCookie: Outcome<boolean>;
  readonly serverRandom: Outcome<ServerRandomSeen>;
  /** The leaf that is sent without a server name: its SHA-256, null when the server refuses. */
  readonly withoutServerName: Outcome<string | null>;
  readonly tolerance: readonly ToleranceSeen[];
  readonly flaws: Readonly<Record<FlawName, Outcome<FlawSeen>>>;
  /** What port 80 of the same host answers: where it redirects to, null when it does not. */
  readonly redirect: Outcome<string | null>;
  /** Records about the target's name. */
  readonly dns: {
    readonly caa: Outcome<CaaSeen>;
    readonly tlsa: Outcome<TlsaSeen>;
    readonly https: Outcome<HttpsSeen>;
  };
  readonly http3: Outcome<Http3Seen>;
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly seconds: number;
}
