import { ForgeError } from "../errors.ts";
import type { SignatureSpec } from "./signature-types.ts";
import type {
  LockedCrate,
  LockedPackage,
  Platform,
  Recipe,
  RecipeVersion,
  ResolvedRecipe,
  Source,
  Stack,
  When,
} from "./types.ts";
import { variablesIn } from "./variables.ts";
import { inRange, newestFirst } from "./versions.ts";

/**
 * Versions of a recipe that may be built for a range, newest first, each with its alternative sources. Never below the security floor, and
 * with known holes only for reproduction.
 */
export function candidates(
  recipe: Recipe,
  range: string,
  purpose: Stack["purpose"] = "service",
): readonly RecipeVersion[] {
  return recipe.versions
    .filter((entry) => inRange(entry.version, range) && floorAbove(recipe, entry.version) === undefined)
    .filter((entry) => entry.vulnerable.length === 0 || purpose === "reproduction")
    .toSorted((a, b) => newestFirst(a.version, b.version));
}

/** The security floor that a version lies below, or undefined when it may be built. */
export function floorAbove(recipe: Recipe, version: string): Recipe["securityFloor"][number] | undefined {
  return recipe.securityFloor.find(
    (floor) => inRange(version, floor.branch) && newestFirst(version, floor.version) > 0,
  );
}

