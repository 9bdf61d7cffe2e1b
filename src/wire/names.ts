/** Numbers of the protocol and their names (IANA "TLS Parameters" and "TLS Extensions" registries). */

export const contentTypes = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  heartbeat: 24,
} as const;

export const handshakeTypes = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
  certificateUrl: 21,
  certificateStatus: 22,
  supplementalData: 23,
  keyUpdate: 24,
  compressedCertificate: 25,
  messageHash: 254,
} as const;

export const extensionTypes = {
  serverName: 0,
  maxFragmentLength: 1,
  clientCertificateUrl: 2,
  trustedCaKeys: 3,
  truncatedHmac: 4,
  statusRequest: 5,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  heartbeat: 15,
  alpn: 16,
  statusRequestV2: 17,
  signedCertificateTimestamp: 18,
  clientCertificateType: 19,
  serverCertificateType: 20,
  padding: 21,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  tokenBinding: 24,
  cachedInfo: 25,
  compressCertificate: 27,
  recordSizeLimit: 28,
  delegatedCredential: 34,
  sessionTicket: 35,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  cookie: 44,
  pskKeyExchangeModes: 45,
  certificateAuthorities: 47,
  oidFilters: 48,
  postHandshakeAuth: 49,
  signatureAlgorithmsCert: 50,
  keyShare: 51,
  transparencyInfo: 52,
  connectionId: 54,
  quicTransportParameters: 57,
  ticketRequest: 58,
  nextProtocolNegotiation: 0x3374,
  echOuterExtensions: 0xfd00,
  encryptedClientHello: 0xfe0d,
  renegotiationInfo: 0xff01,
} as const;

const alertNumbers = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  decryptionFailed: 21,
  recordOverflow: 22,
  decompressionFailure: 30,
  handshakeFailure: 40,
  noCertificate: 41,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateRevoked: 44,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownCa: 48,
  accessDenied: 49,
  decodeError: 50,
  decryptError: 51,
  exportRestriction: 60,
  protocolVersion: 70,
  insufficientSecurity: 71,
  internalError: 80,
  inappropriateFallback: 86,
  userCanceled: 90,
  noRenegotiation: 100,
  missingExtension: 109,
  unsupportedExtension: 110,
  certificateUnobtainable: 111,
  unrecognizedName: 112,
  badCertificateStatusResponse: 113,
  badCertificateHashValue: 114,
  unknownPskIdentity: 115,
  certificateRequired: 116,
  noApplicationProtocol: 120,
  echRequired: 121,
} as const;

/** Version numbers as they stand in hellos and records. */
export const versions = {
  SSLv3: 0x0300,
  "TLSv1.0": 0x0301,
  "TLSv1.1": 0x0302,
  "TLSv1.2": 0x0303,
  "TLSv1.3": 0x0304,
} as const;

export type VersionName = keyof typeof versions;

/** Signalling suites: renegotiation (RFC 5746) and fallback (RFC 7507). */
export const signallingSuites = { renegotiation: 0x00ff, fallback: 0x5600 } as const;

/** Signature schemes of hellos; the first byte of the older ones is the hash, the second the key type. */
export const signatureSchemes = {
  ecdsaP256Sha256: 0x0403,
  ecdsaP384Sha384: 0x0503,
  ecdsaP521Sha512: 0x0603,
  ed25519: 0x0807,
  ed448: 0x0808,
  rsaPssRsaeSha256: 0x0804,
  rsaPssRsaeSha384: 0x0805,
  rsaPssRsaeSha512: 0x0806,
  rsaPssPssSha256: 0x0809,
  rsaPssPssSha384: 0x080a,
  rsaPssPssSha512: 0x080b,
  rsaPkcs1Sha256: 0x0401,
  rsaPkcs1Sha384: 0x0501,
  rsaPkcs1Sha512: 0x0601,
  ecdsaSha224: 0x0303,
  rsaPkcs1Sha224: 0x0301,
  ecdsaSha1: 0x0203,
  rsaPkcs1Sha1: 0x0201,
  dsaSha256: 0x0402,
  dsaSha1: 0x0202,
  ecdsaBrainpoolP256Sha256: 0x081a,
  ecdsaBrainpoolP384Sha384: 0x081b,
  ecdsaBrainpoolP512Sha512: 0x081c,
  mlDsa44: 0x0904,
  mlDsa65: 0x0905,
  mlDsa87: 0x0906,
} as const;

/** The registry's name of an extension, or its number in hexadecimal. */
export function extensionName(type: number): string {
  return nameOf(extensionTypes, type);
}

/** The registry's name of an alert, or its number in hexadecimal. */
export function alertName(description: number): string {
  return nameOf(alertNumbers, description);
}

/** The name of a version number, or undefined for one that is not SSL 3.0 to TLS 1.3. */
export function versionName(version: number): VersionName | undefined {
  return (Object.keys(versions) as VersionName[]).find((name) => versions[name] === version);
}

/** As the registries write it: `handshakeFailure` becomes `handshake_failure`. */
function nameOf(table: Readonly<Record<string, number>>, number: number): string {
  const name = Object.keys(table).find((key) => table[key] === number);
  return name === undefined
    ? `0x${number.toString(16).padStart(4, "0")}`
    : name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
