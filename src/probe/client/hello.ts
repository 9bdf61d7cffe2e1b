import {
  alpnExtension,
  concat,
  createKeyAgreement,
  emptyExtension,
  encodeClientHello,
  encodeHandshake,
  encodeRecords,
  contentTypes,
  extensionTypes,
  groups,
  handshakeTypes,
  keyShareExtension,
  serverNameExtension,
  signallingSuites,
  signatureAlgorithmsExtension,
  signatureSchemes,
  statusRequestExtension,
  supportedGroupsExtension,
  supportedVersionsExtension,
  tls13Groups,
  uint,
  vector,
  versions,
  type Extension,
  type KeyAgreement,
  type Random,
} from "../../wire/index.ts";
import type { SuiteProtocol } from "../types.ts";

/** What a hello offers. */
export interface HelloPlan {
  readonly protocol: SuiteProtocol;
  readonly suites: readonly number[];
  readonly groups?: readonly number[];
  /** Groups to send a TLS 1.3 key share for; none makes the server ask again, which costs it no signature. */
  readonly shares?: readonly number[];
  readonly schemes?: readonly number[];
  readonly alpn?: readonly string[];
  /** Only what a server needs to answer, for servers that do not bear the rest. */
  readonly plain?: boolean;
  /** TLS 1.2 and older: asks for the protocols of NPN. Only for a handshake that is not completed: who is answered has to choose. */
  readonly nextProtocols?: boolean;
  /** Without a server name. */
  readonly nameless?: boolean;
  /** Extensions that stand after all others. */
  readonly extra?: readonly Extension[];
  /** In place of an empty one in TLS 1.2 and older. */
  readonly sessionId?: Uint8Array;
  /** TLS 1.2: the ticket to resume with; empty asks for one, null does not. */
  readonly ticket?: Uint8Array | null;
  /** In place of the version's own: the field in the hello, or with TLS 1.3 the list of supported_versions. */
  readonly versionNumbers?: readonly number[];
}

/** A hello ready to be sent. */
export interface Hello {
  readonly plan: HelloPlan;
  /** As records. */
  readonly bytes: Uint8Array;
  /** The handshake message, for the transcript. */
  readonly message: Uint8Array;
  readonly random: Uint8Array;
  readonly agreements: readonly KeyAgreement[];
}

/** All signature schemes that we know, strongest first. */
export const allSchemes: readonly number[] = Object.values(signatureSchemes);

/** Groups for TLS 1.2 and older: the hybrids must not be offered there. */
export const classicGroups: readonly number[] = [
  29,
  23,
  24,
  25,
  30,
  ...groups.map(({ id }) => id).filter((id) => id < 512 && ![29, 23, 24, 25, 30, 31, 32, 33].includes(id)),
];

/** Groups for TLS 1.3, hybrids first as current clients send them. */
export const modernGroups: readonly number[] = [
  0x11ec,
  0x11eb,
  0x11ed,
  29,
  23,
  24,
  25,
  30,
  ...tls13Groups.map(({ id }) => id).filter((id) => ![0x11ec, 0x11eb, 0x11ed, 29, 23, 24, 25, 30].includes(id)),
];

/** Builds the hello. It asks for everything that can be learned at no cost from the answer: compression, tickets, heartbeat, stapling and more. */
export function buildHello(plan: HelloPlan, of: { serverName: string; random: Random }): Hello {
  const random = of.random(32);
  const isModern = plan.protocol === "TLSv1.3";
  const agreements = (plan.shares ?? []).flatMap((group) => createKeyAgreement(group, of.random) ?? []);
  const withExtensions = plan.protocol !== "SSLv3";
  const body = encodeClientHello({
    version: isModern ? versions["TLSv1.2"] : (plan.versionNumbers?.[0] ?? versions[plan.protocol]),
    random,
    sessionId: isModern ? of.random(32) : (plan.sessionId ?? new Uint8Array(0)),
    cipherSuites: withExtensions ? plan.suites : [...plan.suites, signallingSuites.renegotiation],
    compressionMethods: isModern || plan.plain === true ? [0] : [1, 0],
    extensions: withExtensions
      ? [
          ...(plan.nameless === true ? [] : named(of.serverName)),
          ...(isModern ? modernExtensions(plan, agreements) : classicExtensions(plan)),
          ...(plan.extra ?? []),
        ]
      : null,
  });
  const message = encodeHandshake(handshakeTypes.clientHello, body);
  const recordVersion = withExtensions ? versions["TLSv1.0"] : versions.SSLv3;
  return { plan, bytes: encodeRecords(contentTypes.handshake, recordVersion, message), message, random, agreements };
}

function modernExtensions(plan: HelloPlan, agreements: readonly KeyAgreement[]): Extension[] {
  return [
    supportedGroupsExtension(plan.groups ?? modernGroups),
    signatureAlgorithmsExtension(plan.schemes ?? allSchemes),
    supportedVersionsExtension(plan.versionNumbers ?? [versions["TLSv1.3"]]),
    keyShareExtension(agreements.map(({ share }) => share)),
    { type: extensionTypes.pskKeyExchangeModes, data: vector(1, uint(1, 1)) },
    statusRequestExtension,
    heartbeatExtension,
    emptyExtension(extensionTypes.signedCertificateTimestamp),
    ...chosen(plan.alpn),
  ];
}

/** The peer may send heartbeats (RFC 6520, 2). */
const heartbeatExtension: Extension = { type: extensionTypes.heartbeat, data: uint(1, 1) };

function classicExtensions(plan: HelloPlan): Extension[] {
  const pointFormats = { type: extensionTypes.ecPointFormats, data: vector(1, uint(1, 0)) };
  const schemes = plan.protocol === "TLSv1.2" ? [signatureAlgorithmsExtension(plan.schemes ?? allSchemes)] : [];
  const renegotiation = { type: extensionTypes.renegotiationInfo, data: vector(1) };
  const base = [supportedGroupsExtension(plan.groups ?? classicGroups), pointFormats, ...schemes, renegotiation];
  if (plan.plain === true) return base;
  return [
    ...base,
    statusRequestExtension,
    heartbeatExtension,
    ...chosen(plan.alpn),
    emptyExtension(extensionTypes.signedCertificateTimestamp),
    emptyExtension(extensionTypes.encryptThenMac),
    emptyExtension(extensionTypes.extendedMasterSecret),
    ...(plan.nextProtocols === true ? [emptyExtension(extensionTypes.nextProtocolNegotiation)] : []),
    ...(plan.ticket === null ? [] : [{ type: extensionTypes.sessionTicket, data: plan.ticket ?? new Uint8Array(0) }]),
  ];
}

function named(serverName: string): Extension[] {
  return serverName === "" ? [] : [serverNameExtension(serverName)];
}

function chosen(alpn: readonly string[] | undefined): Extension[] {
  return alpn === undefined || alpn.length === 0 ? [] : [alpnExtension(alpn)];
}

/** The transcript's first part: only the hello's message. */
export function transcriptOf(hello: Hello, ...messages: readonly Uint8Array[]): Uint8Array {
  return concat(hello.message, ...messages);
}
