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

/** With the path that was taken, from the leaf to the anchor; null where there is none. */
export interface TrustJudged {
  readonly trust: TrustResult;
  readonly path: readonly X509Certificate[] | null;
}

/** The system's anchors, read once for all targets. */
let systemStore: readonly X509Certificate[] | undefined;

/** A path longer than this is not followed. */
const maxDepth = 10;
/** A chain that needs more signatures verified is made to keep a verifier busy: those in use need a handful. */
const mostChecks = 200;

/** A store from PEM texts, each with one or more certificates that can be read (`unreadablePem`). `system` null: those of the system, or Node's own when it has none. */
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
 * all valid at `now`, issuers being CAs, the leaf for server use. Local anchors are tried first. A search that takes too long ends without trust.
 */
export function judgeTrust(chain: readonly X509Certificate[], store: TrustStore, now: Date): TrustJudged {
  const [leaf, ...others] = chain;
  if (leaf === undefined) return refused("the server sent no certificate");
  if (!isForServers(leaf)) return refused("the certificate is not for server use");
  const of = { others, now, signs: limitedCheck(mostChecks) };
  try {
    const local = findPath(leaf, { ...of, anchors: store.local });
    if (local.anchor !== null) return accepted(local, true);
    const open = findPath(leaf, { ...of, anchors: store.publicAnchors() });
    return open.anchor === null ? refused(open.reason) : accepted(open, false);
  } catch (error) {
    if (error instanceof TooManyChecks)
      return refused(`no path to an anchor was found within ${mostChecks} checks of signatures`);
    throw error;
  }
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

/** The certificate and its issuers in turn, of those that the server sent. */
export function upFrom(leaf: X509Certificate, chain: readonly X509Certificate[]): readonly X509Certificate[] {
  const way = [leaf];
  for (const certificate of way) {
    const issuer = way.length > maxDepth ? undefined : chain.find((candidate) => isSignedBy(certificate, candidate));
    if (issuer !== undefined && !way.includes(issuer)) way.push(issuer);
  }
  return way;
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
  | { readonly anchor: X509Certificate; readonly certificates: readonly X509Certificate[] }
  | { readonly anchor: null; readonly reason: string };

interface Step {
  readonly certificate: X509Certificate;
  readonly before: readonly X509Certificate[];
}

/** Breadth first, so that each certificate is looked at once and by the shortest way to it: a server may send any number that issued each other. */
function findPath(
  leaf: X509Certificate,
  of: { others: readonly X509Certificate[]; anchors: readonly X509Certificate[]; now: Date; signs: SignatureCheck },
): Path {
  const left = new Set(of.others);
  const steps: Step[] = [{ certificate: leaf, before: [] }];
  let reason = "";
  // Steps are added while they are gone through.
  for (const { certificate, before } of steps) {
    const end = judgeStep(certificate, { ...of, depth: before.length });
    if (typeof end === "object") return { anchor: end, certificates: [...before, certificate, end] };
    reason = end;
    if (end.length > 0) continue;
    const issuers = [...left].filter((candidate) => candidate.ca && of.signs(certificate, candidate));
    for (const issuer of issuers) {
      left.delete(issuer);
      steps.push({ certificate: issuer, before: [...before, certificate] });
    }
    reason = `no issuer found for ${nameOf(certificate)} (it names ${printable(certificate.issuer.split("\n").join(", "))})`;
  }
  return { anchor: null, reason };
}

/** The anchor that a path ends in with this certificate, or why the path cannot go on; empty where it can. */
function judgeStep(
  certificate: X509Certificate,
  of: { anchors: readonly X509Certificate[]; now: Date; signs: SignatureCheck; depth: number },
): X509Certificate | string {
  if (!isValidAt(certificate, of.now)) return `not valid now: ${nameOf(certificate)}`;
  const same = of.anchors.find((anchor) => anchor.fingerprint256 === certificate.fingerprint256);
  if (same !== undefined) return same;
  const anchor = of.anchors.find((candidate) => candidate.ca && of.signs(certificate, candidate));
  if (anchor !== undefined)
    return isValidAt(anchor, of.now) ? anchor : `the anchor is not valid now: ${nameOf(anchor)}`;
  if (certificate.checkIssued(certificate))
    return of.depth === 0 ? "self-signed certificate" : `self-signed certificate in the chain: ${nameOf(certificate)}`;
  return of.depth >= maxDepth ? "the chain is too long" : "";
}

type SignatureCheck = (certificate: X509Certificate, issuer: X509Certificate) => boolean;

/** Thrown when a chain asks for more signature checks than it may. */
class TooManyChecks extends Error {}

/** Verifies the signature of each pair once, and of so many pairs at most. */
function limitedCheck(most: number): SignatureCheck {
  const known = new Map<X509Certificate, Map<X509Certificate, boolean>>();
  let checks = 0;
  return (certificate, issuer) => {
    if (!certificate.checkIssued(issuer)) return false;
    const before = known.get(certificate)?.get(issuer);
    if (before !== undefined) return before;
    if (++checks > most) throw new TooManyChecks();
    const signed = certificate.verify(issuer.publicKey);
    known.set(certificate, (known.get(certificate) ?? new Map<X509Certificate, boolean>()).set(issuer, signed));
    return signed;
  };
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

function refused(reason: string): TrustJudged {
  return { trust: { trusted: false, local: false, anchor: null, reason }, path: null };
}

function accepted(path: Path & { anchor: X509Certificate }, local: boolean): TrustJudged {
  return { trust: { trusted: true, local, anchor: nameOf(path.anchor), reason: null }, path: path.certificates };
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

/** Which of the certificates in a PEM text, from 1, is none; null when all are. */
export function unreadablePem(text: string): number | null {
  const whole = splitPem(text);
  const index = whole.findIndex((pem) => parseLenient(pem).length === 0);
  const isCut = (text.match(/-----BEGIN CERTIFICATE-----/g) ?? []).length > whole.length;
  return index >= 0 ? index + 1 : isCut ? whole.length + 1 : null;
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
