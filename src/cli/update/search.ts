/** Asks the known locations of a recipe for versions that it does not list. */
import {
  hasFile,
  listFolder,
  projectFiles,
  type Answered,
  type FetchOptions,
  type ProjectFile,
} from "../../fetch/index.ts";
import { counted } from "../../words.ts";
import { followers, newestByBranch, versionsIn, type LocationTemplate, type VersionEntry } from "../../recipe/index.ts";

/** What one location said. */
export interface LocationAnswer {
  readonly location: string;
  readonly outcome: "observed" | "untestable";
  readonly detail: string;
}

/** What all locations said: the newest version of each branch that is not listed yet, and branches that the recipe does not have. */
export interface SearchResult {
  readonly newer: ReadonlyMap<string, string>;
  readonly newBranches: readonly string[];
  readonly answers: readonly LocationAnswer[];
}

/** Asks every location of the newest entry of each branch. */
export async function searchVersions(entries: readonly VersionEntry[], options: FetchOptions): Promise<SearchResult> {
  const listed = newestByBranch(entries.map(({ version }) => version));
  const questions = templatesOf(entries).flatMap(({ template, held }) =>
    placesOf(template, options).map((place) => ({ place, held })),
  );
  const asked = await Promise.all(questions.map(({ place, held }) => askPlace(place, { held, options })));
  const found = newestByBranch([...listed.values(), ...asked.flatMap(({ versions }) => versions)]);
  const newest = [...found].filter(([branch, version]) => listed.get(branch) !== version);
  return {
    newer: new Map(newest.filter(([branch]) => listed.has(branch))),
    newBranches: newest.filter(([branch]) => !listed.has(branch)).map(([, version]) => version),
    answers: asked.map(({ answer }) => answer),
  };
}

/** One concrete place to look for versions: a listing first, else the next versions one by one. */
export interface Place {
  readonly text: string;
  /** What writes the name that a version is read from, in the listing at `folder`. */
  readonly name: string;
  readonly folder: URL | null;
  readonly file: (version: string) => URL | null;
  readonly project: string | null;
  readonly index: string | null;
}

/** The places that a location stands for on this machine; none where the machine has no such registry. */
export function placesOf(template: LocationTemplate, { bases }: Pick<FetchOptions, "bases">): readonly Place[] {
  switch (template.kind) {
    case "url":
      return [addressPlace(template.url)];
    case "debian":
      return bases.debian.map((base) => addressPlace(`${base.replace(/\/+$/, "")}/${template.path}`));
    case "pypi":
      if (bases.pypi === null) return [];
      return [
        {
          text: `Python package index, ${template.project}`,
          name: template.file,
          folder: null,
          file: () => null,
          project: template.project,
          index: bases.pypi,
        },
      ];
  }
}

/** The file of a version in a project of the index. */
export function indexedFile(files: readonly ProjectFile[], name: string, version: string): ProjectFile | undefined {
  const wanted = name.replaceAll("{version}", version);
  return files.find((file) => file.name === wanted);
}

function addressPlace(address: string): Place {
  const parts = address.split("/");
  const at = parts.findIndex((part) => part.includes("{version}"));
  const folder = at < 0 ? null : URL.parse(`${parts.slice(0, at).join("/")}/`);
  return {
    text: withoutSecrets(address),
    name: parts[at] ?? "",
    folder,
    file: (version) => URL.parse(address.replaceAll("{version}", version)),
    project: null,
    index: null,
  };
}

function withoutSecrets(address: string): string {
  return address.replace(/\/\/[^/@]*@/, "//");
}

interface Asking {
  /** Newest listed versions of the branches that have this location. */
  readonly held: readonly string[];
  readonly options: FetchOptions;
}

async function askPlace(
  place: Place,
  asking: Asking,
): Promise<{ readonly versions: readonly string[]; readonly answer: LocationAnswer }> {
  const names = await namesAt(place, asking.options);
  const versions = names.state === "observed" ? versionsIn(names.value, place.name) : [];
  // A page that shows none of the versions that must be there is no listing of them.
  if (versions.length > 0) {
    const detail = `lists ${counted(versions.length, "version")}`;
    return { versions, answer: { location: place.text, outcome: "observed", detail } };
  }
  if (place.project !== null)
    return { versions, answer: untestable(place, names.state === "observed" ? "lists no version" : names.reason) };
  return probe(place, asking);
}

async function namesAt(place: Place, options: FetchOptions): Promise<Answered<readonly string[]>> {
  if (place.project !== null && place.index !== null) {
    const files = await projectFiles({ index: place.index, project: place.project }, options);
    return files.state === "observed" ? { state: "observed", value: files.value.map(({ name }) => name) } : files;
  }
  if (place.folder === null) return { state: "untestable", reason: "there is no folder that could be listed" };
  return listFolder(place.folder, options);
}

/** Asks for the next versions of each branch, where nothing lists them. */
async function probe(
  place: Place,
  { held, options }: Asking,
): Promise<{ readonly versions: readonly string[]; readonly answer: LocationAnswer }> {
  const wanted = held.flatMap(followers);
  const versions: string[] = [];
  for (const version of wanted) {
    const url = place.file(version);
    const there = url === null ? null : await hasFile(url, options);
    if (there === null) return { versions, answer: untestable(place, "it is not an address") };
    if (there.state === "untestable") return { versions, answer: untestable(place, there.reason) };
    if (there.value) versions.push(version);
  }
  if (wanted.length === 0)
    return { versions, answer: untestable(place, "it lists nothing, and what would come next is not known") };
  const detail = `lists nothing; asked for ${wanted.join(", ")}: ${versions.length === 0 ? "none is there" : `${versions.join(", ")} there`}`;
  return { versions, answer: { location: place.text, outcome: "observed", detail } };
}

function untestable({ text }: Place, detail: string): LocationAnswer {
  return { location: text, outcome: "untestable", detail };
}

/** The locations of the newest entry of each branch, each with the versions that it holds there. */
function templatesOf(
  entries: readonly VersionEntry[],
): readonly { readonly template: LocationTemplate; readonly held: readonly string[] }[] {
  const newest = new Set(newestByBranch(entries.map(({ version }) => version)).values());
  const held = new Map<string, { readonly template: LocationTemplate; readonly held: string[] }>();
  for (const { version, sources } of entries.filter((entry) => newest.has(entry.version))) {
    for (const template of sources.flatMap(({ locations }) => locations)) {
      const key = JSON.stringify(template);
      const known = held.get(key) ?? { template, held: [] };
      held.set(key, known);
      if (!known.held.includes(version)) known.held.push(version);
    }
  }
  return [...held.values()];
}
