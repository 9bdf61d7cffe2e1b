/** Obtaining sources: locations, download, digests, the cache of sources, unpacking. */
export { availability } from "./availability.ts";
export { registryBases } from "./bases.ts";
export { usableCaches } from "./cache.ts";
export { fetchAll } from "./fetch-all.ts";
export { pipDefaultIndex } from "./pip-default.ts";
export { unpack } from "./unpack.ts";
export type { UnpackOptions } from "./unpack.ts";
export type * from "./types.ts";
