/** What a manager says it would do, read from its dry run. */

/** Packages by name: those that would come newly, and what would happen to others besides. */
export interface Simulated {
  readonly installs: readonly string[];
  readonly upgrades: readonly string[];
  readonly removals: readonly string[];
}

/** One line of a dry run: what it says of a package, or under which heading the next lines stand. */
type Kind = keyof Simulated | null;

/** Reads `apt-get -s`: `Inst NAME [OLD] (NEW …)` is an upgrade when there is an old one (apt-get(8), "--simulate"). */
export function parseApt(text: string): Simulated {
  return collect(text, (line) => {
    const [, verb, name = "", old] = /^(Inst|Remv) (\S+)( \[)?/.exec(line) ?? [];
    const kind = verb === "Inst" ? (old === undefined ? "installs" : "upgrades") : "removals";
    return verb === undefined ? [] : [[kind, name.split(":")[0] ?? name]];
  });
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

/** Reads `apk --simulate`: `(1/3) Installing NAME (VERSION)` (apk-tools, src/commit.c). */
export function parseApk(text: string): Simulated {
  const kinds: Readonly<Record<string, Kind>> = {
    Installing: "installs",
    Upgrading: "upgrades",
    Downgrading: "upgrades",
    Replacing: "upgrades",
    Purging: "removals",
  };
  return collect(text, (line) => {
    const [, verb = "", name = ""] = /^\(\s*\d+\/\d+\) (\w+) (\S+) \(/.exec(line) ?? [];
    const kind = kinds[verb] ?? null;
    return kind === null ? [] : [[kind, name]];
  });
}

/** Reads the summary of dnf, dnf5 and yum: headings at the margin, packages one blank in (dnf, cli/output.py; dnf5, transaction table). */
export function parseDnf(text: string): Simulated {
  return underHeadings(text, {
    heading: /^([A-Z][\w ()]*):$/,
    kinds: [
      [/^Installing/, "installs"],
      [/^(?:Upgrading|Updating|Downgrading|Reinstalling)/, "upgrades"],
      [/^(?:Removing|Replac)/, "removals"],
    ],
    names: (line) => (/^ [^ =]/.test(line) ? line.trim().split(/\s+/).slice(0, 1) : []),
  });
}

/** Reads zypper's summary: sentences as headings, names below them (zypper, src/Summary.cc). */
export function parseZypper(text: string): Simulated {
  return underHeadings(text, {
    heading: /^(The following .*):$/,
    kinds: [
      [/NEW packages? (?:is|are) going to be installed/, "installs"],
      [/packages? (?:is|are) going to be (?:upgraded|downgraded|reinstalled)/, "upgrades"],
      [/packages? (?:is|are) going to be REMOVED/, "removals"],
    ],
    names: (line) => (line.startsWith("  ") ? line.trim().split(/\s+/) : []),
  });
}

/** Reads `pkg install -n`: headings, then a tab and `NAME: VERSION` (pkg, src/utils.c). */
export function parsePkg(text: string): Simulated {
  return underHeadings(text, {
    heading: /^(.*packages to be [A-Z]+.*):$/,
    kinds: [
      [/INSTALLED$/, "installs"],
      [/(?:UPGRADED|DOWNGRADED|REINSTALLED)$/, "upgrades"],
      [/REMOVED$/, "removals"],
    ],
    names: (line) => [...line.matchAll(/^\t([^\s:]+):? /g)].map(([, name = ""]) => name.replace(/-\d[^-]*$/, "")),
  });
}

/** Reads names one a line, as pacman and the like print them: of those, what is there already would be replaced. */
export function parseNames(text: string, installed: ReadonlySet<string>): Simulated {
  const names = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return {
    installs: names.filter((name) => !installed.has(name)),
    upgrades: names.filter((name) => installed.has(name)),
    removals: [],
  };
}

function underHeadings(
  text: string,
  form: {
    readonly heading: RegExp;
    readonly kinds: readonly (readonly [RegExp, keyof Simulated])[];
    readonly names: (line: string) => readonly string[];
  },
): Simulated {
  let kind: Kind = null;
  return collect(text, (line) => {
    const heading = form.heading.exec(line)?.[1];
    if (heading !== undefined) {
      kind = form.kinds.find(([pattern]) => pattern.test(heading))?.[1] ?? null;
      return [];
    }
    if (line.trim() === "") kind = null;
    const now = kind;
    return now === null ? [] : form.names(line).map((name) => [now, name] as const);
  });
}

function collect(text: string, read: (line: string) => readonly (readonly [keyof Simulated, string])[]): Simulated {
  const found: Record<keyof Simulated, string[]> = { installs: [], upgrades: [], removals: [] };
  for (const line of text.split("\n")) for (const [kind, name] of read(line)) found[kind].push(name);
  return found;
}
