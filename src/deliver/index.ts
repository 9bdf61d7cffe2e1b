/** What is carried to other machines: bundles of sources. */
export { createBundle } from "./bundle-create.ts";
export { refuseNoFile, refuseTarget } from "./target.ts";
export { useBundle } from "./bundle-use.ts";
export type * from "./types.ts";
