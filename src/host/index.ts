export { detectPlatform } from "./platform.ts";
export { nodeHost } from "./node.ts";
export type { NodeHostOptions } from "./node.ts";
export { memoryHost } from "./memory.ts";
export type { MemoryAnswer, MemoryFile, MemoryHost, MemoryInitial } from "./memory.ts";
export { checkRequirements, packageResource, requirementError } from "./requirements.ts";
export { toolIdentity, toolPaths } from "./tools.ts";
export type * from "./types.ts";
