import type { LoaderSystem } from "../entry.ts";
import { freebsdEntry } from "./freebsd.ts";
import { glibcEntry } from "./glibc.ts";
import { muslEntry } from "./musl.ts";
import type { EntryWay } from "./types.ts";

/** How each loader is told of a folder. */
export const entryWays: Readonly<Record<LoaderSystem, EntryWay>> = {
  glibc: glibcEntry,
  musl: muslEntry,
  freebsd: freebsdEntry,
};
