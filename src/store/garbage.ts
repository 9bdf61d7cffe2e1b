/** What collecting garbage says of each thing that it looked at. */
import { lstat, readdir } from "node:fs/promises";
import { explained, hasCode } from "./disk.ts";

/** One thing that was looked at: what is done with it and why. */
export interface GarbageItem {
  readonly kind: "generation" | "output" | "log" | "source" | "download" | "temporary" | "lock" | "state";
  readonly path: string;
  readonly why: string;
  /** Size on disk of what is removed; 0 for what is kept. */
  readonly bytes: number;
}

/** Verdict before anything is removed. */
export interface Verdict extends Omit<GarbageItem, "bytes"> {
  readonly keep: boolean;
}

/** What is done with one thing and why. */
export type Reason = Pick<Verdict, "keep" | "why">;

/** A temporary file or folder that somebody may be working on: kept while it is fresh. */
export async function judgeTemporary(path: string, now: number): Promise<Reason> {
  const keep = (await ageMs(path, now)) < dayMs;
  return { keep, why: keep ? "fresh, may be in use" : leftBehind };
}

/** Why a temporary one that nobody works on goes. */
export const leftBehind = "left by an interrupted run";

/** A day in milliseconds. */
export const dayMs = 24 * 3600 * 1000;

/** Names in a folder, sorted; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw explained(error, folder);
  }
}

/** Milliseconds between a time and now, whichever came first: what a clock that was set back since has dated in the future is not new for ever. */
export function distanceMs(time: number, now: number): number {
  return Number.isNaN(time) ? Number.MAX_VALUE : Math.abs(now - time);
}

/** The same of the last change of something; 0 for what is gone. */
export async function ageMs(path: string, now: number): Promise<number> {
  try {
    return distanceMs((await lstat(path)).mtimeMs, now);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return 0;
    throw explained(error, path);
  }
}
