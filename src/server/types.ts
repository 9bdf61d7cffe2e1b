import type { KnownFlaw } from "../store/index.ts";

/** One object that says how the server speaks TLS; it drives the server (as JSON) and is what the verifier expects. Names are OpenSSL's. */
export interface Policy {
  readonly profile: Profile | "classic-2013";
  readonly minVersion: "TLSv1.0" | "TLSv1.2" | "TLSv1.3";
  readonly maxVersion: "TLSv1.2" | "TLSv1.3";
  /** TLS 1.2 suites by OpenSSL name; empty when 1.2 is off. */
  readonly ciphers: readonly string[];
  /** TLS 1.3 suites by IANA name. */
  readonly ciphersuites: readonly string[];
  readonly groups: readonly string[];
  readonly signatureAlgorithms: readonly string[];
  /** Who decides among suites both sides have. */
  readonly preference: "client" | "server";
  /** pyOpenSSL option names without `OP_`, for instance NO_COMPRESSION, NO_RENEGOTIATION. */
  readonly options: readonly string[];
  /** Tickets that resume, whose key is made anew so often; null: none is sent. */
  readonly tickets: { readonly rotateSeconds: number } | null;
  readonly alpn: readonly string[];
  /** Finite-field Diffie-Hellman for TLS 1.2: a group of RFC 7919, or a PEM file with parameters; null: none. */
  readonly dhe: Dhe | null;
}

/** What a site adds to its profile. */
export interface PolicyChoices {
  readonly dhe: Dhe | null;
  readonly tickets: Policy["tickets"];
}

/** Where the parameters of finite-field Diffie-Hellman come from. */
export type Dhe = { readonly group: "ffdhe2048" | "ffdhe3072" } | { readonly parameters: string };

/** What a server does with a connection. Folders and modules' paths are absolute. */
export type App =
  | { readonly kind: "about" }
  | { readonly kind: "static"; readonly directory: string }
  /** `http://HOST:PORT` or `unix:/PATH`. */
  | { readonly kind: "proxy"; readonly upstream: string }
  | { readonly kind: "websocket-echo" }
  /** A Twisted factory: an attribute of a module that lies in `path`, or in the stack. */
  | { readonly kind: "factory"; readonly module: string; readonly attribute: string; readonly path: string | null };

/** Bounds that a site sets itself; the server has a default for each. Seconds, bytes and counts. */
export interface Limits {
  readonly handshakeSeconds?: number;
  readonly headSeconds?: number;
  readonly bodySeconds?: number;
  readonly requestSeconds?: number;
  readonly idleSeconds?: number;
  readonly stallSeconds?: number;
  readonly drainSeconds?: number;
  readonly connections?: number;
  readonly connectionsPerAddress?: number;
  readonly headerBytes?: number;
  readonly bodyBytes?: number;
  readonly workerBytes?: number;
}

/** A named policy for a server in service. */
export type Profile = "modern" | "intermediate" | "compatible" | "ssllabs-100";

/** The configuration file that the server is started with: `<prefix>/var/server.json`. Paths absolute. */
export interface ServerConfig {
  readonly schema: "tlsforge.server/1";
  readonly generation: number;
  readonly policy: Policy;
  /** `host:port`, IPv6 in brackets. */
  readonly listen: readonly string[];
  readonly redirect: readonly string[];
  readonly names: readonly string[];
  /** PEM files: leaf then intermediates, and its key. */
  readonly certificates: readonly { readonly chain: string; readonly key: string }[];
  readonly hsts: { readonly maxAge: number; readonly includeSubdomains: boolean; readonly preload: boolean };
  /** What becomes of a client that asks for a name that no certificate has. */
  readonly sni: "default" | "strict";
  /** Whether certificates that name a responder are stapled. */
  readonly ocsp: "auto" | "off";
  readonly app: App;
  readonly accessLog: boolean;
  /** Processes that serve; 0: one for each processor. */
  readonly workers: number;
  readonly limits: Limits;
  /**
   * `run` holds control sockets and pid files (`serverPaths`), `state` what outlives the server: OCSP responses and the access log. Without a
   * log file the server talks on standard error.
   */
  readonly paths: { readonly run: string; readonly state: string; readonly log: string | null };
  /** Whom a server that root starts becomes before it listens. */
  readonly user: ServiceUser | null;
  /** How long a server that was relieved keeps its sockets open and can take over again. */
  readonly standBySeconds: number;
  /** Path of the one libssl that must be mapped. */
  readonly libssl: string;
  /** What the about page tells: component -> version, and the generation. */
  readonly about: Readonly<Record<string, string>>;
  /** The known holes of a stack that is for reproduction only; the page tells them. */
  readonly vulnerable?: readonly KnownFlaw[];
}

