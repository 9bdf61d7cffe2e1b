/** Builds observations for tests: a good server unless told otherwise. */
import type {
  CertificateSeen,
  ChainSeen,
  GroupSeen,
  HttpSeen,
  LeafSeen,
  Observations,
  Outcome,
  ProtocolName,
  ProtocolSupport,
  SuiteProtocol,
  SuiteSeen,
  SuitesSeen,
} from "../../../src/probe/index.ts";

export const observed = <T>(value: T): Outcome<T> => ({ state: "observed", value });
export const failed = (why = "timed out"): Outcome<never> => ({ state: "failed", why });
export const untestable = (why = "cannot be looked at"): Outcome<never> => ({ state: "untestable", why });

const offered: ProtocolSupport = { offered: true };
const refused: ProtocolSupport = { offered: false, answer: "alert", alert: 70 };

/** The suites that tests use, by OpenSSL name. */
const known = {
  TLS_AES_128_GCM_SHA256: [0x1301, "TLS_AES_128_GCM_SHA256", "AES_128_GCM", 128],
  TLS_AES_256_GCM_SHA384: [0x1302, "TLS_AES_256_GCM_SHA384", "AES_256_GCM", 256],
  TLS_CHACHA20_POLY1305_SHA256: [0x1303, "TLS_CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305", 256],
  "ECDHE-RSA-AES128-GCM-SHA256": [0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "AES_128_GCM", 128],
  "ECDHE-RSA-AES256-GCM-SHA384": [0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "AES_256_GCM", 256],
  "ECDHE-RSA-AES128-SHA": [0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "AES_128_CBC", 128],
  "ECDHE-ARIA128-GCM-SHA256": [0xc060, "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", "ARIA_128_GCM", 128],
  "DHE-RSA-AES256-GCM-SHA384": [0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "AES_256_GCM", 256],
  "AES128-GCM-SHA256": [0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", "AES_128_GCM", 128],
  "AES128-SHA": [0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", "AES_128_CBC", 128],
  "DES-CBC3-SHA": [0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "3DES_EDE_CBC", 168],
  "DES-CBC-SHA": [0x0009, "TLS_RSA_WITH_DES_CBC_SHA", "DES_CBC", 56],
  "RC4-SHA": [0x0005, "TLS_RSA_WITH_RC4_128_SHA", "RC4_128", 128],
  "EXP-RC4-MD5": [0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "RC4_40", 40],
  "NULL-SHA": [0x0002, "TLS_RSA_WITH_NULL_SHA", "NULL", 0],
  "AECDH-AES128-SHA": [0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "AES_128_CBC", 128],
} as const;

export type KnownSuite = keyof typeof known;
export const knownSuites = Object.keys(known) as readonly KnownSuite[];

export function suite(opensslName: KnownSuite, changes: Partial<SuiteSeen> = {}): SuiteSeen {
  const [id, name, encryption, bits] = known[opensslName];
  const exchange = /^TLS_(?:(.*)_WITH_)?/.exec(name)?.[1];
  const forwardSecrecy = exchange === undefined || /DHE_/.test(exchange);
  const keyExchange =
    exchange === undefined
      ? "any"
      : exchange.includes("anon")
        ? "anon"
        : (/^(RSA|ECDHE|DHE)/.exec(exchange)?.[1] as "RSA" | "ECDHE" | "DHE");
  return {
    id,
    name,
    opensslName,
    keyExchange,
    authentication: exchange === undefined ? "any" : exchange.includes("anon") ? "anon" : "RSA",
    encryption,
    bits,
    aead: /GCM|POLY1305/.test(name),
    forwardSecrecy,
    group: keyExchange === "ECDHE" || keyExchange === "any" ? "X25519" : null,
    dhBits: keyExchange === "DHE" ? 2048 : null,
    ...changes,
  };
}

export function suites(
  names: readonly (KnownSuite | SuiteSeen)[],
  preference: SuitesSeen["preference"] = "server",
): Outcome<SuitesSeen> {
  const list = names.map((name) => (typeof name === "string" ? suite(name) : name));
  return observed({ suites: list, preference, chachaException: null });
}

export function group(name: string, classicalRsaBits: number, id = 0x1d): GroupSeen {
  const postQuantum = name.includes("MLKEM");
  return { id, name, postQuantum, rsaBits: postQuantum ? null : classicalRsaBits, classicalRsaBits };
}

export function groups(list: readonly GroupSeen[]): Observations["groups"] {
  return observed({ groups: list, order: "server", negotiated: list[0]?.name ?? null });
}

export function certificate(changes: Partial<CertificateSeen> = {}): CertificateSeen {
  return {
    subject: "CN=www.example.org",
    issuer: "CN=Example Issuing CA",
    names: ["www.example.org", "example.org"],
    notBefore: "2026-01-01T00:00:00.000Z",
    notAfter: "2026-03-31T00:00:00.000Z",
    key: { type: "RSA", bits: 2048, curve: null, exponent: "65537" },
    signature: "sha256WithRSAEncryption",
    serial: "01",
    sha256: "ab".repeat(32),
    selfSigned: false,
    isCa: false,
    mustStaple: false,
    ocspUrls: [],
    ...changes,
  };
}

export const ecKey = (bits: number): CertificateSeen["key"] => ({
  type: "EC",
  bits,
  curve: `P-${bits}`,
  exponent: null,
});

export function chain(leaf: Partial<CertificateSeen> = {}, changes: Partial<ChainSeen> = {}): ChainSeen {
  const own = certificate(leaf);
  const issuer = certificate({
    subject: "CN=Example Issuing CA",
    issuer: "CN=Example Root",
    names: [],
    isCa: true,
    serial: "02",
  });
  return {
    certificates: [own, issuer],
    keyType: own.key.type,
    ordered: true,
    trust: observed({ trusted: true, local: false, anchor: "CN=Example Root", reason: null }),
    nameMatches: observed(true),
    missingIssuer: null,
    validNow: true,
    stapled: observed(false),
    staple: { state: "untestable", why: "none was sent" },
    timestamps: [],
    leaf: leafOf(),
    ...changes,
  };
}

/** A certificate of a validated domain, for servers, with a sound key; but for the changes. */
export function leafOf(changes: Partial<LeafSeen> = {}): Outcome<LeafSeen> {
  const sound: LeafSeen = {
    policies: ["2.23.140.1.2.1"],
    purposes: ["1.3.6.1.5.5.7.3.1"],
    weaknesses: observed([]),
  };
  return observed({ ...sound, ...changes });
}

export function hsts(maxAge: number | null, changes: Partial<HttpSeen["hsts"]> = {}): Outcome<HttpSeen> {
  return observed({
    status: 200,
    headers: { "content-type": "text/html" },
    hsts: {
      present: true,
      raw: `max-age=${maxAge}`,
      maxAge,
      includeSubdomains: false,
      preload: false,
      problems: [],
      preloadProblems: [],
      ...changes,
    },
    security: [],
    cookies: [],
  });
}

export const noHsts = hsts(null, { present: false, raw: null });

/** Offers exactly these protocols. */
export function protocols(names: readonly ProtocolName[]): Observations["protocols"] {
  const all: readonly ProtocolName[] = ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
  return Object.fromEntries(all.map((name) => [name, observed(names.includes(name) ? offered : refused)])) as Record<
    ProtocolName,
    Outcome<ProtocolSupport>
  >;
}

/** Offers these protocols with these suites; SSLv2 may be added by `extra`. */
export function speaking(
  cipherSuites: Partial<Record<SuiteProtocol, Outcome<SuitesSeen>>>,
  extra: readonly ProtocolName[] = [],
): Pick<Observations, "protocols" | "cipherSuites"> {
  return { protocols: protocols([...(Object.keys(cipherSuites) as SuiteProtocol[]), ...extra]), cipherSuites };
}

export const tls13 = suites(["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]);
export const tls12 = suites(["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]);

/** None of the flaws, but for the changes. */
export function flaws(changes: Partial<Observations["flaws"]> = {}): Observations["flaws"] {
  const absent = observed({ present: false, evidence: "" });
  return {
    heartbleed: absent,
    "ccs-injection": absent,
    "ocsp-extension": absent,
    ticketbleed: absent,
    robot: absent,
    "poodle-tls": absent,
    "zombie-poodle": absent,
    goldendoodle: absent,
    "sleeping-poodle": absent,
    "zero-length": absent,
    "lucky-minus-20": absent,
    "insecure-renegotiation": absent,
    ...changes,
  };
}

/** TLS 1.2 and 1.3, RSA-2048, X25519 and its hybrid, AES of 128 and 256 bits, HSTS of two years: A+. */
export function observations(changes: Partial<Observations> = {}): Observations {
  return {
    schema: "tlsforge.observations/1",
    time: "2026-02-01T12:00:00.000Z",
    target: { host: "www.example.org", port: 443, serverName: "www.example.org", address: "192.0.2.10" },
    ...speaking({ "TLSv1.2": tls12, "TLSv1.3": tls13 }),
    groups: groups([group("X25519MLKEM768", 3072, 0x11ec), group("X25519", 3072)]),
    keyShares: observed({ samples: [{ kind: "TLSv1.3", group: "X25519", seen: 6, distinct: 6 }] }),
    certificates: observed([chain()]),
    compression: observed(false),
    secureRenegotiation: observed(true),
    extendedMasterSecret: observed(true),
    downgradeSentinel: observed(true),
    tickets: observed({ tls13: 0, tls12: false, earlyData: false }),
    alpn: observed("http/1.1"),
    http: hsts(63_072_000),
    encryptThenMac: observed(true),
    heartbeat: observed(false),
    fallbackScsv: observed(true),
    signatureSchemes: {
      "TLSv1.2": observed(["rsa_pss_rsae_sha256", "rsa_pkcs1_sha256"]),
      "TLSv1.3": observed(["rsa_pss_rsae_sha256"]),
    },
    dhParameters: observed([]),
    resumption: {
      sessionId: observed({ resumes: false, lifetimeSeconds: null }),
      ticket: observed({ resumes: false, lifetimeSeconds: null }),
      psk: observed({ resumes: false, lifetimeSeconds: null }),
    },
    clientRenegotiation: observed(false),
    applicationProtocols: observed(["http/1.1"]),
    keyUpdate: observed(true),
    encryptedClientHello: observed(false),
    clientCertificateRequested: observed(false),
    clientAuthorities: untestable("not applicable: no certificate of clients is asked for"),
    nextProtocols: observed(null),
    retryCookie: observed(false),
    serverRandom: observed({ seen: 30, distinct: 30, clockSkewSeconds: null }),
    withoutServerName: observed("ab".repeat(32)),
    tolerance: [],
    flaws: flaws(),
    redirect: observed(null),
    dns: {
      caa: observed({ name: null, authenticated: false, records: [] }),
      tlsa: observed({ name: "_443._tcp.www.example.org", authenticated: false, records: [] }),
      https: observed({ name: "www.example.org", authenticated: false, records: [] }),
    },
    http3: observed({ versions: null, advertised: observed(null) }),
    connections: 33,
    bytesSent: 9_120,
    bytesReceived: 48_300,
    seconds: 0.061,
    ...changes,
  };
}
