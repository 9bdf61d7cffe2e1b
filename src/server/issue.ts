import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";
import { publishFolder } from "./files.ts";
import type { HostName } from "./names.ts";
import type { Run } from "./types.ts";

/** A sort of key that local certificates have. */
export type KeyKind = "P-256" | "P-384" | "RSA-2048" | "RSA-3072" | "RSA-4096";

const keyOptions: Readonly<Record<KeyKind, readonly string[]>> = {
  "P-256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
  "P-384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"],
  "RSA-2048": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  "RSA-3072": ["RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
  "RSA-4096": ["RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
};

/** What every issue needs. */
export interface Issuer {
  readonly openssl: string;
  readonly folder: string;
  readonly now: Date;
  readonly run: Run;
  readonly key: KeyKind;
}

/** A leaf to issue. `authority` is the folder with the authority's pair. */
export interface LeafRequest {
  readonly authority: string;
  readonly names: readonly HostName[];
  readonly authorityEnds: Date;
}

/** Ten years for the authority. A leaf gets a day less than the 90 that it may have: the second at each end counts too. */
const authorityDays = 3650;
const leafDays = 89;

/** Makes `<folder>/ca` with `cert.pem` and `key.pem` (0600). Returns the folder. */
export async function issueAuthority(issuer: Issuer): Promise<string> {
  const name = `tlsforge local authority ${randomBytes(4).toString("hex")}`;
  return inNewFolder(issuer, "ca", async (folder) => {
    const config = await writeConfig(folder, name, [
      "basicConstraints = critical, CA:TRUE, pathlen:0",
      "keyUsage = critical, keyCertSign, cRLSign",
      "subjectKeyIdentifier = hash",
      "authorityKeyIdentifier = keyid",
    ]);
    const at = (file: string): string => join(folder, file);
    await makeKey(issuer, config, at("key.pem"));
    // prettier-ignore
    await openssl(issuer, config, [
      "req", "-new", "-x509", "-config", config, "-extensions", "extensions", "-key", at("key.pem"), "-sha256",
      "-days", String(authorityDays), "-set_serial", serial(), "-out", at("cert.pem"),
    ]);
  });
}

/** Makes `<folder>/leaf-<time>` with `cert.pem` and `key.pem` (0600), signed by the authority. Returns the folder. */
export async function issueLeaf(issuer: Issuer, request: LeafRequest): Promise<string> {
  const days = Math.min(leafDays, Math.floor((request.authorityEnds.getTime() - issuer.now.getTime()) / 86_400_000));
  const stamp = issuer.now.toISOString().replace(/[-:]|\.\d+/g, "");
  return inNewFolder(issuer, `leaf-${stamp}-${randomBytes(2).toString("hex")}`, async (folder) => {
    const config = await writeConfig(folder, commonName(request.names), [
      "basicConstraints = critical, CA:FALSE",
      "keyUsage = critical, digitalSignature",
      "extendedKeyUsage = serverAuth",
      "subjectKeyIdentifier = hash",
      "authorityKeyIdentifier = keyid",
      "subjectAltName = @names",
      "[names]",
      ...request.names.map(({ kind, value }, index) => `${kind}.${index + 1} = ${value}`),
    ]);
    const at = (file: string): string => join(folder, file);
    await makeKey(issuer, config, at("key.pem"));
    await openssl(issuer, config, [
      "req",
      "-new",
      "-config",
      config,
      "-key",
      at("key.pem"),
      "-sha256",
      "-out",
      at("request.pem"),
    ]);
    // prettier-ignore
    await openssl(issuer, config, [
      "x509", "-req", "-in", at("request.pem"), "-CA", join(request.authority, "cert.pem"), "-CAkey", join(request.authority, "key.pem"),
      "-set_serial", serial(), "-days", String(days), "-sha256", "-extfile", config, "-extensions", "extensions", "-out", at("cert.pem"),
    ]);
    await rm(at("request.pem"));
  });
}

/** Runs `make` in a folder that gets its name only when everything in it is there and synced. */
async function inNewFolder(issuer: Issuer, name: string, make: (folder: string) => Promise<void>): Promise<string> {
  await mkdir(issuer.folder, { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(join(issuer.folder, ".new-"));
  const path = join(issuer.folder, name);
  try {
    await make(temporary);
    for (const name of ["openssl.cnf", "random"]) await rm(join(temporary, name), { force: true });
    await chmod(join(temporary, "key.pem"), 0o600);
    await chmod(join(temporary, "cert.pem"), 0o644);
    await chmod(temporary, 0o755);
    await publishFolder(temporary, path, ["key.pem", "cert.pem"]);
    return path;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function makeKey(issuer: Issuer, config: string, path: string): Promise<void> {
  await openssl(issuer, config, ["genpkey", "-algorithm", ...keyOptions[issuer.key], "-out", path]);
}

/** Runs openssl with our configuration file in place of the system's, which may be missing or say anything. */
async function openssl(issuer: Issuer, config: string, argv: readonly string[]): Promise<void> {
  // OpenSSL before 1.1.1 leaves its random state behind, by itself in the caller's home.
  const environment = { OPENSSL_CONF: config, RANDFILE: join(dirname(config), "random") };
  const result = await issuer.run([issuer.openssl, ...argv], { environment });
  if (result.exitCode === 0) return;
  throw new ForgeError(
    "certificate-failed",
    `${issuer.openssl} ${argv[0] ?? ""} failed with exit code ${result.exitCode}`,
    {
      details: result.stderr.trim().split("\n").slice(-8),
    },
  );
}

async function writeConfig(folder: string, name: string, extensions: readonly string[]): Promise<string> {
  const path = join(folder, "openssl.cnf");
  const subject = ["[req]", "prompt = no", "distinguished_name = subject", "[subject]", `commonName = ${name}`];
  await writeFile(path, [...subject, "[extensions]", ...extensions, ""].join("\n"), { mode: 0o600 });
  return path;
}

/** The first name that fits into a common name (64 characters: RFC 5280, upper bounds); clients look at the alternative names. */
function commonName(names: readonly HostName[]): string {
  return names.find(({ kind, value }) => kind === "DNS" && value.length <= 64)?.value ?? "localhost";
}

/** 127 random bits, positive (RFC 5280, section 4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return `0x${bytes.toString("hex")}`;
}
