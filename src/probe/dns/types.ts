/** What the DNS says of a service. */
import type { Outcome } from "../types.ts";

/** Who may issue certificates for a name (RFC 8659). */
export interface CaaSeen {
  /** Where the set that counts stands: the name or one above it; null where there is none. */
  readonly name: string | null;
  /** As the resolver says: it has verified the answer with DNSSEC. */
  readonly authenticated: boolean;
  readonly records: readonly CaaRecordSeen[];
}

export interface CaaRecordSeen {
  readonly critical: boolean;
  /** `issue`, `issuewild`, `iodef` … */
  readonly tag: string;
  readonly value: string;
}

/** Certificates that the DNS binds to a service (RFC 6698); an empty list where there are none. */
export interface TlsaSeen {
  readonly name: string;
  /** As the resolver says: without it the records bind nobody. */
  readonly authenticated: boolean;
  readonly records: readonly TlsaRecordSeen[];
}

export interface TlsaRecordSeen {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  /** Hexadecimal. */
  readonly data: string;
  /** The leaves (SHA-256) of the chains that it fits. */
  readonly matches: Outcome<readonly string[]>;
}

/** What browsers learn of a service before they connect (RFC 9460); an empty list where there is nothing. */
export interface HttpsSeen {
  readonly name: string;
  readonly authenticated: boolean;
  /** By priority; 0 is an alias. */
  readonly records: readonly HttpsRecordSeen[];
}

export interface HttpsRecordSeen {
  readonly priority: number;
  readonly target: string;
  readonly alpn: readonly string[];
  readonly noDefaultAlpn: boolean;
  readonly port: number | null;
  /** Configurations of Encrypted Client Hello are published. */
  readonly ech: boolean;
  readonly ipv4Hints: readonly string[];
  readonly ipv6Hints: readonly string[];
}
