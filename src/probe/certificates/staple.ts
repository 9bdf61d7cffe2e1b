import { createHash, verify, X509Certificate } from "node:crypto";

import {
  decodeOcspResponse,
  hex,
  readCertificate,
  readCertificateFields,
  readKeyPurposes,
  sameBytes,
  timestampListOf,
  type BasicResponse,
  type SingleResponse,
} from "../../wire/index.ts";
import { failed, observed, readable, untestable, type Unknown } from "../outcome.ts";
import { clockSkewMs } from "./clock.ts";
import { isValidAt } from "./trust.ts";
import type { Outcome, StapleSeen } from "../types.ts";

/** A stapled response, judged by itself, and the list of timestamps that it carries for the leaf; why that cannot be read; null where it has none. */
export interface StapleRead {
  readonly staple: Outcome<StapleSeen>;
  readonly timestamps: Uint8Array | Unknown | null;
}

export interface StapleOf {
  readonly leaf: X509Certificate;
  /** Undefined where nobody has it; then nothing can be verified. */
  readonly issuer: X509Certificate | undefined;
  readonly now: Date;
}

const errors: Readonly<Record<number, string>> = {
  1: "malformedRequest",
  2: "internalError",
  3: "tryLater",
  5: "sigRequired",
  6: "unauthorized",
};

/** Hashes of certID by their identifiers (RFC 5754; RFC 3279). */
const hashes: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** Hashes of signature algorithms; null where the key alone says all (RFC 8410). */
const signatures: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.5": "sha1",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.1": "sha1",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null,
  "1.3.101.113": null,
};

const ocspSigning = "1.3.6.1.5.5.7.3.9";

/**
 * Days that a response without nextUpdate is taken for. RFC 6960, 4.2.2.1, leaves it to the client how old is too old; the Baseline Requirements of the CA/Browser
 * Forum, 4.9.10, let no response hold for longer than this. Browsers are stricter: Firefox (mozilla::pkix) takes one without nextUpdate for a day, Chromium any for seven.
 */
const mostDays = 10;
const dayMs = 86_400_000;

/** From best to worst. */
const statuses: readonly SingleResponse["status"][] = ["good", "unknown", "revoked"];

/**
 * Verifies a stapled OCSP response (RFC 6960, 3.2): it is about this leaf, signed by the leaf's issuer or by a responder that the issuer has named for it,
 * and its dates hold. Where several of its parts are about the leaf, the worst of those that hold by their dates stands; one that does not counts only
 * where none does. What cannot be read is `failed`.
 *
 * A nonce (RFC 9654) is not compared: the server fetched the response by a request of its own, before the client asked, so that a nonce in it is
 * the server's, which nobody else knows. Our hellos send none in status_request (RFC 6066, 8). Against replays there are only the dates.
 */
export function readStaple(der: Uint8Array, of: StapleOf): StapleRead {
  const read = readable("the stapled response", () => judgeStaple(der, of));
  return "state" in read ? { staple: read, timestamps: read } : read;
}

function judgeStaple(der: Uint8Array, of: StapleOf): StapleRead {
  const { status, basic } = decodeOcspResponse(der);
  if (basic === null) return unread(failed(`the response says ${errors[status] ?? `error ${status}`}`));
  const { issuer, leaf, now } = of;
  if (issuer === undefined) return unread(untestable("the certificate of the issuer is not at hand"));
  const about = basic.responses.filter((response) => isAbout(response, leaf, issuer));
  const single = decisive(about, now);
  const carried = about.find((response) => response.timestamps !== null)?.timestamps ?? null;
  const timestamps = carried === null ? null : readable("its timestamps", () => timestampListOf(carried));
  const hash = signatures[basic.signatureAlgorithm];
  if (hash === undefined)
    return {
      staple: untestable(`a signature of type ${basic.signatureAlgorithm} cannot be verified here`),
      timestamps,
    };
  const isPremature = [basic.producedAt, ...(single === undefined ? [] : [single.thisUpdate])].some((date) =>
    isFuture(date, now),
  );
  const problems = [
    ...(isPremature ? ["it is from the future"] : []),
    ...(single === undefined ? ["it is about another certificate"] : dateProblems(single, now)),
    ...signatureProblems(basic, { issuer, hash, now }),
  ];
  const shown = single ?? basic.responses[0];
  if (shown === undefined) return unread(failed("the response is about no certificate"));
  return {
    staple: observed({
      status: single?.status ?? "unknown",
      thisUpdate: shown.thisUpdate.toISOString(),
      nextUpdate: shown.nextUpdate?.toISOString() ?? null,
      problems,
    }),
    timestamps,
  };
}

