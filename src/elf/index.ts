export { bytesOf, isElf, readElf } from "./read.ts";
export type { ElfBytes, ElfDynamic, ElfKind } from "./read.ts";
