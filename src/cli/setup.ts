import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import type { Host } from "../host/index.ts";
import type { Site, Stack } from "../recipe/index.ts";
import {
  classicPolicy,
  dhFile,
  dhProblem,
  ensureCertificates,
  ensureDhParameters,
  findCertificates,
  policyFor,
  serverConfig,
  serverPaths,
  type CertificateFiles,
  type ServerConfig,
  type ServiceUser,
  type Supervisor,
} from "../server/index.ts";
import type { Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";
import { exposureOf, refuseExposed } from "./exposure.ts";

/** Outputs of one generation that a server runs from, as store paths. */
export interface ServerOutputs {
  readonly openssl: string;
  readonly python: string;
  readonly pythonTls: string;
  readonly server: string;
  /** A stack that is only reproduced has a server of another kind: an old Python, its own policy, no hand-over. */
  readonly purpose: Stack["purpose"];
}

/** Store paths of the outputs. */
export function outputPaths({ openssl, python, pythonTls, server }: ServerOutputs): readonly string[] {
  return [openssl, python, pythonTls, server];
}

/** A configuration that is ready to be launched, and the authority that a client must trust when it is our own. */
export interface ServerSetup {
  readonly config: ServerConfig;
  readonly outputs: ServerOutputs;
  readonly runner: Runner;
  readonly authority: string | null;
}

/** Who runs a server: with which interpreter, under which service manager (null: in the background), as which user (null: as who provisions). */
export interface Runner {
  readonly interpreter: string;
  readonly supervisor: Supervisor | null;
  readonly user: ServiceUser | null;
}

/** The outputs of a manifest's builds that serve. Throws `not-found` when one is not among them. */
export function serverOutputs(
  stack: Stack,
  builds: readonly { readonly recipe: string; readonly out: string }[],
): ServerOutputs {
  const out = (recipe: string): string => {
    const build = builds.find((entry) => entry.recipe === recipe);
    if (build === undefined)
      throw new ForgeError("not-found", `the generation has no build of ${recipe}`, { hint: "run tlsforge provision" });
    return build.out;
  };
  return {
    openssl: out(stack.openssl),
    python: out(stack.python),
    pythonTls: out("python-tls"),
    server: out(stack.server),
    purpose: stack.purpose,
  };
}

/** What a server's configuration is made from. */
export interface SetupRequest {
  readonly site: Site;
  readonly host: Host;
  readonly outputs: ServerOutputs;
  readonly runner: Runner;
  readonly manifest: Pick<Manifest, "generation" | "builds" | "vulnerable" | "exposed">;
}

/** Certificates and parameters made or found, and the configuration of a generation's server. Nothing is started. */
export async function setUpServer(context: Context, request: SetupRequest): Promise<ServerSetup> {
  const { certificates, authority } = await certificatesFor(context, request);
  return configure(context, request, {
    certificates,
    authority,
    dhParameters: await dhParametersFor(context, request),
  });
}

/** The same from what is there; null when something would have to be made first. Changes nothing. */
export async function standingServer(context: Context, request: SetupRequest): Promise<ServerSetup | null> {
  const { certificate, names } = request.site.server;
  const found =
    certificate.kind === "directory"
      ? { certificates: await certificatesIn(certificate.directory), authority: null }
      : await findCertificates({ ...localCertificates(context, request), names, now: new Date() });
  const dhParameters = dhParametersOf(context, request);
  const lacks = found === null || (dhParameters !== null && !existsSync(dhParameters.file));
  return lacks ? null : configure(context, request, { ...found, dhParameters: dhParameters?.file ?? null });
}

/** What a server's configuration names by file. */
interface Material {
  readonly certificates: readonly CertificateFiles[];
  readonly authority: string | null;
  readonly dhParameters: string | null;
}

/** Where the certificates of the local authority are, and what keys they have: a server of 2013 speaks RSA. */
function localCertificates(
  context: Context,
  { site, outputs }: Pick<SetupRequest, "site" | "outputs">,
): { readonly folder: string; readonly key: "P-256" | "P-384" | "RSA-2048" } {
  const { tls, rsa } = serverPaths(context.options.prefix);
  if (outputs.purpose === "reproduction") return { folder: rsa, key: "RSA-2048" };
  return { folder: tls, key: site.server.profile === "ssllabs-100" ? "P-384" : "P-256" };
}

async function configure(
  context: Context,
  { site, outputs, runner, manifest }: SetupRequest,
  { certificates, authority, dhParameters }: Material,
): Promise<ServerSetup> {
  const { prefix } = context.options;
  const { generation, builds, vulnerable = [] } = manifest;
  const libraries = await readdir(path.join(outputs.openssl, "lib"));
  const libssl = libraries.find((name) => /^libssl.*\.so\.\d[\d.]*$/.test(name));
  if (libssl === undefined)
    throw new ForgeError("server-failed", `there is no libssl in ${outputs.openssl}/lib`, {
      hint: "run tlsforge provision, which builds it anew",
    });
  const config = serverConfig({
    site,
    policy:
      dhParameters === null
        ? policyFor(site.server.profile)
        : classicPolicy({ curve: site.server.curve ?? "prime256v1", dhParameters }),
    generation,
    prefix,
    certificates,
    libssl: path.join(outputs.openssl, "lib", libssl),
    about: Object.fromEntries(builds.map((build) => [build.recipe, build.version])),
    // Only systemd makes a folder below /run for a service by itself.
    service: runner.supervisor?.manager === "systemd" ? runner.supervisor.name : undefined,
    user: runner.user,
    ...(outputs.purpose === "reproduction" ? { vulnerable } : {}),
  });
  if (outputs.purpose === "reproduction") refuseExposed(config, exposureOf(context, manifest));
  return { config, outputs, runner, authority };
}

/** Where the parameters of finite-field Diffie-Hellman are, or will be made; null for a server that has none. */
function dhParametersOf(
  context: Context,
  { site, outputs }: Pick<SetupRequest, "site" | "outputs">,
): { readonly file: string; readonly bits: number | null } | null {
  if (outputs.purpose !== "reproduction") return null;
  const { dhe } = site.server;
  if (dhe?.kind === "file") return { file: dhe.file, bits: null };
  const bits = dhe?.kind === "generate" ? dhe.bits : 2048;
  return { file: dhFile(serverPaths(context.options.prefix).tls, bits), bits };
}

/** The same, made when it is to be and is not there, and checked. */
async function dhParametersFor(context: Context, request: SetupRequest): Promise<string | null> {
  const wanted = dhParametersOf(context, request);
  if (wanted === null) return null;
  const { file, bits } = wanted;
  if (bits !== null) {
    const onMake = (): void =>
      context.emit({
        type: "notice",
        message: `making Diffie-Hellman parameters of ${bits} bits, which can take minutes`,
      });
    const openssl = path.join(request.outputs.openssl, "bin", "openssl");
    await ensureDhParameters({ openssl, file, bits, run: request.host.exec, onMake });
  }
  const problem = await dhProblem(file);
  if (problem === null) return file;
  const hint = bits === null ? "mend server.dhe in the site file" : `remove ${file}, then run the same command again`;
  throw new ForgeError("certificate-failed", problem, { hint });
}

/** The PEM text of our own authority, or null when the certificates come from elsewhere. */
export async function readAuthority(file: string | null): Promise<string | null> {
  return file === null ? null : readFile(file, "utf8");
}

/** The options that keep an interpreter from its caller's environment; Python 2 has no `-I`. */
export function isolation({ purpose }: Pick<ServerOutputs, "purpose">): readonly string[] {
  return purpose === "reproduction" ? ["-E", "-s"] : ["-I"];
}

/** The interpreter that a generation's server runs with. */
export function interpreterOf(outputs: Pick<ServerOutputs, "pythonTls">): string {
  return path.join(outputs.pythonTls, "bin", "python");
}

async function certificatesFor(
  context: Context,
  request: { readonly site: Site; readonly host: Host; readonly outputs: ServerOutputs },
): Promise<{ certificates: readonly CertificateFiles[]; authority: string | null }> {
  const { certificate, names } = request.site.server;
  if (certificate.kind === "directory")
    return { certificates: await certificatesIn(certificate.directory), authority: null };
  const made = await ensureCertificates({
    ...localCertificates(context, request),
    openssl: path.join(request.outputs.openssl, "bin", "openssl"),
    names,
    now: new Date(),
    run: request.host.exec,
  });
  if (made.issued !== "none")
    context.emit({
      type: "notice",
      message: `issued a ${made.issued === "leaf" ? "certificate" : "local authority and a certificate"}, valid until ${made.notAfter}`,
    });
  return { certificates: made.certificates, authority: made.authority };
}

/** Pairs in a folder of PEM files: `NAME.pem` or `NAME.crt` (leaf, then intermediates) with `NAME.key`; or `fullchain.pem` with `privkey.pem`. */
export async function certificatesIn(directory: string): Promise<readonly CertificateFiles[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw new ForgeError("certificate-failed", `the certificate folder ${directory} cannot be read`, {
      cause: error,
      hint: "check server.certificate.directory in the site file",
    });
  });
  const has = new Set(names);
  const keyFor = (name: string): string | undefined =>
    name === "fullchain.pem" ? "privkey.pem" : `${name.replace(/\.(?:pem|crt)$/, "")}.key`;
  const pairs = names.toSorted().flatMap((name) => {
    if (!/\.(?:pem|crt)$/.test(name)) return [];
    const key = keyFor(name);
    return key !== undefined && has.has(key)
      ? [{ chain: path.join(directory, name), key: path.join(directory, key) }]
      : [];
  });
  if (pairs.length === 0) {
    throw new ForgeError("certificate-failed", `there is no certificate with its key in ${directory}`, {
      hint: "put NAME.pem (certificate, then intermediates) and NAME.key there, or fullchain.pem and privkey.pem",
    });
  }
  return pairs;
}
