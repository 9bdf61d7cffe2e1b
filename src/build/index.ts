export { runBuild } from "./build.ts";
export { runOwnTests } from "./own-tests.ts";
export { registryEnvironment } from "./environment.ts";
export { findSeal, isWhole, requireNoNetwork, requireSeal, sealText, type Seal } from "./seal/seal.ts";
export { sealShell } from "./seal/sealed.ts";
export { againProgram } from "./keep.ts";
export { runShell, type ShellPlace } from "./shell.ts";
export { onlineSteps, stepTitle } from "./steps.ts";
export type { BuildContext, BuildOutcome } from "./types.ts";
