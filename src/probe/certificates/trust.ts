import { X509Certificate } from "node:crypto";
import { createRequire } from "node:module";
import type * as tls from "node:tls";

import { DecodeError, readCertificate, readKeyPurposes } from "../../wire/index.ts";
import { printable } from "../http/http.ts";

/** Anchors to judge by. `local` ones are the user's or tlsforge's own. */
export interface TrustStore {
  readonly local: readonly X509Certificate[];
  /** The public ones; read when the first chain does not end in a local one. */
  readonly publicAnchors: () => readonly X509Certificate[];
}

export interface TrustResult {
  readonly trusted: boolean;
  readonly local: boolean;
  readonly anchor: string | null;
  readonly reason: string | null;
}

/** The system's anchors, read once for all targets. */
let systemStore: readonly X509Certificate[] | undefined;

/** A path longer than this is not followed. */
const maxDepth = 10;

/** A store from PEM texts, each with one or more certificates. `system` null: those of the system, or Node's own when it has none. Throws TypeError-like errors of node:crypto for PEM that is none. */
export function createTrustStore(local: readonly string[], system: readonly string[] | null): TrustStore {
  let publicAnchors: readonly X509Certificate[] | undefined;
  return {
    local: local.flatMap(splitPem).map((pem) => new X509Certificate(pem)),
    publicAnchors() {
      publicAnchors ??= system === null ? (systemStore ??= anchorsIn(systemAnchors())) : anchorsIn(system);
      return publicAnchors;
    },
  };
}

/**
 * Looks for a path from the leaf to an anchor (RFC 5280, 6, without name constraints and policies): each certificate issued and signed by the next,
 * all valid at `now`, issuers being CAs, the leaf for server use. Local anchors are tried first.
 */
export function judgeTrust(chain: readonly X509Certificate[], store: TrustStore, now: Date): TrustResult {
  const [leaf, ...others] = chain;
  if (leaf === undefined) return refused("the server sent no certificate");
  if (!isForServers(leaf)) return refused("the certificate is not for server use");
  const local = findPath(leaf, { others, anchors: store.local, now });
  if (local.anchor !== null) return { trusted: true, local: true, anchor: nameOf(local.anchor), reason: null };
  const open = findPath(leaf, { others, anchors: store.publicAnchors(), now });
  if (open.anchor !== null) return { trusted: true, local: false, anchor: nameOf(open.anchor), reason: null };
  return refused(open.reason);
}

/** The certificate that signed this one: sent by the server, or an anchor. */
export function issuerOf(
  certificate: X509Certificate,
  of: { others: readonly X509Certificate[]; store: TrustStore },
): X509Certificate | undefined {
  const signs = (candidate: X509Certificate): boolean => isSignedBy(certificate, candidate);
  return of.others.find(signs) ?? of.store.local.find(signs) ?? of.store.publicAnchors().find(signs);
}

/**
 * The name of the first issuer on the way up from the leaf that the server did not send and no anchor has; null where the way ends in an anchor or in a
 * certificate that signs itself.
 */
export function missingIssuer(chain: readonly X509Certificate[], store: TrustStore): string | null {
  let [certificate] = chain;
  for (let depth = 0; certificate !== undefined && depth < maxDepth; depth++) {
    if (certificate.checkIssued(certificate)) return null;
    const issuer = issuerOf(certificate, { others: chain, store });
    if (issuer === undefined) return printable(certificate.issuer.split("\n").join(", "));
    certificate = issuer;
  }
  return null;
}

/** True when each certificate was signed by the next one. */
export function isOrdered(chain: readonly X509Certificate[]): boolean {
  return chain.every((certificate, index) => {
    const next = chain[index + 1];
    return next === undefined || isSignedBy(certificate, next);
  });
}

/** True between the dates of the certificate, both included. */
export function isValidAt(certificate: X509Certificate, now: Date): boolean {
  return now >= new Date(certificate.validFrom) && now <= new Date(certificate.validTo);
}

type Path =
  | { readonly anchor: X509Certificate; readonly reason: null }
  | { readonly anchor: null; readonly reason: string };

function findPath(
  leaf: X509Certificate,
  of: { others: readonly X509Certificate[]; anchors: readonly X509Certificate[]; now: Date },
  depth = 0,
): Path {
  if (!isValidAt(leaf, of.now)) return { anchor: null, reason: `not valid now: ${nameOf(leaf)}` };
  const same = of.anchors.find((anchor) => anchor.fingerprint256 === leaf.fingerprint256);
  if (same !== undefined) return { anchor: same, reason: null };
  const anchor = of.anchors.find((candidate) => candidate.ca && isSignedBy(leaf, candidate));
  if (anchor !== undefined)
    return isValidAt(anchor, of.now)
      ? { anchor, reason: null }
      : { anchor: null, reason: `the anchor is not valid now: ${nameOf(anchor)}` };
  if (leaf.checkIssued(leaf))
    return {
      anchor: null,
      reason: depth === 0 ? "self-signed certificate" : `self-signed certificate in the chain: ${nameOf(leaf)}`,
    };
  if (depth >= maxDepth) return { anchor: null, reason: "the chain is too long" };
  let reason = `no issuer found for ${nameOf(leaf)} (it names ${printable(leaf.issuer.split("\n").join(", "))})`;
  for (const issuer of of.others.filter((candidate) => candidate.ca && isSignedBy(leaf, candidate))) {
    const path = findPath(issuer, { ...of, others: of.others.filter((candidate) => candidate !== issuer) }, depth + 1);
    if (path.anchor !== null) return path;
    reason = path.reason;
  }
  return { anchor: null, reason };
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** extendedKeyUsage, where it is there, must allow serverAuth or anything. */
function isForServers(certificate: X509Certificate): boolean {
  try {
    const usage = readCertificate(certificate.raw).extensions.get("2.5.29.37");
    return (
      usage === undefined || readKeyPurposes(usage).some((oid) => oid === "1.3.6.1.5.5.7.3.1" || oid === "2.5.29.37.0")
    );
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

function refused(reason: string): TrustResult {
  return { trusted: false, local: false, anchor: null, reason };
}

function nameOf(certificate: X509Certificate): string {
  return printable(certificate.subject.split("\n").join(", "));
}

/** Loaded only for a chain that does not end in a local anchor: node:tls costs more than all that is known of chains here. */
function systemAnchors(): readonly string[] {
  const { getCACertificates, rootCertificates } = createRequire(import.meta.url)("node:tls") as typeof tls;
  const anchors = getCACertificates("system");
  return anchors.length > 0 ? anchors : rootCertificates;
}

function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

function anchorsIn(texts: readonly string[]): readonly X509Certificate[] {
  return [...new Set(texts.flatMap(splitPem))].flatMap(parseLenient);
}

/** A system's store may hold what this OpenSSL does not read; the rest counts. */
function parseLenient(pem: string): X509Certificate[] {
  try {
    return [new X509Certificate(pem)];
  } catch {
    return [];
  }
}
