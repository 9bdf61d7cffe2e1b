/** What a manager says it would do, read from its dry run. Those with headings: `summaries.ts`. */

/** Packages by name: those that would come newly, and what would happen to others besides. */
export interface Simulated {
  readonly installs: readonly string[];
  readonly upgrades: readonly string[];
  readonly removals: readonly string[];
}

/**
 * What was read, when it can be relied upon: in a text that was not understood to its end, a change of something else may stand unseen. What such a
 * text does say of other packages counts all the same.
 */
export function whenWhole(found: Simulated, whole: boolean): Simulated | null {
  return whole || found.upgrades.length + found.removals.length > 0 ? found : null;
}

/** Reads `apt-get -s`: `Inst NAME [OLD] (NEW …)` is an upgrade when there is an old one (apt-get(8), "--simulate"). */
export function parseApt(text: string): Simulated {
  return collect(
    [...text.matchAll(/^(Inst|Remv) (\S+)( \[)?/gm)].map(([, verb, name = "", old]) => [
      verb === "Remv" ? "removals" : old === undefined ? "installs" : "upgrades",
      name.split(":")[0] ?? name,
    ]),
  );
}

/** For each package that `apt-get -s` would put in: the version that is there, and the one that would come. */
export function parseAptVersions(
  text: string,
): readonly { readonly name: string; readonly old: string | null; readonly new: string }[] {
  return [...text.matchAll(/^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)/gm)].map(([, name = "", old, version = ""]) => ({
    name: name.split(":")[0] ?? name,
    old: old ?? null,
    new: version,
  }));
}

/** Reads `apk --simulate`: `(1/3) Installing NAME (VERSION)`, numbered to the last, then `OK: …` (apk-tools, src/commit.c). */
export function parseApk(text: string): Simulated | null {
  const steps = [...text.matchAll(/^\(\s*\d+\/(\d+)\) ([A-Z]\w+(?: pinning)?) (\S+)/gm)];
  const known = steps.filter(([, , verb = ""]) => apkVerbs.has(verb));
  const found = collect(
    known.flatMap(([, , verb = "", name = ""]) => {
      const kind = apkVerbs.get(verb) ?? null;
      return kind === null ? [] : [[kind, name] as const];
    }),
  );
  return whenWhole(found, known.length === Number(steps[0]?.[1] ?? 0) && /^OK: /m.test(text));
}

const apkVerbs: ReadonlyMap<string, keyof Simulated | null> = new Map([
  ["Installing", "installs"],
  ["Upgrading", "upgrades"],
  ["Downgrading", "upgrades"],
  ["Replacing", "upgrades"],
  ["Reinstalling", "upgrades"],
  ["Updating pinning", null],
  ["Purging", "removals"],
]);

/** Reads names one a line, as pacman prints them: of those, what is there already would be replaced. A question of pacman's is no name. */
export function parseNames(text: string, installed: ReadonlySet<string>): Simulated | null {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const names = lines.filter((line) => /^[\w@+][\w@.+-]*$/.test(line));
  const found: Simulated = {
    installs: names.filter((name) => !installed.has(name)),
    upgrades: names.filter((name) => installed.has(name)),
    removals: [],
  };
  return whenWhole(found, names.length === lines.length);
}

/** Names by what would happen to them, each once. */
export function collect(said: readonly (readonly [keyof Simulated, string])[]): Simulated {
  const of = (kind: keyof Simulated): readonly string[] => [
    ...new Set(said.flatMap(([each, name]) => (each === kind ? [name] : []))),
  ];
  return { installs: of("installs"), upgrades: of("upgrades"), removals: of("removals") };
}
