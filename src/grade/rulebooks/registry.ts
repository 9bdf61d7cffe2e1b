import { judgeMozilla } from "../levels/mozilla.ts";
import { judgeNcsc } from "../levels/ncsc.ts";
import { judgeSsllabs } from "../ssllabs/judge.ts";
import type { Rulebook } from "../types.ts";
import { mozilla60 } from "./mozilla-6.0.ts";
import { ncscNl2025 } from "./ncsc-nl-2025.ts";
import { ssllabs2009r } from "./ssllabs-2009r.ts";

/** Every rulebook there is, in the order in which reports show them. */
export const rulebooks: readonly Rulebook[] = [
  { ...ssllabs2009r, judge: judgeSsllabs },
  { ...mozilla60, judge: judgeMozilla },
  { ...ncscNl2025, judge: judgeNcsc },
];
