import { createHash } from "node:crypto";
import { ForgeError } from "../errors.ts";
import { serverPaths } from "./light.ts";
import type { CertificateFiles, Policy, ServerConfig, ServiceUser } from "./types.ts";

/** A switch can be taken back in a moment for this long. */
const standBySeconds = 600;

/** Longest path of a Unix socket that every supported system takes, in bytes. */
const socketPathLimit = 103;

/** The part of a site that the server is told. `Site["server"]` has this form. */
export interface ServerSite {
  readonly names: readonly string[];
  readonly listen: readonly string[];
  readonly redirect: readonly string[];
  readonly hsts: ServerConfig["hsts"];
  readonly sni: ServerConfig["sni"];
  readonly ocsp: ServerConfig["ocsp"];
  readonly app: ServerConfig["app"];
  readonly accessLog: boolean;
  readonly workers: number;
  readonly limits: ServerConfig["limits"];
}

/** What a configuration is made of. `prefix` and `libssl` are absolute paths. */
export interface ServerConfigInput {
  readonly site: { readonly server: ServerSite };
  readonly policy: Policy;
  readonly generation: number;
  readonly prefix: string;
  readonly certificates: readonly CertificateFiles[];
  readonly libssl: string;
  readonly about: Readonly<Record<string, string>>;
  /** The service manager's name for the service, whose folder below /run it makes; else the prefix has one. */
  readonly service?: string | undefined;
  readonly user?: ServiceUser | null;
  readonly vulnerable?: NonNullable<ServerConfig["vulnerable"]>;
}

/** The configuration of a prefix's server, as data. Equal inputs give an equal document, and so an equal digest. */
export function serverConfig(input: ServerConfigInput): ServerConfig {
  const { server } = input.site;
  const paths = serverPaths(input.prefix);
  const excess = Buffer.byteLength(paths.standby) - socketPathLimit;
  if (excess > 0) {
    throw new ForgeError("prefix-unusable", `The path of the control socket is too long: ${paths.standby}`, {
      hint: `choose a prefix at least ${excess} bytes shorter`,
    });
  }
  return {
    schema: "tlsforge.server/1",
    generation: input.generation,
    policy: input.policy,
    listen: server.listen.map(literalAddress),
    redirect: server.redirect.map(literalAddress),
    names: server.names.length === 0 ? ["localhost"] : server.names,
    certificates: input.certificates.map(({ chain, key }) => ({ chain, key })),
    hsts: {
      maxAge: server.hsts.maxAge,
      includeSubdomains: server.hsts.includeSubdomains,
      preload: server.hsts.preload,
    },
    sni: server.sni,
    ocsp: server.ocsp,
    app: server.app,
    accessLog: server.accessLog,
    workers: server.workers,
    limits: server.limits,
    paths:
      input.service === undefined
        ? { run: paths.run, state: paths.state, log: paths.log }
        : { run: runtimeFolder(input.service), state: stateFolder(input.service), log: null },
    user: input.user ?? null,
    standBySeconds,
    libssl: input.libssl,
    about: input.about,
    ...(input.vulnerable === undefined ? {} : { vulnerable: input.vulnerable }),
  };
}

/** The folder below /run that systemd makes for a service (`RuntimeDirectory=`). */
export function runtimeFolder(service: string): string {
  return `/run/${service}`;
}

/** The folder below /var/lib that systemd makes for a service (`StateDirectory=`). */
export function stateFolder(service: string): string {
  return `/var/lib/${service}`;
}

/** The text of the configuration file. */
export function renderConfig(config: ServerConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** What `ServerStatus.configDigest` says of a server that was started with this configuration: SHA-256, hexadecimal. */
export function configDigest(config: ServerConfig): string {
  return createHash("sha256").update(renderConfig(config)).digest("hex");
}

/** The server takes addresses only; of names, `localhost` and `*` have one meaning everywhere. */
export function literalAddress(listen: string): string {
  return listen.replace(/^localhost:/, "127.0.0.1:").replace(/^\*:/, "[::]:");
}
