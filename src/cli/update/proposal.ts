/** A new version, taken from its locations and looked at, as an entry of its recipe. */
import { rename } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { hasFile, noteFirstOrigin, projectFiles, takeUnknown, type FetchOptions } from "../../fetch/index.ts";
import type { NewVersion, Recipe, SourceEntry, VersionEntry } from "../../recipe/index.ts";
import { indexedFile, placesOf, type Place } from "./search.ts";

/** What is proposed for one branch. */
export interface Proposal {
  readonly version: string;
  /** The listed version whose entry it is copied from. */
  readonly after: string;
  readonly sources: readonly TakenSource[];
  /** What a person has to decide or to know. */
  readonly notes: readonly string[];
  readonly added: NewVersion;
}

/** A source that was taken: its bytes lie in the cache by their digest. */
export interface TakenSource {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly locations: readonly string[];
}

/** What proposing works with: `folder` is an empty folder beside the cache that verified sources go to. */
export interface ProposalOptions {
  readonly recipe: Recipe;
  readonly fetch: FetchOptions;
  readonly cache: string;
  readonly folder: string;
}

/**
 * Takes every source of a new version from every location that has it. Throws `source-mismatch` when two of them, or the index and its own file,
 * hold other bytes; gives the reasons when no location delivered any source.
 */
export async function propose(
  version: string,
  after: VersionEntry,
  options: ProposalOptions,
): Promise<Proposal | { readonly reasons: readonly string[] }> {
  const taken = [];
  for (const source of after.sources) taken.push(await takeSource({ version, source }, options));
  const sources = taken.flatMap((entry) => ("reasons" in entry ? [] : [entry]));
  const reasons = taken.flatMap((entry) => ("reasons" in entry ? entry.reasons : []));
  const alone = after.sources.some(({ start }) => start < 0) && sources.length < taken.length;
  if (sources.length === 0 || alone) return { reasons };
  return {
    version,
    after: after.version,
    sources,
    notes: notesOf({ version, after, sources, missing: reasons }, options.recipe),
    added: { version, after, digests: taken.map((entry) => ("reasons" in entry ? null : entry.sha256)) },
  };
}

async function takeSource(
  { version, source }: { readonly version: string; readonly source: SourceEntry },
  { recipe, fetch, cache, folder }: ProposalOptions,
): Promise<TakenSource | { readonly reasons: readonly string[] }> {
  const reasons: string[] = [];
  const had: { readonly text: string; readonly sha256: string; readonly bytes: number; readonly path: string }[] = [];
  for (const place of source.locations.flatMap((template) => placesOf(template, fetch))) {
    const at = await addressAt(place, version, fetch);
    if ("reason" in at) {
      reasons.push(`${place.text}: ${at.reason}`);
      continue;
    }
    const to = path.join(folder, String(had.length));
    const got = await takeUnknown({ url: at.url, to }, fetch);
    if (got.state === "untestable") {
      reasons.push(`${place.text}: ${got.reason}`);
      continue;
    }
    if (at.announced !== null && at.announced !== got.value.sha256)
      throw mismatch(`${recipe.name} ${version}`, [`${place.text}: ${got.value.sha256}`, `announced: ${at.announced}`]);
    had.push({ text: place.text, path: to, ...got.value });
  }
  const [first] = had;
  if (first === undefined) return { reasons };
  if (had.some(({ sha256 }) => sha256 !== first.sha256))
    throw mismatch(
      `${recipe.name} ${version}`,
      had.map(({ text, sha256 }) => `${text}: ${sha256}`),
    );
  const file = (source.file ?? lastPart(source)).replaceAll("{version}", version);
  const { sha256, bytes } = first;
  await rename(first.path, path.join(cache, sha256));
  await noteFirstOrigin(path.join(cache, sha256), first.text);
  return { file, sha256, bytes, locations: had.map(({ text }) => text) };
}

async function addressAt(
  place: Place,
  version: string,
  fetch: FetchOptions,
): Promise<{ readonly url: URL; readonly announced: string | null } | { readonly reason: string }> {
  if (place.project !== null && place.index !== null) {
    const files = await projectFiles({ index: place.index, project: place.project }, fetch);
    if (files.state === "untestable") return files;
    const file = indexedFile(files.value, place.name, version);
    return file === undefined ? { reason: "does not list this version" } : { url: file.url, announced: file.sha256 };
  }
  const url = place.file(version);
  if (url === null) return { reason: "is not an address" };
  const there = await hasFile(url, fetch);
  if (there.state === "untestable") return there;
  return there.value ? { url, announced: null } : { reason: "does not have this version" };
}

function mismatch(what: string, details: readonly string[]): ForgeError {
  return new ForgeError("source-mismatch", `${what}: its locations do not hold the same bytes`, {
    details,
    hint: "find out which of them is upstream's, by its signature; nothing is proposed until they agree",
  });
}

function notesOf(
  told: {
    readonly version: string;
    readonly after: VersionEntry;
    readonly sources: readonly TakenSource[];
    readonly missing: readonly string[];
  },
  recipe: Recipe,
): readonly string[] {
  const { version, after, sources, missing } = told;
  const listed = recipe.versions.find((entry) => entry.version === after.version);
  const until = listed?.support.until;
  return [
    `${version}: support is copied from ${after.version} (${listed?.support.status ?? "none"}${until === undefined ? "" : `, until ${until}`}): a person has to say whether that holds`,
    ...(listed === undefined || listed.vulnerable.length === 0
      ? []
      : [
          `${version}: the list of known holes is copied from ${after.version}: a person has to say which of them it still has`,
        ]),
    ...sources.flatMap(({ file, locations }) =>
      locations.length > 1 ? [`${version}: ${file}: ${locations.length} locations hold the same bytes`] : [],
    ),
    ...(sources.length === after.sources.length ? [] : [`${version}: a source that could not be had is left out`]),
    ...missing.map((reason) => `${version}: ${reason}`),
  ];
}

function lastPart({ locations }: SourceEntry): string {
  const [first] = locations;
  if (first === undefined) return "";
  const address = first.kind === "url" ? first.url : first.kind === "debian" ? first.path : first.file;
  return address.split("/").at(-1) ?? "";
}
