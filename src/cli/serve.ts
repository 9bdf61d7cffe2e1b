import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import type { Host } from "../host/index.ts";
import type { Site, Stack } from "../recipe/index.ts";
import {
  checkLaunch,
  configDigest,
  ensureCertificates,
  findCertificates,
  launch,
  policyFor,
  reload,
  renderConfig,
  serverConfig,
  serverPaths,
  servesFiles,
  status,
  stop,
  type CertificateFiles,
  type ServerConfig,
  type ServerState,
  type ServerStatus,
} from "../server/index.ts";
import { atomicWrite, type Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";

/** Outputs of one generation that a server runs from, as store paths. */
export interface ServerOutputs {
  readonly openssl: string;
  readonly python: string;
  readonly pythonTls: string;
  readonly server: string;
}

/** A configuration that is ready to be launched, and the authority that a client must trust when it is our own. */
export interface ServerSetup {
  readonly config: ServerConfig;
  readonly outputs: ServerOutputs;
  readonly interpreter: string;
  readonly authority: string | null;
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
  };
}

/** What a server's configuration is made from. `interpreter` runs it. */
export interface SetupRequest {
  readonly site: Site;
  readonly host: Host;
  readonly outputs: ServerOutputs;
  readonly interpreter: string;
  readonly generation: number;
  readonly builds: Manifest["builds"];
}

/** Certificates made or found, and the configuration of a generation's server. Nothing is started. */
export async function setUpServer(context: Context, request: SetupRequest): Promise<ServerSetup> {
  return configure(context, request, await certificatesFor(context, request));
}

/** The same from what is there; null when a certificate would have to be issued first. Changes nothing. */
export async function standingServer(context: Context, request: SetupRequest): Promise<ServerSetup | null> {
  const { certificate, names } = request.site.server;
  if (certificate.kind === "directory") return setUpServer(context, request);
  const { tls } = serverPaths(context.options.prefix);
  const found = await findCertificates({ folder: tls, names, now: new Date() });
  return found === null ? null : configure(context, request, found);
}

async function configure(
  context: Context,
  { site, outputs, interpreter, generation, builds }: SetupRequest,
  {
    certificates,
    authority,
  }: { readonly certificates: readonly CertificateFiles[]; readonly authority: string | null },
): Promise<ServerSetup> {
  const { prefix } = context.options;
  const libraries = await readdir(path.join(outputs.openssl, "lib"));
  const libssl = libraries.find((name) => /^libssl.*\.so\.\d+$/.test(name));
  if (libssl === undefined)
    throw new ForgeError("server-failed", `there is no libssl in ${outputs.openssl}/lib`, {
      hint: "run tlsforge provision, which builds it anew",
    });
  const config = serverConfig({
    site,
    policy: policyFor(site.server.profile),
    generation,
    prefix,
    certificates,
    libssl: path.join(outputs.openssl, "lib", libssl),
    about: Object.fromEntries(builds.map((build) => [build.recipe, build.version])),
  });
  return { config, outputs, interpreter, authority };
}

/**
 * Starts a generation's server and keeps its configuration with the generation. A server of this prefix that runs already is stopped first,
 * once it is known that the new one would start.
 */
export async function startServer(context: Context, setup: ServerSetup): Promise<ServerStatus> {
  const { prefix } = context.options;
  const { config } = setup;
  const before = await status(prefix);
  if (before.state === "serving") await checkServer(context, setup, before.status);
  await stop(prefix);
  const started = await launch({ ...(await runnable(setup)), ...launchOptions(context, setup) });
  await atomicWrite(generationFile(prefix, config.generation, "server.json"), renderConfig(config));
  return started;
}

/** Whether a generation's server could take over from the one that runs. Nothing is stopped or started. Throws the errors of a launch. */
export async function checkServer(context: Context, setup: ServerSetup, running: ServerStatus): Promise<void> {
  const held = [...running.listen, ...(running.redirect ?? [])];
  await checkLaunch({ ...(await runnable(setup)), ...launchOptions(context, setup) }, held);
}

