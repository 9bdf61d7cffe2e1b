import { X509Certificate, createPrivateKey } from "node:crypto";
import { mkdir, readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ForgeError } from "../errors.ts";
import { fileError } from "./files.ts";
import { issueAuthority, issueLeaf } from "./issue.ts";
import type { Issuer, KeyKind } from "./issue.ts";
import { certificateNames, nameText, namesOf } from "./names.ts";
import type { HostName } from "./names.ts";
import type { LocalCertificates, Run } from "./types.ts";

/** What local certificates are made with. */
export interface CertificateOptions {
  /** Absolute path of the openssl program to make them with. */
  readonly openssl: string;
  /** The folder that keeps them, `<prefix>/var/tls`. */
  readonly folder: string;
  /** Names and addresses the server answers for; the machine's own are always added. */
  readonly names: readonly string[];
  readonly now: Date;
  readonly run: Run;
  /**
   * A leaf for each sort of key; one of ECDSA P-256 unless given. The authority's key is P-256, or RSA for RSA-2048 alone, and a folder has one
   * authority.
   */
  readonly keys?: readonly KeyKind[];
}

/** A pair as it was found, already checked to belong together. */
interface Pair {
  readonly folder: string;
  readonly certificate: X509Certificate;
}

/**
 * A local authority and leaves below it, made when they are missing and kept while they are good. A leaf is made anew when it is
 * due for renewal or the names have changed, in a folder of its own: chain and key change together or not at all.
 *
 * Throws ForgeError `certificate-failed` for files that are there and not right, `site-invalid` for a name that is none.
 */
export async function ensureCertificates(options: CertificateOptions): Promise<LocalCertificates> {
  const names = certificateNames(options.names);
  try {
    await mkdir(options.folder, { recursive: true, mode: 0o755 });
    await removeUnfinished(options.folder);
    const found = await readPair(join(options.folder, "ca"));
    const authority = found ?? (await makeAuthority(options));
    checkAuthority(authority, options.now);
    const leaves: Pair[] = [];
    let made = false;
    for (const key of keysOf(options)) {
      const leaf = await findLeaf(options, { authority, names, key });
      leaves.push(leaf ?? (await makeLeaf(options, { authority, names, key })));
      made ||= leaf === null;
    }
    if (made) await removeOld(options.folder, leaves);
    return local(authority, leaves, found === null ? "authority" : made ? "leaf" : "none");
  } catch (error) {
    throw fileError(error, `Certificates in ${options.folder} cannot be kept`);
  }
}

/** What `ensureCertificates` would keep as it is; null when it would make something. Changes nothing. Throws as it does. */
export async function findCertificates(
  options: Pick<CertificateOptions, "folder" | "names" | "now" | "keys">,
): Promise<LocalCertificates | null> {
  const names = certificateNames(options.names);
  const authority = await readPair(join(options.folder, "ca"));
  if (authority === null) return null;
  checkAuthority(authority, options.now);
  const found = await Promise.all(keysOf(options).map((key) => findLeaf(options, { authority, names, key })));
  const leaves = found.filter((leaf) => leaf !== null);
  return leaves.length < found.length ? null : local(authority, leaves, "none");
}

function keysOf({ keys = ["P-256"] }: Pick<CertificateOptions, "keys">): readonly KeyKind[] {
  return keys;
}

function local(authority: Pair, leaves: readonly Pair[], issued: LocalCertificates["issued"]): LocalCertificates {
  const ends = leaves.map(({ certificate }) => certificate.validToDate.getTime());
  return {
    authority: join(authority.folder, "cert.pem"),
    certificates: leaves.map(({ folder }) => ({ chain: join(folder, "cert.pem"), key: join(folder, "key.pem") })),
    issued,
    notAfter: new Date(Math.min(...ends)).toISOString(),
  };
}

/** What a leaf is to be. */
interface Wanted {
  readonly authority: Pair;
  readonly names: readonly HostName[];
  readonly key: KeyKind;
}

async function makeAuthority(options: CertificateOptions): Promise<Pair> {
  const key = keysOf(options).every((each) => each === "RSA-2048") ? "RSA-2048" : "P-256";
  return expectPair(await issueAuthority(issuer(options, key)));
}

async function makeLeaf(options: CertificateOptions, { authority, names, key }: Wanted): Promise<Pair> {
  const leaf = await expectPair(
    await issueLeaf(issuer(options, key), {
      authority: authority.folder,
      names,
      authorityEnds: authority.certificate.validToDate,
    }),
  );
  if (!isLeafOf(leaf.certificate, authority.certificate)) {
    throw new ForgeError(
      "certificate-failed",
      `The certificate just made in ${leaf.folder} is not signed by ${authority.folder}`,
    );
  }
  return leaf;
}

