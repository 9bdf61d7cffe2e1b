/** Obtaining sources: locations, download, digests, the cache of sources, unpacking. */
export { availability } from "./availability.ts";
export { registryBases } from "./bases.ts";
export { filterCargoConfig } from "./cargo-config.ts";
export { cargoDefaultIndex } from "./cargo-default.ts";
export { hasFile, listFolder, projectFiles, takeUnknown, type Answered, type ProjectFile } from "./discover.ts";
export { chunksOf, fileDigest } from "./digest.ts";
export { usableCaches } from "./cache.ts";
export { fetchAll } from "./fetch-all.ts";
export { writeProblem } from "./problems.ts";
export { noteFirstOrigin, originOf } from "./origin.ts";
export { pipDefaultIndex } from "./pip-default.ts";
export { checkKeys } from "./signatures/openpgp-keys.ts";
export { signatureExtensions } from "./signatures/obtain.ts";
export { verifySignature } from "./signatures/check.ts";
export { unpack } from "./unpack.ts";
export { zipTexts } from "./zip-texts.ts";
export type { UnpackOptions } from "./unpack.ts";
export type * from "./types.ts";