/** Gives the running server a configuration that differs in nothing but what a reload can change. When it refuses, everything stays as it was. */
export async function reloadServer(context: Context, setup: ServerSetup): Promise<ServerStatus> {
  const { prefix } = context.options;
  const file = serverPaths(prefix).config;
  const text = renderConfig(setup.config);
  const before = await readFile(file, "utf8").catch(() => null);
  await atomicWrite(file, text, 0o600);
  try {
    const reloaded = await reload(prefix);
    await atomicWrite(generationFile(prefix, setup.config.generation, "server.json"), text);
    return reloaded;
  } catch (error) {
    if (before !== null) await atomicWrite(file, before, 0o600);
    throw error;
  }
}

function launchOptions(context: Context, { config }: ServerSetup) {
  const configPath = serverPaths(context.options.prefix).config;
  return { config, configPath, emit: context.emit, signal: context.signal };
}

/** Path of a file that belongs to a generation. */
export function generationFile(prefix: string, generation: number, name: string): string {
  return path.join(prefix, "generations", String(generation), name);
}

/** What has to happen for a configuration to be served, and why. */
export interface ServerChange {
  readonly action: "none" | "launch" | "relaunch" | "reload";
  readonly why: string;
}

/** Compares a prefix's server with the configuration that it is to have. Reads only. */
export async function serverChange(prefix: string, state: ServerState, config: ServerConfig): Promise<ServerChange> {
  if (state.state === "not-serving") return { action: "launch", why: "nothing serves" };
  if (state.state === "unknown") return { action: "relaunch", why: `its state cannot be told: ${state.reason}` };
  const running = state.status;
  if (running.configDigest === configDigest(config)) {
    if (!servesFiles(running, config)) return { action: "reload", why: "the certificate files have changed" };
    if (running.lastError !== null) return { action: "reload", why: `the last reload failed: ${running.lastError}` };
    return { action: "none", why: "it serves this configuration" };
  }
  const former = await readConfig(serverPaths(prefix).config);
  if (former === null || configDigest(former) !== running.configDigest)
    return { action: "relaunch", why: "it serves another configuration" };
  const names = (Object.keys(config) as (keyof ServerConfig)[]).filter(
    (name) => JSON.stringify(config[name]) !== JSON.stringify(former[name]),
  );
  return names.join() === "certificates"
    ? { action: "reload", why: "the certificates have changed" }
    : { action: "relaunch", why: `its configuration changes: ${names.join(", ")}` };
}

/** A configuration file, or null when there is none or it is damaged. */
async function readConfig(file: string): Promise<ServerConfig | null> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ServerConfig;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The PEM text of our own authority, or null when the certificates come from elsewhere. */
export async function readAuthority(file: string | null): Promise<string | null> {
  return file === null ? null : readFile(file, "utf8");
}

/**
 * The interpreter and program to start. A private copy of the interpreter (for a file capability) finds Python's library through a
 * `pyvenv.cfg` beside its folder, as any virtual environment does.
 */
async function runnable({ outputs, interpreter }: ServerSetup): Promise<{ python: string; launcher: string }> {
  const launcher = path.join(outputs.server, "bin", "tlsforge-server");
  if (interpreter === interpreterOf(outputs)) return { python: interpreter, launcher };
  const folder = path.dirname(path.dirname(interpreter));
  await mkdir(folder, { recursive: true });
  const settings = await readFile(path.join(outputs.pythonTls, "pyvenv.cfg"), "utf8");
  await atomicWrite(path.join(folder, "pyvenv.cfg"), settings);
  return { python: interpreter, launcher };
}

/** The interpreter that a generation's server runs with. */
export function interpreterOf(outputs: ServerOutputs): string {
  return path.join(outputs.pythonTls, "bin", "python");
}

async function certificatesFor(
  context: Context,
  request: { readonly site: Site; readonly host: Host; readonly outputs: ServerOutputs },
): Promise<{ certificates: readonly CertificateFiles[]; authority: string | null }> {
  const { certificate, names } = request.site.server;
  if (certificate.kind === "directory")
    return { certificates: await certificatesIn(certificate.directory), authority: null };
  const folder = serverPaths(context.options.prefix).tls;
  const made = await ensureCertificates({
    openssl: path.join(request.outputs.openssl, "bin", "openssl"),
    folder,
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
async function certificatesIn(directory: string): Promise<readonly CertificateFiles[]> {
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
