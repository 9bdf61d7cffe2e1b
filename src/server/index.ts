/** The server: its policy, configuration and certificates, and its life. Loads execa only when a server is launched. */
export { ensureCertificates, findCertificates } from "./certificates.ts";
export type { CertificateOptions } from "./certificates.ts";
export { configDigest, renderConfig, serverConfig } from "./config.ts";
export type { ServerConfigInput, ServerSite } from "./config.ts";
export { reload, stop } from "./control.ts";
export { checkLaunch, launch } from "./launch.ts";
export type { LaunchOptions } from "./launch.ts";
export { serverPaths, servesFiles, status } from "./light.ts";
export { policyFor } from "./policy.ts";
export type * from "./types.ts";
