import { ownerOf } from "./resources/managed-file.ts";
import type { HostRecord } from "./types.ts";

/**
 * The records of a machine after more changes: for what was changed again, what was there before the first change and what is there now.
 */
export function mergeRecords(earlier: readonly HostRecord[], later: readonly HostRecord[]): readonly HostRecord[] {
  const merged = new Map(earlier.map((record) => [record.id, record]));
  for (const record of later) {
    const first = merged.get(record.id);
    merged.set(
      record.id,
      first === undefined ? withoutOwn(record) : { ...record, before: first.before, data: mergeData(first, record) },
    );
  }
  return [...merged.values()];
}

/** A file of ours that a lost record has left is no state from before us: taking the change back must not restore it. */
function withoutOwn(record: HostRecord): HostRecord {
  const kept = Object.entries(record.data).filter(
    ([name, value]) => !(name === "text" || name === "settings.text") || ownerOf(value) === "foreign",
  );
  return { ...record, data: Object.fromEntries(kept) };
}

/** Data that describes the state before the first change. */
const ofBefore = ["text", "live", "present", "settings.text", "folder"];

/** Names that every change adds to, separated by blanks. */
const collected = ["added", "coming"];

/** Values that describe the state before the first change stay; lists grow; the rest is the newest. */
function mergeData(first: HostRecord, later: HostRecord): HostRecord["data"] {
  const now = Object.entries(later.data).filter(([name]) => !ofBefore.includes(name));
  const kept = Object.entries(first.data).filter(([name]) => ofBefore.includes(name));
  const lists = collected
    .filter((name) => first.data[name] !== undefined)
    .map((name) => [name, union(first.data[name] ?? "", later.data[name] ?? "")]);
  return Object.fromEntries([...now, ...kept, ...lists]) as HostRecord["data"];
}

function union(a: string, b: string): string {
  return [...new Set([...a.split(" "), ...b.split(" ")])].filter((name) => name !== "").join(" ");
}
