export { runBuild } from "./build.ts";
export { registryEnvironment } from "./environment.ts";
export { stepTitle } from "./steps.ts";
export type { BuildContext, BuildOutcome } from "./types.ts";
