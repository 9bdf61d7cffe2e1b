import path from "node:path";
import { outputVariable } from "../store/index.ts";
import type { BuildContext } from "./types.ts";

const standardPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/**
 * Names that tell where this machine's registries, certificates and proxies are. Everything else of the caller's environment stays out, and
 * so do credentials of registries: packages run code of their own while they are built. A proxy's address keeps its user and password, since
 * cargo reaches nothing without them.
 */
const passed =
  /^(?:PIP_(?:INDEX_URL|EXTRA_INDEX_URL|CERT|TRUSTED_HOST)|npm_config_(?:registry|cafile)|CARGO_(?:HTTP|NET|REGISTRY|REGISTRIES)_[A-Z0-9_]+|SSL_CERT_(?:FILE|DIR)|(?:HTTP|HTTPS|ALL|NO)_PROXY|(?:http|https|all|no)_proxy)$/;
const secret = /_(?:TOKEN|SECRET_KEY|SECRET_KEY_SUBJECT|CREDENTIAL_PROVIDER|CREDENTIAL_PROVIDERS)$/;

/** The part of the caller's environment that a build may see: addresses (pip's without user and password), certificates, proxies. */
export function registryEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && value !== "" && passed.test(name) && !secret.test(name)
        ? [[name, name.startsWith("PIP_") ? withoutCredentials(value) : value]]
        : [],
    ),
  );
}

/** Addresses, several with spaces between, without what stands before the last `@` of an authority (RFC 3986, section 3.2.1). */
function withoutCredentials(addresses: string): string {
  return addresses.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, "$1");
}

/** What marks every program of a build, so that those which a killed run or a careless step left behind can be found and ended. */
export function processMark({ derivation }: Pick<BuildContext, "derivation">): Record<string, string> {
  return { [outputVariable]: derivation.out };
}

/**
 * The closed environment of a build's programs: a fixed locale, time zone and PATH (the scratch folder's `bin` first, for tools that the
 * build makes for itself), a home and a temporary folder of its own, and a fixed date for whatever would write today's (the start of the zip
 * format's calendar, since wheels cannot hold an earlier one).
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
    ...processMark(context),
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_NO_INPUT: "1",
  };
}

/** An environment without what was passed through: that is another machine's, or may hold a password of a proxy. */
export function ownEnvironment(
  environment: Readonly<Record<string, string>>,
  { passThrough }: Pick<BuildContext, "passThrough">,
): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !(name in passThrough)));
}
