export type * from "./types.ts";
export { orderRecipes } from "./order.ts";
export { derive, type DeriveOptions } from "./derive.ts";
export { planBuilds, type PlanOptions, type PreviousBuild } from "./changes.ts";
export { fingerprint, type Json } from "./canonical.ts";
export { diskNeed } from "./disk.ts";
