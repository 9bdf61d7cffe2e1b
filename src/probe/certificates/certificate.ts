import type { X509Certificate } from "node:crypto";

import {
  demandsStaple,
  readCertificate,
  readOcspUrls,
  readSubjectNames,
  DecodeError,
  type CertificateParts,
} from "../../wire/index.ts";
import { printable } from "../http/http.ts";
import type { CertificateSeen } from "../types.ts";

const oids = {
  subjectAltName: "2.5.29.17",
  authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
  tlsFeature: "1.3.6.1.5.5.7.1.24",
} as const;

/** Names of signature algorithms by identifier (RFC 3279, 4055, 5758, 8410, 9881). */
const signatureNames: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
  "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
  "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
  "1.2.840.113549.1.1.10": "rsassaPss",
  "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
  "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
  "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
  "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
  "1.2.840.10040.4.3": "dsaWithSHA1",
  "1.2.840.10045.4.1": "ecdsaWithSHA1",
  "1.2.840.10045.4.3.1": "ecdsaWithSHA224",
  "1.2.840.10045.4.3.2": "ecdsaWithSHA256",
  "1.2.840.10045.4.3.3": "ecdsaWithSHA384",
  "1.2.840.10045.4.3.4": "ecdsaWithSHA512",
  "1.3.101.112": "Ed25519",
  "1.3.101.113": "Ed448",
  "2.16.840.1.101.3.4.3.2": "dsaWithSHA256",
  "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
  "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
  "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
};

/** Bits of the curves that certificates have; OpenSSL's names. */
const curveBits: Readonly<Record<string, number>> = {
  prime256v1: 256,
  secp256k1: 256,
  secp384r1: 384,
  secp521r1: 521,
  secp224r1: 224,
  prime192v1: 192,
  brainpoolP256r1: 256,
  brainpoolP384r1: 384,
  brainpoolP512r1: 512,
};

/** One certificate as data. Text from it has its control characters escaped. Throws DecodeError when its structure is broken. */
export function certificateSeen(certificate: X509Certificate): CertificateSeen {
  const parts = readCertificate(certificate.raw);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: fromExtension(parts, oids.subjectAltName, readSubjectNames).map(printable),
    notBefore: isoDate(certificate.validFrom),
    notAfter: isoDate(certificate.validTo),
    key: keyOf(certificate),
    signature: signatureNames[parts.signatureAlgorithm] ?? parts.signatureAlgorithm,
    serial: certificate.serialNumber.toLowerCase(),
    sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    selfSigned: certificate.checkIssued(certificate),
    isCa: certificate.ca,
    mustStaple: hasMustStaple(parts),
    ocspUrls: fromExtension(parts, oids.authorityInfoAccess, readOcspUrls).map(printable),
  };
}

function keyOf(certificate: X509Certificate): CertificateSeen["key"] {
  const key = certificate.publicKey;
  const { modulusLength = 0, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
    case "rsa-pss":
      return {
        type: "RSA",
        bits: modulusLength,
        curve: null,
        exponent: publicExponent === undefined ? null : publicExponent.toString(),
      };
    case "ec":
      return { type: "EC", bits: curveBits[namedCurve ?? ""] ?? 0, curve: namedCurve ?? null, exponent: null };
    case "ed25519":
      return { type: "Ed25519", bits: 256, curve: null, exponent: null };
    case "ed448":
      return { type: "Ed448", bits: 456, curve: null, exponent: null };
    case "dsa":
      return { type: "DSA", bits: modulusLength, curve: null, exponent: null };
    default:
      return { type: "other", bits: 0, curve: null, exponent: null };
  }
}

function hasMustStaple(parts: CertificateParts): boolean {
  const feature = parts.extensions.get(oids.tlsFeature);
  return feature !== undefined && demandsStaple(feature);
}

function fromExtension(parts: CertificateParts, oid: string, read: (extension: Uint8Array) => string[]): string[] {
  const extension = parts.extensions.get(oid);
  return extension === undefined ? [] : read(extension);
}

/** node:crypto gives one attribute a line. */
function oneLine(name: string): string {
  return printable(name.split("\n").join(", "));
}

function isoDate(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new DecodeError(`a date that is none: ${printable(text)}`);
  return date.toISOString();
}
