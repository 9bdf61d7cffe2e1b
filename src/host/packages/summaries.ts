/** Dry runs that end in a summary: headings at the margin, the packages below them, and how many of each kind there are. */
import { collect, whenWhole, type Simulated } from "./simulation.ts";

/** Reads the summary of dnf, dnf5 and yum (dnf, cli/output.py; dnf5, transaction table). What a package takes the place of stands below it. */
export function parseDnf(text: string): Simulated | null {
  const said = underHeadings(text, {
    heading: /^(\S.*):$/,
    kinds: [
      // Groups are no packages; those that they bring have a heading of their own.
      [/^Installing (?:\w+ )?groups$/i, null],
      [/^Installing/, "installs"],
      [/^(?:Upgrading|Updating|Downgrading|Reinstalling)/, "upgrades"],
      [/^Removing/, "removals"],
    ],
    names: (line) => (/^ [^ =]/.test(line) ? line.trim().split(/\s+/).slice(0, 1) : []),
  });
  if (said.length === 0)
    return whenWhole(nothing, /^Nothing to do\.?$/m.test(text) && !/^(?:Error|Problem)\b/m.test(text));
  const coming = new Set(said.flatMap(([kind, name]) => (kind === "removals" ? [] : [name])));
  const replaced = [...text.matchAll(/^\s+replacing\s+(\S+)/gm)].map(([, name = ""]) => name.replace(architecture, ""));
  const again = new Set(replaced.filter((name) => coming.has(name)));
  const found = collect([
    ...said.map(([kind, name]) => [kind === "installs" && again.has(name) ? "upgrades" : kind, name] as const),
    ...replaced.filter((name) => !again.has(name)).map((name) => ["removals", name] as const),
  ]);
  // yum and dnf: `Install  3 Packages (+36 Dependent packages)`; dnf5: ` Installing:  4 packages`.
  const told = /^ ?(?<word>[A-Z][a-z]+):? +(?<count>\d+) [Pp]ackages?(?:\(s\))?(?: +\(\+ *(?<more>\d+) Dep.*\))?$/gm;
  return whenWhole(found, agree(said, [...text.matchAll(told)]));
}

const architecture = /\.(?:noarch|x86_64|aarch64|i[3-6]86|s390x|ppc64le|armv7hl|riscv64)$/;

/** Reads zypper's summary: sentences as headings, names below them, and a line of numbers (zypper, src/Summary.cc). */
export function parseZypper(text: string): Simulated | null {
  const said = underHeadings(text, {
    heading: /^(The following .*):$/,
    kinds: [
      [/NEW packages? (?:is|are) going to be installed/, "installs"],
      [/ (?:is|are) going to (?:be (?:upgraded|downgraded|reinstalled)|change (?:vendor|architecture))$/, "upgrades"],
      [/ (?:is|are) going to be REMOVED$/, "removals"],
    ],
    names: (line, heading) => {
      if (!line.startsWith("  ")) return [];
      const words = [...line.matchAll(/"([^"]+)"|(\S+)/g)].map(([, quoted, word = ""]) => quoted ?? word);
      // One a line, with the old and the new one after it.
      return / change /.test(heading) ? words.slice(0, 1) : words;
    },
  });
  if (said.length === 0) return whenWhole(nothing, /^Nothing to do\.$/m.test(text));
  // `2 packages to upgrade, 3 new.`, `8 new packages to install.`
  const told = /(?:^|, +)(?<count>\d+) +(?:packages? +)?(?:to +)?(?<word>new|upgrade|downgrade|reinstall|remove)\b/g;
  const numbers = /^\d+ .*(?: to | new).*\.$/m.exec(text)?.[0] ?? "";
  return whenWhole(collect(said), agree(said, [...numbers.matchAll(told)]));
}

/** Reads `pkg install -n`: headings, then `NAME: VERSION`, or `NAME-VERSION` for what is reinstalled or removed (pkg, src/utils.c). */
export function parsePkg(text: string): Simulated | null {
  const said = underHeadings(text, {
    heading: /^(.*packages to be [A-Z]+.*):$/,
    kinds: [
      [/ INSTALLED$/, "installs"],
      [/ (?:UPGRADED|DOWNGRADED|REINSTALLED)$/, "upgrades"],
      [/ REMOVED$/, "removals"],
    ],
    names: (line) => {
      const [, name, colon] = /^\s+([^\s:]+)(:)?(?:\s|$)/.exec(line) ?? [];
      return name === undefined ? [] : [colon === undefined ? name.replace(/-[^-]+$/, "") : name];
    },
  });
  if (said.length === 0) return whenWhole(nothing, /^The most recent versions? of packages are already/m.test(text));
  const told = [...text.matchAll(/^Number of packages to be (?<word>\w+): (?<count>\d+)$/gm)];
  const affected = /^The following (\d+) packages?(?:\(s\))? will be affected/m.exec(text)?.[1];
  return whenWhole(collect(said), told.length > 0 ? agree(said, told) : Number(affected) === said.length);
}

const nothing: Simulated = { installs: [], upgrades: [], removals: [] };

type Said = readonly (readonly [keyof Simulated, string])[];

/** Whether as many packages were read of each kind as the manager says that there are. */
function agree(said: Said, told: readonly RegExpMatchArray[]): boolean {
  const counts = { installs: 0, upgrades: 0, removals: 0 };
  for (const [kind] of said) counts[kind] += 1;
  for (const { groups: { word = "", count, more } = {} } of told) {
    const kind = countWords.find(([pattern]) => pattern.test(word))?.[1];
    if (kind !== undefined) counts[kind] -= Number(count) + Number(more ?? 0);
  }
  return told.length > 0 && Object.values(counts).every((count) => count === 0);
}

const countWords: readonly (readonly [RegExp, keyof Simulated])[] = [
  [/^(?:install|new)/i, "installs"],
  [/^(?:upgrad|updat|downgrad|reinstall)/i, "upgrades"],
  [/^remov/i, "removals"],
];

function underHeadings(
  text: string,
  form: {
    readonly heading: RegExp;
    readonly kinds: readonly (readonly [RegExp, keyof Simulated | null])[];
    readonly names: (line: string, heading: string) => readonly string[];
  },
): Said {
  const said: (readonly [keyof Simulated, string])[] = [];
  let heading = "";
  let kind: keyof Simulated | null = null;
  for (const line of text.split("\n")) {
    const next = form.heading.exec(line)?.[1];
    // Blank lines stand also below a heading.
    if (next !== undefined || /^\S/.test(line)) {
      heading = next ?? "";
      kind = form.kinds.find(([pattern]) => pattern.test(heading))?.[1] ?? null;
      continue;
    }
    if (kind !== null) for (const name of form.names(line, heading)) said.push([kind, name]);
  }
  return said;
}
