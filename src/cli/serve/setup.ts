import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import type { Site, Stack } from "../../recipe/index.ts";
import {
  certificatesIn,
  ensureCertificates,
  findCertificates,
  serverConfig,
  serverPaths,
  type CertificateFiles,
  type KeyKind,
  type ServerConfig,
  type ServiceUser,
  type Supervisor,
} from "../../server/index.ts";
import type { Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { exposureOf, refuseExposed } from "./exposure.ts";
import { dhParametersFor, dhParametersOf, policyOf, serverSiteOf } from "./terms.ts";

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

/** Why a stack with these builds cannot serve, or null: one of one's own need not have all that a server runs from. */
export function serverless(stack: Stack, builds: readonly { readonly recipe: string }[]): string | null {
  const wanted = [stack.openssl, stack.python, pythonTls, stack.server];
  const lacking = wanted.filter((name) => !builds.some(({ recipe }) => recipe === name));
  return lacking.length === 0 ? null : `nothing can serve of the stack ${stack.name}: it has no ${lacking.join(", ")}`;
}

/** The recipe whose Python runs the server. */
const pythonTls = "python-tls";

/** The outputs of a manifest's builds that serve. Throws `not-found` when one is not among them. */
export function serverOutputs(
  stack: Stack,
  builds: readonly { readonly recipe: string; readonly out: string }[],
): ServerOutputs {
  const problem = serverless(stack, builds);
  if (problem !== null)
    throw new ForgeError("not-found", problem, { hint: "tlsforge build makes a stack without a server" });
  const out = (recipe: string): string => builds.find((entry) => entry.recipe === recipe)?.out ?? "";
  return {
    openssl: out(stack.openssl),
    python: out(stack.python),
    pythonTls: out(pythonTls),
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
      ? { certificates: (await certificatesIn(certificate.directory)).pairs, authority: null }
      : await findCertificates({ ...localCertificates(context, request), names, now: new Date() });
  const dhParameters = dhParametersOf(context.options.prefix, request);
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
): { readonly folder: string; readonly keys: readonly KeyKind[] } {
  const { tls, rsa } = serverPaths(context.options.prefix);
  if (outputs.purpose === "reproduction") return { folder: rsa, keys: ["RSA-2048"] };
  const { certificate, profile } = site.server;
  const sizes =
    profile === "ssllabs-100"
      ? ({ ecdsa: "P-384", rsa: "RSA-4096" } as const)
      : ({ ecdsa: "P-256", rsa: "RSA-3072" } as const);
  return { folder: tls, keys: certificate.kind === "local-ca" ? certificate.keys.map((key) => sizes[key]) : [] };
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
    site: { server: serverSiteOf({ site, outputs }) },
    policy: policyOf({ site, outputs }, dhParameters),
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
  if (certificate.kind === "directory") {
    const { pairs, notes } = await certificatesIn(certificate.directory);
    for (const message of notes) context.emit({ type: "notice", message });
    return { certificates: pairs, authority: null };
  }
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
      message: `issued ${made.issued === "leaf" ? "" : "a local authority and "}${made.certificates.length === 1 ? "a certificate" : `${made.certificates.length} certificates`}, valid until ${made.notAfter}`,
    });
  return { certificates: made.certificates, authority: made.authority };
}