/** A system account. */
export interface ServiceUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * What a server process is to its prefix: beside the one that serves, to be graded on a loopback address; the one that serves; or
 * relieved, with its sockets still open, able to take over at once.
 */
export type Role = "trial" | "serving" | "standing-by";

/** What a server process is given to start with or to reload: its configuration, and every file that it names, by path. */
export interface Bundle {
  readonly config: string;
  readonly files: Readonly<Record<string, string>>;
}

/** A service manager that starts and stops the server of a prefix. */
export interface Supervisor {
  readonly manager: "systemd" | "openrc" | "rc.d";
  readonly name: string;
  /** Throws `server-failed` with the server's last words. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The process ends and another starts in its place, while the manager keeps the listening sockets where it has them. */
  restart(): Promise<void>;
}

/** What a running server says of itself over its control socket. */
export interface ServerStatus {
  readonly pid: number;
  readonly role: Role;
  /** When a server that stands by ends; null for the others. ISO 8601. */
  readonly until: string | null;
  readonly workers: readonly number[];
  readonly listen: readonly string[];
  readonly generation: number;
  readonly certificates: readonly {
    readonly names: readonly string[];
    /** The sort of its key, as TLS 1.2 names suites; a server of an older recipe does not tell. */
    readonly kind?: string;
    readonly notAfter: string;
    readonly staple: string | null;
    /** When it is to be renewed, by what it says itself (ISO 8601); a server of an older recipe does not tell. */
    readonly renewAfter?: string;
    /** What is odd about it and was put right, or ought to be known. */
    readonly notes?: readonly string[];
    /** SHA-256 of the leaf (DER), and of the chain's file as the server read it; hexadecimal. A server of an older recipe tells neither. */
    readonly sha256?: string;
    readonly chainSha256?: string;
  }[];
  /** Policy as read back from OpenSSL, and what else is in force (W^X). */
  readonly policy: Readonly<Record<string, unknown>>;
  readonly configDigest: string;
  readonly libssl: string;
  /** The last reload's failure, when it failed and the old certificate is still in service. */
  readonly lastError: string | null;
  /** How long its connections may take to come to their end when it stops; a server of an older recipe does not tell. */
  readonly drainSeconds?: number;
  /** What somebody should look at: workers that end, an access log that cannot be written, a responder that gives no staple. */
  readonly troubles?: readonly string[];
  /** Addresses that answer plain HTTP with a redirect. */
  readonly redirect?: readonly string[];
  /** Connections that are open now. */
  readonly connections?: number;
  /** False: it cannot pass its sockets on, nor take over another's. */
  readonly handsOver?: boolean;
  /** As its configuration says. */
  readonly vulnerable?: readonly KnownFlaw[];
}

/** Whether a prefix's server serves. `unknown`: something is there, and it could not be asked; never to be taken for either answer. */
export type ServerState =
  | { readonly state: "serving"; readonly status: ServerStatus }
  | { readonly state: "not-serving" }
  | { readonly state: "unknown"; readonly reason: string };

/** A chain and its key: PEM files, absolute paths. */
export interface CertificateFiles {
  readonly chain: string;
  readonly key: string;
}

/** Certificates of the local authority, ready to serve. */
export interface LocalCertificates {
  /** The authority's certificate (PEM): what a client must trust. */
  readonly authority: string;
  readonly certificates: readonly CertificateFiles[];
  /** What was made now: nothing, a leaf, or an authority and a leaf. */
  readonly issued: "none" | "leaf" | "authority";
  /** When the leaf ends, ISO 8601. */
  readonly notAfter: string;
}

/** Runs a program and tells what it left; `Host.exec` has this form. */
export type Run = (
  argv: readonly string[],
  options?: { readonly environment?: Readonly<Record<string, string>> },
) => Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
