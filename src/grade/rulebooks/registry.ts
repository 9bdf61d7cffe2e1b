import { judgeSsllabs } from "../ssllabs/judge.ts";
import type { Rulebook } from "../types.ts";
import { ssllabs2009r } from "./ssllabs-2009r.ts";

/** Every rulebook there is, in the order in which reports show them. */
export const rulebooks: readonly Rulebook[] = [{ ...ssllabs2009r, judge: judgeSsllabs }];
