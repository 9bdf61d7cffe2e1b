export { runBuild } from "./build.ts";
export { runOwnTests } from "./own-tests.ts";
export { registryEnvironment } from "./environment.ts";
export { findSeal, requireSeal, sealText, type Seal } from "./seal.ts";
export { stepTitle } from "./steps.ts";
export type { BuildContext, BuildOutcome } from "./types.ts";
