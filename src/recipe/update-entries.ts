import { isMap, isSeq, isScalar, LineCounter, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";

/** A version of a recipe as it stands in the file: lines count from 0, `end` is the line after its last. */
export interface VersionEntry {
  readonly version: string;
  readonly start: number;
  readonly end: number;
  readonly versionAt: Place;
  readonly sources: readonly SourceEntry[];
}

/** One of its sources, with what it is written as: templates, `{version}` not replaced. */
export interface SourceEntry {
  readonly start: number;
  readonly end: number;
  readonly sha256: string;
  readonly sha256At: Place;
  readonly file: string | null;
  readonly locations: readonly LocationTemplate[];
}

/** A location as written. */
export type LocationTemplate =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "debian"; readonly path: string }
  | { readonly kind: "pypi"; readonly project: string; readonly file: string };

/** Where a value stands: from the first to after the last character of its text in the file. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/**
 * The versions of a recipe's text with their places. Locations of a user's own machine (`file`, `mirror`) are left out. Null when the list is not
 * written as one entry after the other (`- version: …`), each in lines of its own: then no entry can be put between them.
 */
export function versionEntries(text: string): readonly VersionEntry[] | null {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: "error" });
  const list = document.get("versions");
  if (!isSeq(list) || list.flow === true) return null;
  const lines = text.split("\n");
  const entries = itemsOf(list).map((item) => entryOf(item, { text, lines, counter }));
  return entries.every((entry) => entry !== null) ? entries : null;
}

interface Around {
  readonly text: string;
  readonly lines: readonly string[];
  readonly counter: LineCounter;
}

function entryOf(item: YAMLMap, around: Around): VersionEntry | null {
  const version = placed(item, "version");
  const span = linesOf(item, around);
  if (version === null || span === null) return null;
  const list = item.get("sources");
  const sources = isSeq(list)
    ? itemsOf(list).map((source) => sourceOf(source, { ...around, flow: list.flow === true }))
    : [];
  return sources.every((source) => source !== null)
    ? { version: version.value, ...span, versionAt: version.at, sources }
    : null;
}

function sourceOf(item: YAMLMap, around: Around & { readonly flow: boolean }): SourceEntry | null {
  const sha256 = placed(item, "sha256");
  if (sha256 === null) return null;
  // A source inside of a flow list has no lines of its own: it can be copied with its version, not left out.
  const span = around.flow ? { start: -1, end: -1 } : linesOf(item, around);
  const locations = item.get("locations");
  if (span === null || !isSeq(locations)) return null;
  return {
    ...span,
    sha256: sha256.value,
    sha256At: sha256.at,
    file: placed(item, "file")?.value ?? null,
    locations: itemsOf(locations).flatMap((location) => templateOf(location) ?? []),
  };
}

function templateOf(location: YAMLMap): LocationTemplate | null {
  const url = placed(location, "url")?.value;
  const debian = placed(location, "debian")?.value;
  const pypi = location.get("pypi");
  if (url !== undefined) return { kind: "url", url };
  if (debian !== undefined) return { kind: "debian", path: debian };
  if (!isMap(pypi)) return null;
  const [project, file] = [placed(pypi, "project")?.value, placed(pypi, "file")?.value];
  return project === undefined || file === undefined ? null : { kind: "pypi", project, file };
}

/** The lines of an item of a list, from the one with its hyphen; null when something else shares them. */
function linesOf(
  item: YAMLMap,
  { text, lines, counter }: Around,
): { readonly start: number; readonly end: number } | null {
  if (!item.range) return null;
  const [from, to] = item.range;
  const start = counter.linePos(from).line - 1;
  const last = counter.linePos(from + text.slice(from, to).trimEnd().length - 1).line - 1;
  const column = counter.linePos(from).col - 1;
  return /^\s*- +$/.test((lines[start] ?? "").slice(0, column)) ? { start, end: last + 1 } : null;
}

function placed(map: YAMLMap, key: string): { readonly value: string; readonly at: Place } | null {
  const node = map.get(key, true);
  if (!isScalar(node) || !node.range || typeof node.value !== "string") return null;
  return { value: node.value, at: { from: node.range[0], to: node.range[1] } };
}

function itemsOf(list: YAMLSeq): readonly YAMLMap[] {
  return list.items.filter((item): item is YAMLMap => isMap(item));
}
