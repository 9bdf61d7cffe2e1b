/** Certificates and keys in a folder of PEM files that somebody else looks after: of certbot, lego, or by hand. */
import { X509Certificate, createPrivateKey, createPublicKey } from "node:crypto";
import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";
import { namesOf } from "./names.ts";
import type { CertificateFiles } from "./types.ts";

/** What a folder holds. */
export interface FoundPairs {
  /** By the paths of their chains: the first is the default. */
  readonly pairs: readonly CertificateFiles[];
  /** Sorts of their keys, by Node's names: `rsa`, `ec`, `ed25519`. */
  readonly sorts: ReadonlySet<string>;
  /** Names that they are for, as `namesOf` writes them. */
  readonly names: ReadonlySet<string>;
  /** Their leaves, and all that lies in the files of their chains. */
  readonly leaves: readonly Leaf[];
  /** What lies there and is not served, each with the reason, and what is not as it should be. */
  readonly notes: readonly string[];
}

/** A certificate that is served, the file of its chain, and the certificates in it. */
export interface Leaf {
  readonly chain: string;
  readonly certificate: X509Certificate;
  readonly certificates: readonly X509Certificate[];
}

/** id-kp-serverAuth. */
const serverAuth = "1.3.6.1.5.5.7.3.1";

/** Many times what the longest chain takes, in bytes. */
const largestFile = 1 << 20;

/**
 * Every certificate in a folder (and in the folders right below it, and below its `live`, as certbot has them) that has its key there too. They
 * are matched by public key and not by name, so every layout will do; of several files with a certificate the longest chain is taken.
 * Throws ForgeError `certificate-failed` when there is no pair, for a key with a passphrase, for a key that does not belong to the certificate
 * whose name it has, and for a certificate whose time is over or has not come, or that is not a server's.
 */
export async function certificatesIn(directory: string, now = new Date()): Promise<FoundPairs> {
  const notes: string[] = [];
  const files = await pemFiles(directory);
  for (const { path, certificates, keys, lack } of files)
    if (certificates.length + keys.length === 0) notes.push(`${path} is ignored: ${lack}`);
  const keys = files.flatMap(({ path, keys: texts }) => texts.map((text) => ({ path, spki: publicKeyOf(path, text) })));
  const found = files.flatMap(({ path, certificates }) =>
    certificates.flatMap((certificate) => {
      const spki = spkiOf(certificate);
      const own = keys.filter((key) => key.spki === spki);
      const key = own.find((each) => dirname(each.path) === dirname(path)) ?? own[0];
      return key === undefined ? [] : [{ chain: path, key: key.path, certificate, certificates, spki }];
    }),
  );
  const served = withoutSuperseded(withoutAuthorities(distinct(found), notes), notes);
  for (const { path, certificates } of files)
    if (certificates.some(({ ca }) => !ca) && !found.some(({ chain }) => chain === path))
      notes.push(`${path} is a certificate without its key`);
  for (const { path, spki } of keys) {
    if (found.some((each) => each.spki === spki)) continue;
    refuseMismatch(path, files);
    notes.push(`${path} is a key without its certificate`);
  }
  if (served.length === 0)
    throw new ForgeError("certificate-failed", `there is no certificate with its key in ${directory}`, {
      details: notes,
      hint: "put NAME.pem (certificate, then intermediates) and NAME.key there, or fullchain.pem and privkey.pem",
    });
  for (const each of served) {
    refuseOutOfTime(each, now);
    refuseOtherUse(each);
    if (((await stat(each.key)).mode & 0o007) !== 0)
      notes.push(`${each.key} is a key that every user of this machine has access to: chmod 600 ${each.key}`);
  }
  return {
    pairs: served.map(({ chain, key }) => ({ chain, key })),
    sorts: new Set(served.map(sortOf)),
    names: new Set(served.flatMap(({ certificate }) => namesOf(certificate.subjectAltName))),
    leaves: served,
    notes,
  };
}

interface PemFile {
  readonly path: string;
  readonly certificates: readonly X509Certificate[];
  /** PEM texts of private keys. */
  readonly keys: readonly string[];
  /** Why it has neither. */
  readonly lack: string;
}

interface Found extends CertificateFiles, Leaf {
  readonly spki: string;
}

async function pemFiles(directory: string): Promise<readonly PemFile[]> {
  const below = await foldersIn(directory);
  const live = below.includes(join(directory, "live")) ? await foldersIn(join(directory, "live")) : [];
  const files: PemFile[] = [];
  const seen = new Set<string>();
  for (const folder of [directory, ...below, ...live])
    for (const name of (await list(folder)).filter((each) => /\.(?:pem|crt|cer|key)$/i.test(each)).toSorted()) {
      const path = join(folder, name);
      const real = await realpath(path).catch(() => path);
      if (seen.has(real)) continue;
      seen.add(real);
      if ((await stat(path).catch(() => null))?.isDirectory() !== true) files.push(await readPem(path));
    }
  return files;
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    throw new ForgeError("certificate-failed", `the certificate folder ${folder} cannot be read`, {
      cause: error,
      hint: "check server.certificate.directory in the site file",
    });
  });
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const paths = (await list(folder)).toSorted().map((name) => join(folder, name));
  const facts = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
  return paths.filter((_, index) => facts[index]?.isDirectory() === true);
}