/** What a recipe is resolved for. */
export interface Choice {
  readonly recipe: Recipe;
  /** One of the recipe's versions, as `candidates` gave it. */
  readonly version: string;
  /** Which of the version's alternative sources; ignored for a recipe without upstream source. */
  readonly sourceIndex: number;
  readonly platform: Platform;
  /** Version of each input, by its recipe's name. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly fallback?: NonNullable<ResolvedRecipe["fallback"]>;
}

/**
 * A recipe for one version, source and platform: conditions evaluated, variables still in the text.
 * A locked package without a file for this platform is a ForgeError `recipe-invalid`.
 */
export function resolveRecipe(choice: Choice): ResolvedRecipe {
  const { recipe, version, platform, inputs, fallback } = choice;
  const entry = recipe.versions.find((candidate) => candidate.version === version);
  if (entry === undefined) throw new Error(`recipe ${recipe.name} has no version ${version}`);
  const main = mainSource(choice, entry);
  const facts: Facts = { version, platform, form: main?.form ?? "release", inputs };
  const steps = applicable(recipe.steps, facts);
  const gates = applicable(recipe.gates, facts);
  const check = checkOf(recipe, facts);
  const values = platformValues(recipe, facts);
  requireValues({
    recipe,
    platform,
    values,
    used: variablesIn(JSON.stringify([steps, gates, recipe.environment, check?.steps ?? []])),
  });
  const locked = applicable(recipe.lock, facts).map((item) => ({ item, file: lockedFile(recipe, item, facts) }));
  return {
    name: recipe.name,
    version,
    folder: recipe.folder,
    support: entry.support,
    vulnerable: entry.vulnerable,
    inputs: recipe.inputs,
    sources: [
      ...(main === undefined ? [] : [main]),
      ...locked.map(({ item, file }) => lockedSource(recipe, item, file)),
      ...recipe.crates.map(crateSource),
    ],
    packages: locked.map(({ item, file }) => ({
      project: item.project,
      version: item.version,
      role: item.role,
      file: file.file,
      sha256: file.sha256,
    })),
    platformValues: values,
    requirements: applicable(recipe.requirements, facts),
    environment: recipe.environment,
    steps,
    gates,
    ...(check === undefined ? {} : { check }),
    weight: recipe.weight,
    ...(recipe.disk === undefined ? {} : { disk: recipe.disk }),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

interface Facts {
  readonly version: string;
  readonly platform: Platform;
  readonly form: Source["form"];
  readonly inputs: Readonly<Record<string, string>>;
}

/** Whether every given condition holds. An input that the facts do not know fails its condition. */
function holds(when: When | undefined, facts: Facts): boolean {
  if (when === undefined) return true;
  const { os, arch, libc } = facts.platform;
  return (
    (when.version === undefined || inRange(facts.version, when.version)) &&
    (when.os === undefined || when.os.includes(os)) &&
    (when.arch === undefined || when.arch.includes(arch)) &&
    (when.libc === undefined || when.libc.includes(libc)) &&
    (when.form === undefined || when.form === facts.form) &&
    Object.entries(when.input ?? {}).every(([name, range]) => inRange(facts.inputs[name] ?? "", range))
  );
}

/** The entries whose conditions hold, without the conditions. */
function applicable<Entry extends { readonly when?: When }>(entries: readonly Entry[], facts: Facts): Entry[] {
  return entries
    .filter((entry) => holds(entry.when, facts))
    .map((entry) => {
      const { when: _, ...rest } = entry;
      return rest as Entry;
    });
}

function checkOf({ check }: Recipe, facts: Facts): Recipe["check"] {
  if (check === undefined) return undefined;
  return { ...check, steps: applicable(check.steps, facts), exclude: applicable(check.exclude, facts) };
}

function platformValues(recipe: Recipe, facts: Facts): Record<string, string> {
  const values: Record<string, string> = {};
  for (const entry of recipe.platforms.toReversed()) if (holds(entry.when, facts)) Object.assign(values, entry.values);
  return values;
}

/** A platform that the recipe's table does not know is refused here, not in the middle of a build. */
function requireValues(need: {
  recipe: Recipe;
  platform: Platform;
  values: Readonly<Record<string, string>>;
  used: readonly string[];
}): void {
  const missing = need.used.filter(
    (name) => name.startsWith("platform.") && !Object.hasOwn(need.values, name.slice("platform.".length)),
  );
  if (missing.length === 0) return;
  const { os, arch, libc } = need.platform;
  throw new ForgeError(
    "recipe-invalid",
    `recipe ${need.recipe.name} is not made for ${os} ${arch} ${libc}: it has no ${[...new Set(missing)].join(", ")}`,
    {
      hint: `add an entry for this platform to "platforms" in ${need.recipe.folder}/recipe.yaml`,
    },
  );
}

/** Of a source that a recipe with signers names none for: nothing is looked for, and that is told. */
const nobody: SignatureSpec = { signers: [], required: false, locations: [] };

function mainSource({ recipe, sourceIndex }: Choice, entry: RecipeVersion): Source | undefined {
  if (entry.sources.length === 0) return undefined;
  const source = entry.sources[sourceIndex];
  if (source === undefined) throw new Error(`recipe ${recipe.name} ${entry.version} has no source ${sourceIndex}`);
  const isUnsigned = Object.keys(recipe.signers).length > 0 && source.locations.every(({ kind }) => kind !== "pypi");
  return { name: recipe.name, ...(isUnsigned ? { signature: nobody } : {}), ...source, unpack: "main" };
}

function lockedFile(recipe: Recipe, item: LockedPackage, facts: Facts): LockedPackage["files"][number] {
  const file = item.files.find((candidate) => holds(candidate.when, facts));
  if (file !== undefined) return file;
  const { os, arch, libc } = facts.platform;
  throw new ForgeError(
    "recipe-invalid",
    `recipe ${recipe.name}: ${item.project} ${item.version} has no file for ${os} ${arch} ${libc} in the lock file`,
    {
      hint: `add its source distribution, or the file for this platform, to ${recipe.folder}/lock.yaml`,
    },
  );
}

function lockedSource(recipe: Recipe, item: LockedPackage, file: LockedPackage["files"][number]): Source {
  const folder = Object.hasOwn(recipe.unpack, item.project) ? recipe.unpack[item.project] : undefined;
  return {
    name: item.project,
    file: file.file,
    sha256: file.sha256,
    locations: [{ kind: "pypi", project: item.project, file: file.file }],
    ...(item.publisher === undefined ? {} : { signature: attestedBy(item.project, item.publisher) }),
    form: "release",
    unpack: folder === undefined ? "none" : { folder },
  };
}

/** Whoever pins a publisher wants the attestation: it is demanded. */
function attestedBy(project: string, publisher: NonNullable<LockedPackage["publisher"]>): SignatureSpec {
  return { signers: [{ kind: "sigstore", name: project, ...publisher }], required: true, locations: [] };
}

function crateSource({ crate, version, sha256 }: LockedCrate): Source {
  return {
    name: `${crate}@${version}`,
    file: `${crate}-${version}.crate`,
    sha256,
    locations: [{ kind: "crate", name: crate, version }],
    form: "release",
    unpack: { folder: `crates/${crate}-${version}` },
  };
}