/** The newest leaf that can still be served: signed by this authority, with these names and this sort of key, and not due for renewal. */
async function findLeaf(
  options: Pick<CertificateOptions, "folder" | "now">,
  { authority, names, key }: Wanted,
): Promise<Pair | null> {
  const wanted = names.map(nameText).toSorted().join();
  for (const folder of (await leafFolders(options.folder)).toReversed()) {
    const leaf = await expectPair(folder);
    const { certificate } = leaf;
    const begin = certificate.validFromDate.getTime();
    const now = options.now.getTime();
    const named = namesOf(certificate.subjectAltName).join() === wanted;
    const fits = named && hasKey(certificate, key);
    if (now >= begin && now < renewalOf(certificate) && fits && isLeafOf(certificate, authority.certificate))
      return leaf;
  }
  return null;
}

/** When a certificate is to be renewed, as the server tells of it: after two thirds of its life, or half of one that is shorter than 10 days. */
function renewalOf({ validFromDate, validToDate }: X509Certificate): number {
  const begin = validFromDate.getTime();
  const life = validToDate.getTime() - begin;
  return begin + (life < 10 * 86_400_000 ? life / 2 : (life * 2) / 3);
}

/** By the names that Node has for curves. */
function hasKey({ publicKey }: X509Certificate, kind: KeyKind): boolean {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  const curves: Readonly<Record<string, KeyKind>> = { prime256v1: "P-256", secp384r1: "P-384" };
  return kind === (namedCurve === undefined ? `RSA-${modulusLength ?? 0}` : curves[namedCurve]);
}

function isLeafOf(leaf: X509Certificate, authority: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

function checkAuthority(authority: Pair, now: Date): void {
  const path = join(authority.folder, "cert.pem");
  if (!authority.certificate.ca) {
    throw new ForgeError(
      "certificate-failed",
      `${path} is not the certificate of an authority`,
      startOver(authority.folder),
    );
  }
  const { validFromDate: from } = authority.certificate;
  // It was made on this machine: so the clock was ahead then, or is behind now.
  if (from.getTime() - now.getTime() > 60_000) {
    throw new ForgeError(
      "certificate-failed",
      `The local authority ${path} is not valid before ${from.toISOString()}`,
      {
        hint: `set the clock right; if it is right now, ${startOver(authority.folder).hint}`,
      },
    );
  }
  if (authority.certificate.validToDate.getTime() - now.getTime() < 86_400_000) {
    const end = authority.certificate.validToDate.toISOString();
    throw new ForgeError(
      "certificate-failed",
      `The local authority ${path} ends at ${end}`,
      startOver(authority.folder),
    );
  }
}

async function expectPair(folder: string): Promise<Pair> {
  const pair = await readPair(folder);
  if (pair !== null) return pair;
  throw new ForgeError("certificate-failed", `${folder} vanished while it was read`);
}

/** Reads a folder's certificate and key and checks that they belong together; null when there is no such folder. */
async function readPair(folder: string): Promise<Pair | null> {
  const paths = { certificate: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  if (!(await isThere(folder))) return null;
  const refuse = (what: string): ForgeError => new ForgeError("certificate-failed", what, startOver(folder));
  for (const path of [paths.certificate, paths.key]) {
    if (!(await isThere(path))) throw refuse(`${path} is missing`);
  }
  const mode = (await stat(paths.key)).mode & 0o777;
  if ((mode & 0o077) !== 0) throw refuse(`${paths.key} can be read by others (mode ${mode.toString(8)})`);
  const certificate = parse(await readFile(paths.certificate), (text) => new X509Certificate(text));
  if (certificate === null) throw refuse(`${paths.certificate} is not a certificate in PEM form`);
  const key = parse(await readFile(paths.key), (text) => createPrivateKey(text));
  if (key === null) throw refuse(`${paths.key} is not a private key in PEM form`);
  if (!certificate.checkPrivateKey(key)) throw refuse(`${paths.key} does not belong to ${paths.certificate}`);
  return { folder, certificate };
}

/** Node's parsers throw errors of many classes for bytes that they cannot read; all of them mean the same here. */
function parse<T>(bytes: Buffer, read: (bytes: Buffer) => T): T | null {
  try {
    return read(bytes);
  } catch {
    return null;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function leafFolders(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.startsWith("leaf-"))
    .toSorted()
    .map((name) => join(folder, name));
}

async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(".new-")) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Keeps the leaves in use and as many of the newest others, which a running server may still be told to read again. */
async function removeOld(folder: string, used: readonly Pair[]): Promise<void> {
  const others = (await leafFolders(folder)).filter((each) => !used.some((leaf) => leaf.folder === each));
  for (const old of others.slice(0, -used.length)) await rm(old, { recursive: true, force: true });
}

function issuer({ openssl, folder, now, run }: CertificateOptions, key: KeyKind): Issuer {
  return { openssl, folder, now, run, key };
}

function startOver(folder: string): { hint: string } {
  return {
    hint: `remove ${folder} to have it made anew; clients that trust a former authority must then trust the new one`,
  };
}