async function readPem(path: string): Promise<PemFile> {
  const empty = { path, certificates: [], keys: [] };
  const facts = await stat(path).catch(() => null);
  // The end of a pipe might never come.
  if (facts?.isFile() !== true || facts.size > largestFile) return { ...empty, lack: "it is no file of certificates" };
  const text = await readFile(path, "latin1").catch((error: unknown) => error as NodeJS.ErrnoException);
  if (typeof text !== "string")
    throw new ForgeError("certificate-failed", `${path} cannot be read: ${text.code ?? text.message}`, {
      hint: "let the user who runs tlsforge read it, or move it elsewhere",
    });
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g) ?? [];
  const texts = blocks.filter((block) => /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(block));
  return {
    path,
    certificates: texts.map((block) => parseCertificate(path, block)),
    keys: blocks.filter((block) => /^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(block)),
    lack: blocks.length === 0 ? "it holds nothing in PEM form" : "it holds neither a certificate nor a key",
  };
}

function parseCertificate(path: string, block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw new ForgeError("certificate-failed", `${path} holds a certificate that cannot be read`, {
      cause: error,
      hint: "write the file anew, or move it elsewhere",
    });
  }
}

/** The public half of a key, DER in base64. */
function publicKeyOf(path: string, text: string): string {
  if (/BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(text))
    throw new ForgeError("certificate-failed", `the key ${path} has a passphrase, which nobody is there to type`, {
      hint: `take it off: openssl pkey -in ${path} -out NEW, with mode 0600; or move it elsewhere`,
    });
  try {
    return createPublicKey(createPrivateKey(text)).export({ type: "spki", format: "der" }).toString("base64");
  } catch (error) {
    throw new ForgeError("certificate-failed", `${path} holds a key that cannot be read`, {
      cause: error,
      hint: "write the file anew, or move it elsewhere",
    });
  }
}

/** Null for a sort of key that Node does not know: then no key of ours belongs to it. */
function spkiOf(certificate: X509Certificate): string | null {
  try {
    return certificate.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  } catch {
    return null;
  }
}

/** Of each certificate the file with the longest chain; of equal ones the first by name. */
function distinct(found: readonly (Omit<Found, "spki"> & { readonly spki: string | null })[]): readonly Found[] {
  const best = new Map<string, Found>();
  for (const { spki, ...each } of found) {
    const { fingerprint256 } = each.certificate;
    if (spki !== null && each.certificates.length > (best.get(fingerprint256)?.certificates.length ?? 0))
      best.set(fingerprint256, { ...each, spki });
  }
  return [...best.values()].toSorted((a, b) => (a.chain < b.chain ? -1 : 1));
}

/** An authority whose key lies beside what it has issued is not there to be served. */
function withoutAuthorities(found: readonly Found[], notes: string[]): readonly Found[] {
  return found.filter(({ certificate, chain }) => {
    const issued = found.some(
      (other) => other.certificate !== certificate && other.certificate.checkIssued(certificate),
    );
    if (issued) notes.push(`${chain} is the certificate of an authority: it is not served`);
    return !issued;
  });
}

/** Of certificates with the same names and sort of key the newest: the others are what it was renewed from, and a name has one of a sort. */
function withoutSuperseded(found: readonly Found[], notes: string[]): readonly Found[] {
  return found.filter((each) => {
    const newer = found.find(
      (other) => sameUse(each, other) && other.certificate.validFromDate > each.certificate.validFromDate,
    );
    if (newer !== undefined) notes.push(`${each.chain} is not served: ${newer.chain} is newer, for the same names`);
    return newer === undefined;
  });
}

function sameUse(one: Found, other: Found): boolean {
  const [names, others] = [one, other].map(({ certificate }) => namesOf(certificate.subjectAltName).join());
  return sortOf(one) === sortOf(other) && names === others;
}

function sortOf({ certificate }: Found): string {
  return certificate.publicKey.asymmetricKeyType ?? "unknown";
}

function refuseOutOfTime({ chain, certificate: { validFromDate: from, validToDate: to } }: Found, now: Date): void {
  const hint = `renew it, or move ${chain} elsewhere`;
  if (to <= now) throw new ForgeError("certificate-failed", `${chain} expired at ${to.toISOString()}`, { hint });
  if (from > now)
    throw new ForgeError("certificate-failed", `${chain} is not valid before ${from.toISOString()}`, {
      hint: "look at the clock, or put one there that is valid already",
    });
}

/** Refuses what clients do not take from a server (RFC 5280, sections 4.2.1.9 and 4.2.1.12). */
function refuseOtherUse({ chain, certificate: { ca, keyUsage } }: Found): void {
  if (ca)
    throw new ForgeError("certificate-failed", `${chain} is the certificate of an authority, not of a server`, {
      hint: "one that openssl req -x509 makes for itself needs -addext basicConstraints=critical,CA:FALSE",
    });
  // Node's name for what is the extended key usage; undefined without one.
  if ((keyUsage as readonly string[] | undefined)?.includes(serverAuth) === false)
    throw new ForgeError(
      "certificate-failed",
      `${chain} is not meant for servers: its extended key usage has no serverAuth`,
      {
        hint: `ask for one that is, or move ${chain} elsewhere`,
      },
    );
}

/** A key that has the name of a certificate was meant for it. */
function refuseMismatch(key: string, files: readonly PemFile[]): void {
  const meant = chainNamesFor(key);
  const other = files.find(({ path, certificates }) => certificates.length > 0 && meant.includes(path));
  if (other === undefined) return;
  throw new ForgeError("certificate-failed", `${key} does not belong to the certificate in ${other.path}`, {
    hint: "put the key there that the certificate was made for, or move one of them elsewhere",
  });
}

function chainNamesFor(key: string): readonly string[] {
  const folder = dirname(key);
  if (key.endsWith("/privkey.pem")) return [join(folder, "fullchain.pem"), join(folder, "cert.pem")];
  const stem = key.replace(/\.(?:key|pem)$/i, "");
  return [".pem", ".crt", ".cer"].map((extension) => `${stem}${extension}`);
}
