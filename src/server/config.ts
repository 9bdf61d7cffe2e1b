import { createHash } from "node:crypto";
import { ForgeError } from "../errors.ts";
import { serverPaths } from "./light.ts";
import type { CertificateFiles, Policy, ServerConfig } from "./types.ts";

/** Longest path of a Unix socket that every supported system takes, in bytes. */
const socketPathLimit = 103;

/** The part of a site that the server is told. `Site["server"]` has this form. */
export interface ServerSite {
  readonly names: readonly string[];
  readonly listen: readonly string[];
  readonly redirect: readonly string[];
  readonly hsts: ServerConfig["hsts"];
  readonly app: ServerConfig["app"];
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
}

/** The configuration of a prefix's server, as data. Equal inputs give an equal document, and so an equal digest. */
export function serverConfig(input: ServerConfigInput): ServerConfig {
  const { server } = input.site;
  const paths = serverPaths(input.prefix);
  if (Buffer.byteLength(paths.control) > socketPathLimit) {
    throw new ForgeError("prefix-unusable", `The path of the control socket is too long: ${paths.control}`, {
      hint: `choose a prefix at least ${Buffer.byteLength(paths.control) - socketPathLimit} bytes shorter`,
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
    app: server.app.kind === "static" ? { kind: "static", directory: server.app.directory } : { kind: "about" },
    paths: { control: paths.control, pid: paths.pid, log: paths.log },
    libssl: input.libssl,
    about: input.about,
  };
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
function literalAddress(listen: string): string {
  return listen.replace(/^localhost:/, "127.0.0.1:").replace(/^\*:/, "[::]:");
}
