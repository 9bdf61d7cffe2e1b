/** The server: its policy, configuration and certificates, and its life. Loads execa only when a server is launched. */
export { ensureCertificates, findCertificates } from "./certificates.ts";
export type { CertificateOptions } from "./certificates.ts";
export { configDigest, literalAddress, renderConfig, serverConfig } from "./config.ts";
export type { ServerConfigInput, ServerSite } from "./config.ts";
export { reload, stop } from "./control.ts";
export { dhFile, dhProblem, ensureDhParameters } from "./dh.ts";
export { credentialsOf, keepConfig } from "./keep.ts";
export { checkLaunch, launch, launchTrial } from "./launch.ts";
export type { LaunchOptions } from "./launch.ts";
export { candidate, endCandidate, takeOver } from "./roles.ts";
export type { Candidate } from "./roles.ts";
export { supervisorOf } from "./supervisor.ts";
export { bundleOf } from "./bundle.ts";
export { serverPaths, servesFiles, status } from "./light.ts";
export { overlaps } from "./ports.ts";
export { classicPolicy, lossesOf, policyFor } from "./policy.ts";
export type * from "./types.ts";
