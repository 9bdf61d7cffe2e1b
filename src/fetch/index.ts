/** Obtaining sources: locations, download, digests, the cache of sources, unpacking. */
export { availability } from "./availability.ts";
export { registryBases } from "./bases.ts";
export { fetchAll } from "./fetch-all.ts";
export type * from "./types.ts";
