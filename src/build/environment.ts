import path from "node:path";
import { outputVariable } from "../store/index.ts";
import type { BuildContext } from "./types.ts";

const standardPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Names that let pip and cargo find the machine's registries, certificates and proxies. Everything else of the caller's environment stays out. */
const passed = [
  "PIP_INDEX_URL",
  "PIP_CERT",
  "PIP_TRUSTED_HOST",
  "CARGO_HTTP_CAINFO",
  "CARGO_HTTP_PROXY",
  "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
] as const;

/** The part of the caller's environment that a build may see: addresses, certificates, proxies. */
export function registryEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(passed.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}

/**
 * The closed environment of a build's programs: a fixed locale, time zone and PATH (the scratch folder's `bin` first, for tools that the
 * build makes for itself), a home and a temporary folder of its own, and a fixed
 * date for whatever would write today's (the start of the zip format's calendar, since wheels cannot hold an earlier one). The output's
 * name marks every process of the build, so that the store can end what a killed run left behind.
 */
export function closedEnvironment(
  context: Pick<BuildContext, "derivation" | "scratch" | "toolFolders" | "passThrough">,
): Record<string, string> {
  return {
    ...context.passThrough,
    PATH: [path.join(context.scratch, "bin"), ...context.toolFolders, ...standardPath].join(":"),
    HOME: path.join(context.scratch, "home"),
    TMPDIR: path.join(context.scratch, "tmp"),
    LANG: "C.UTF-8",
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    SHELL: "/bin/sh",
    SOURCE_DATE_EPOCH: "315532800",
    PYTHONHASHSEED: "0",
    [outputVariable]: context.derivation.out,
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_NO_INPUT: "1",
  };
}
