import type { VersionEntry } from "./update-entries.ts";

/** A new version of a recipe: what its branch's newest entry is copied to. */
export interface NewVersion {
  readonly version: string;
  /** The entry that it is put before and copied from. */
  readonly after: VersionEntry;
  /** Digest of each of that entry's sources, in order; null for one that could not be had and is left out. */
  readonly digests: readonly (string | null)[];
}

/** Some lines put into a text before one of its lines (from 0). */
export interface Insertion {
  readonly before: number;
  readonly lines: readonly string[];
}

/** The lines of a new entry and where they go: before the entry that it is copied from, and before the comment above that. */
export function insertionOf(text: string, added: NewVersion): Insertion {
  const { after } = added;
  const lines = text.split("\n");
  let before = after.start;
  while (/^\s*#/.test(lines[before - 1] ?? "")) before -= 1;
  return { before, lines: entryLines(text, added) };
}

/** A text with lines put in. */
export function withInsertions(text: string, insertions: readonly Insertion[]): string {
  const lines = text.split("\n");
  for (const { before, lines: added } of insertions.toSorted((a, b) => b.before - a.before))
    lines.splice(before, 0, ...added);
  return lines.join("\n");
}

/** What was put in, as a unified diff (the format of `diff -u`, POSIX) that `patch -p1` applies. Empty when nothing was. */
export function insertionDiff(text: string, insertions: readonly Insertion[], file: string): string {
  const lines = text.split("\n");
  // The empty piece after the last line break is no line.
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  const hunks: string[] = [];
  let shift = 0;
  for (const group of groupsOf(insertions)) {
    const from = Math.max(0, (group[0]?.before ?? 0) - context);
    const to = Math.min(count, (group.at(-1)?.before ?? 0) + context);
    const body: string[] = [];
    for (let line = from; line <= to; line += 1) {
      const here = group.filter(({ before }) => before === line).flatMap((entry) => entry.lines);
      body.push(...here.map((added) => `+${added}`));
      if (line < to) body.push(` ${lines[line] ?? ""}`);
    }
    const added = group.reduce((sum, entry) => sum + entry.lines.length, 0);
    hunks.push(`@@ -${from + 1},${to - from} +${from + 1 + shift},${to - from + added} @@`, ...body);
    shift += added;
  }
  return hunks.length === 0 ? "" : [`--- a/${file}`, `+++ b/${file}`, ...hunks, ""].join("\n");
}

const context = 3;

/** Insertions in order; those whose surroundings touch are of one hunk. */
function groupsOf(insertions: readonly Insertion[]): readonly (readonly Insertion[])[] {
  const groups: Insertion[][] = [];
  for (const entry of insertions.toSorted((a, b) => a.before - b.before)) {
    const last = groups.at(-1);
    if (last !== undefined && entry.before - (last.at(-1)?.before ?? 0) <= 2 * context) last.push(entry);
    else groups.push([entry]);
  }
  return groups;
}

/** The copied entry: its version and digests replaced where they stand, sources that could not be had left out. */
function entryLines(text: string, { version, after, digests }: NewVersion): readonly string[] {
  const starts = lineStarts(text);
  const from = starts[after.start] ?? 0;
  const edits = [
    { ...after.versionAt, value: JSON.stringify(version) },
    ...after.sources.flatMap(({ sha256At }, index) => {
      const digest = digests[index];
      return digest === null || digest === undefined ? [] : [{ ...sha256At, value: digest }];
    }),
  ];
  let copy = text.slice(from, starts[after.end] ?? text.length);
  for (const { from: begin, to: end, value } of edits.toSorted((a, b) => b.from - a.from))
    copy = copy.slice(0, begin - from) + value + copy.slice(end - from);
  const gone = after.sources.filter((source, index) => digests[index] === null && source.start >= 0);
  return copy
    .replace(/\n$/, "")
    .split("\n")
    .filter((_, line) => !gone.some(({ start, end }) => after.start + line >= start && after.start + line < end));
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
