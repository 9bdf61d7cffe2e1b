/** Judges installed versions by recipes and advisories. Pure: files are read, and the day is told, by who asks. */
export type * from "./types.ts";
export { audit, type Audit } from "./judge.ts";
export { compareVersions } from "./order.ts";
export { isAboutAny } from "./match.ts";
export { invalid, isForeign, readAdvisories } from "./read.ts";
export { auditText, verdict } from "./verdict.ts";