/** The response to go by: the worst of those whose dates hold, for want of any the worst. */
function decisive(about: readonly SingleResponse[], now: Date): SingleResponse | undefined {
  const current = about.filter(
    (response) => !isFuture(response.thisUpdate, now) && dateProblems(response, now).length === 0,
  );
  return (current.length > 0 ? current : about).toSorted(
    (one, other) => statuses.indexOf(other.status) - statuses.indexOf(one.status),
  )[0];
}

function unread(staple: Unknown): StapleRead {
  return { staple, timestamps: null };
}

/** certID: hashes of the issuer's name and key, and the serial number (RFC 6960, 4.1.1). */
function isAbout(response: SingleResponse, leaf: X509Certificate, issuer: X509Certificate): boolean {
  const hash = hashes[response.hashAlgorithm];
  if (hash === undefined) return false;
  const { serial, issuer: name } = readCertificateFields(leaf.raw);
  const { publicKey } = readCertificateFields(issuer.raw);
  return (
    sameBytes(response.serial, serial) &&
    hex(response.issuerNameHash) === createHash(hash).update(name).digest("hex") &&
    hex(response.issuerKeyHash) === createHash(hash).update(publicKey).digest("hex")
  );
}

function isFuture(date: Date, now: Date): boolean {
  return date.getTime() > now.getTime() + clockSkewMs;
}

function dateProblems({ thisUpdate, nextUpdate }: SingleResponse, now: Date): string[] {
  if (nextUpdate === null)
    return now.getTime() - thisUpdate.getTime() > mostDays * dayMs
      ? [`it is older than ${mostDays} days and does not say until when it holds`]
      : [];
  return [
    ...(nextUpdate < now ? ["it is out of date"] : []),
    ...(nextUpdate < thisUpdate ? ["it ends before it begins"] : []),
  ];
}

/** RFC 6960, 4.2.2.2: the issuer itself, or a certificate that it issued for signing OCSP responses. */
function signatureProblems(
  basic: BasicResponse,
  { issuer, hash, now }: { issuer: X509Certificate; hash: string | null; now: Date },
): string[] {
  if (isResponder(basic, issuer)) return verifies(basic, issuer, hash) ? [] : ["its signature does not verify"];
  const delegate = basic.certificates
    .map((der) => new X509Certificate(der))
    .find((certificate) => isResponder(basic, certificate));
  if (delegate === undefined) return ["the certificate of its responder is not in it"];
  const purposes = readCertificate(delegate.raw).extensions.get("2.5.29.37");
  return [
    ...(delegate.checkIssued(issuer) && delegate.verify(issuer.publicKey)
      ? []
      : ["its responder was not certified by the issuer of the certificate"]),
    ...(purposes !== undefined && readKeyPurposes(purposes).includes(ocspSigning)
      ? []
      : ["the certificate of its responder is not for signing OCSP responses"]),
    ...(isValidAt(delegate, now) ? [] : ["the certificate of its responder is not valid now"]),
    ...(verifies(basic, delegate, hash) ? [] : ["its signature does not verify"]),
  ];
}

function isResponder({ responder }: BasicResponse, certificate: X509Certificate): boolean {
  const { subject, publicKey } = readCertificateFields(certificate.raw);
  return responder.kind === "name"
    ? sameBytes(responder.value, subject)
    : hex(responder.value) === createHash("sha1").update(publicKey).digest("hex");
}

function verifies({ signedData, signature }: BasicResponse, signer: X509Certificate, hash: string | null): boolean {
  return verify(hash, signedData, signer.publicKey, signature);
}
