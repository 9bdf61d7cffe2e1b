export { diagnose } from "./diagnose.ts";
export { endingsForMemory } from "./memory.ts";
export type { Diagnosis, Lack } from "./types.ts";
