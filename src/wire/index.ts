export {
  ascii,
  ByteReader,
  concat,
  DecodeError,
  hex,
  latin1,
  readUint16List,
  sameBytes,
  uint,
  uint16List,
  vector,
} from "./bytes.ts";
export { cbcOf, cbcProtection, type Cbc, type CbcProtection } from "./cbc.ts";
export {
  diffieHellmanExchange,
  nonZero,
  rsaExchange,
  rsaRaw,
  rsaBits,
  type ClassicExchange,
} from "./classic-exchange.ts";
export {
  demandsStaple,
  readCertificate,
  readDer,
  readKeyPurposes,
  readOcspUrls,
  readPolicies,
  readSubjectNames,
  type CertificateParts,
} from "./der.ts";
export { distinguishedName } from "./distinguished-names.ts";
export { decodeAuthorities, decodeNextProtocols } from "./extension-values.ts";
export {
  alpnExtension,
  decodeAlpnChoice,
  decodeServerKeyShare,
  decodeSupportedGroups,
  emptyExtension,
  encodeExtensions,
  encodeKeyShare,
  findExtension,
  keyShareExtension,
  serverNameExtension,
  signatureAlgorithmsExtension,
  statusRequestExtension,
  supportedGroupsExtension,
  supportedVersionsExtension,
  type Extension,
  type KeyShare,
} from "./extensions.ts";
export {
  bitLength,
  decodeAlert,
  decodeCertificates12,
  decodeCertificates13,
  decodeCertificateStatus,
  decodeCertificateVerify,
  decodeEncryptedExtensions,
  decodeNewSessionTicket12,
  decodeNewSessionTicket13,
  decodeServerKeyExchange,
  encodeAlert,
  encodeCertificates12,
  encodeCertificates13,
  encodeDheParams,
  encodeEcdheParams,
  type Alert,
  type CertificateEntry,
  type NewSessionTicket,
  type ServerKeyExchange,
  type Signed,
} from "./flight.ts";
export { greaseEncryptedHello, greaseValue } from "./grease.ts";
export { groupOf, groups, tls13Groups, type Group } from "./groups.ts";
export { createHandshakeParser, encodeHandshake, type HandshakeMessage, type HandshakeParser } from "./handshake.ts";
export {
  decodeClientHello,
  decodeServerHello,
  downgradeMark,
  encodeClientHello,
  encodeServerHello,
  helloRetryRandom,
  isHelloRetry,
  negotiatedVersion,
  type ClientHello,
  type ServerHello,
} from "./hellos.ts";
export {
  applicationSecrets,
  digest,
  finishedData,
  handshakeSecrets,
  hashLength,
  prf12,
  type HashName,
  type TrafficSecrets,
} from "./key-schedule.ts";
export {
  canAgree,
  createKeyAgreement,
  plausibleEncapsulationKey,
  type KeyAgreement,
  type Random,
} from "./key-share.ts";
export {
  alertName,
  contentTypes,
  extensionName,
  extensionTypes,
  handshakeTypes,
  signallingSuites,
  signatureSchemes,
  versionName,
  versions,
  type VersionName,
} from "./names.ts";
export { decodeOcspResponse, type BasicResponse, type OcspResponse, type SingleResponse } from "./ocsp.ts";
export { decodeCertificateRequest12, decodeCertificateRequest13 } from "./messages.ts";
export { prfOf, type Prf } from "./prf.ts";
export { nextTrafficSecret, preSharedKeyExtension, pskBinder, resumptionSecret, ticketKey } from "./psk.ts";
export { aeadOf, protection12, protection13, type Aead, type Protection } from "./protection.ts";
export { createRecordParser, encodeRecords, type RecordParser, type TlsRecord } from "./records.ts";
export {
  decodeSsl2ServerHello,
  encodeSsl2ClientHello,
  encodeSsl2ServerHello,
  looksLikeSsl2,
  type Ssl2ServerHello,
} from "./ssl2.ts";
export { hasClosePrimes, hasRocaFingerprint, rsaModulus } from "./rsa.ts";
export { schemeName } from "./schemes.ts";
export { verifiesHandshake13 } from "./signature.ts";
export { suiteOf, suites, type Suite } from "./suites.ts";
export {
  decodeTimestampList,
  signedTimestampData,
  timestampListOf,
  timestampsExtension,
  type LogEntry,
  type Timestamp,
} from "./transparency.ts";
export { encodeDer, readCertificateFields, withoutExtension, type CertificateFields } from "./x509.ts";
