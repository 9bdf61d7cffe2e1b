import path from "node:path";

/** What the quick answer needs of a command line. */
export interface QuickArguments {
  readonly command: "provision" | "plan";
  readonly stack: string | null;
  readonly prefix: string;
  readonly config: string | null;
  /** Folder of recipes and stacks. */
  readonly recipes: string;
  readonly json: boolean;
  readonly minGrade: string | null;
}

const flags = ["--yes", "-y", "--json", "--quiet", "-q", "--no-wait"];
const flagsOf: Readonly<Record<QuickArguments["command"], ReadonlySet<string>>> = {
  provision: new Set([...flags, "--verbose", "-v"]),
  // A verbose plan says more, also about builds that are there.
  plan: new Set([...flags, "--exit-code"]),
};
const valued: ReadonlyMap<string, RegExp> = new Map([
  ["--prefix", /./],
  ["--config", /./],
  ["--recipes", /./],
  ["--min-grade", /./],
  ["--jobs", /^[1-9]\d{0,3}$/],
  ["--progress", /^(?:auto|plain|json)$/],
]);

/**
 * Reads `provision` and `plan` with only such options as change nothing about its result; null for every other command line, which the full parser
 * then takes, errors and all.
 */
export function quickArguments(
  argv: readonly string[],
  world: Pick<QuickArguments, "prefix" | "config" | "recipes"> & { readonly cwd: string },
): QuickArguments | null {
  const [command] = argv;
  if (command !== "provision" && command !== "plan") return null;
  const values = new Map<string, string>();
  const words: string[] = [];
  let json = false;
  for (let index = 1; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    const value = argv[index + 1];
    if (flagsOf[command].has(word)) json ||= word === "--json";
    else if (value !== undefined && !value.startsWith("-") && valued.get(word)?.test(value) === true) {
      values.set(word, value);
      index += 1;
    } else if (word.startsWith("-") || words.length > 0) return null;
    else words.push(word);
  }
  const resolved = (name: string): string | undefined => {
    const value = values.get(name);
    return value === undefined ? undefined : path.resolve(world.cwd, value);
  };
  return {
    command,
    stack: words[0] ?? null,
    prefix: resolved("--prefix") ?? world.prefix,
    config: resolved("--config") ?? world.config,
    recipes: resolved("--recipes") ?? world.recipes,
    json,
    minGrade: values.get("--min-grade")?.toUpperCase() ?? null,
  };
}
