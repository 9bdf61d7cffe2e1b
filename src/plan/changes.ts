import type { Derivation, PlannedBuild } from "./types.ts";

/** An earlier build of a recipe: a manifest's entry or, so that more can be told, a receipt. */
export interface PreviousBuild {
  readonly recipe: string;
  readonly version: string;
  readonly key: string;
  readonly out: string;
  readonly sources?: readonly { readonly name: string; readonly sha256: string }[];
  readonly tools?: Readonly<Record<string, string>>;
}

/** What `planBuilds` compares. */
export interface PlanOptions {
  /** In build order. */
  readonly derivations: readonly Derivation[];
  /** Keys of the outputs that are in the store with a receipt. */
  readonly have: ReadonlySet<string>;
  /** The current generation's builds. */
  readonly previous?: readonly PreviousBuild[];
}

/** For each derivation whether it must be built, and why: what differs from the previous build of that recipe, as far as it is known. */
export function planBuilds({ derivations, have, previous = [] }: PlanOptions): PlannedBuild[] {
  return derivations.map((derivation) =>
    have.has(derivation.key)
      ? { derivation, action: "cached", why: "already built" }
      : { derivation, action: "build", why: whyBuild(derivation, previous) },
  );
}

function whyBuild(derivation: Derivation, previous: readonly PreviousBuild[]): string {
  const before = previous.find((build) => build.recipe === derivation.recipe.name);
  if (before === undefined) return "nothing built yet";
  if (before.key === derivation.key) return "its output is no longer in the store";
  const reasons = [
    ...versionChange(derivation, before),
    ...inputChanges(derivation, previous),
    ...sourceChanges(derivation, before),
    ...toolChanges(derivation, before),
    ...prefixChange(derivation, before),
  ];
  return reasons.length > 0 ? reasons.join("; ") : remainder(before);
}

function versionChange({ recipe }: Derivation, before: PreviousBuild): string[] {
  return recipe.version === before.version ? [] : [`new version ${recipe.version} (was ${before.version})`];
}

function inputChanges({ inputs }: Derivation, previous: readonly PreviousBuild[]): string[] {
  const changed = inputs.filter((input) => previous.find((build) => build.recipe === input.name)?.key !== input.key);
  return changed.map((input) => `input ${input.name} changed`);
}

/** Only for the same version: another version always has another source. */
function sourceChanges({ recipe }: Derivation, before: PreviousBuild): string[] {
  if (before.sources === undefined || recipe.version !== before.version) return [];
  const known = new Map(before.sources.map((source) => [source.name, source.sha256]));
  const wanted = [
    ...recipe.sources.map(({ name, sha256 }) => ({ name, sha256 })),
    ...recipe.packages.map(({ project, sha256 }) => ({ name: project, sha256 })),
  ];
  return wanted
    .filter(({ name, sha256 }) => sha256 !== null && known.has(name) && known.get(name) !== sha256)
    .map(({ name }) => `source ${name} changed`);
}

function toolChanges({ tools }: Derivation, before: PreviousBuild): string[] {
  if (before.tools === undefined) return [];
  const old = before.tools;
  const names = [...new Set([...Object.keys(old), ...Object.keys(tools)])].toSorted();
  return names
    .filter((name) => old[name] !== tools[name])
    .map((name) => `${name} changed (${old[name] ?? "none"} -> ${tools[name] ?? "none"})`);
}

function prefixChange(derivation: Derivation, before: PreviousBuild): string[] {
  return before.out.startsWith(`${derivation.prefix}/`) ? [] : ["the prefix moved"];
}

/** When nothing that can be compared differs: a receipt leaves only the recipe, a manifest's entry leaves tools and sources too. */
function remainder(before: PreviousBuild): string {
  return before.tools === undefined ? "its recipe, a source or a tool changed" : "its recipe changed";
}
