import type { Platform, ResolvedRecipe, Source, Step } from "../recipe/index.ts";
import { fingerprint, type Json } from "./canonical.ts";
import type { Derivation, RecipeFile, ToolIdentity } from "./types.ts";

/** Raised when the way a build is run changes so that equal inputs give other outputs. */
const keyFormat = 1;

/** What `derive` works from. */
export interface DeriveOptions {
  readonly recipe: ResolvedRecipe;
  readonly files: readonly RecipeFile[];
  readonly platform: Platform;
  /** Absolute path. */
  readonly prefix: string;
  /** Derivations of at least the recipe's inputs. */
  readonly inputs: readonly Derivation[];
  readonly tools: ToolIdentity;
  /** Hex SHA-256 of each source that the recipe has no digest for (a user's own), by the source's name. */
  readonly ownDigests?: Readonly<Record<string, string>>;
}

/**
 * Everything one build is made from, its build key and where its output goes.
 *
 * The key covers what can change the output, including that a user's own source was not verified. It leaves out what cannot:
 * where the recipe and its sources are found, who signed them and whether that is demanded, gates, requirements (the tools' identity is in), weight, support and fallback.
 */
export function derive(options: DeriveOptions): Derivation {
  const { recipe, files, platform, prefix, tools } = options;
  const inputs = recipe.inputs.map((name) => inputNamed(name, options));
  const key = fingerprint({
    format: keyFormat,
    name: recipe.name,
    version: recipe.version,
    sources: recipe.sources.map((source) => sourceIdentity(source, options)),
    packages: recipe.packages.map(({ project, version, role, file, sha256 }) => ({
      project,
      version,
      role,
      file,
      sha256,
    })),
    files: files
      .map(({ path, sha256, executable }) => ({ path, sha256, executable }))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    platformValues: recipe.platformValues,
    environment: recipe.environment,
    steps: recipe.steps.map(stepIdentity),
    platform: { os: platform.os, arch: platform.arch, libc: platform.libc },
    prefix,
    inputs: inputs.map(({ name, key: inputKey }) => ({ name, key: inputKey })),
    tools,
  });
  const out = `${prefix}/store/${key.slice(0, 16)}-${recipe.name}-${recipe.version}`;
  return { recipe, files, platform, prefix, key, out, inputs, tools };
}

function inputNamed(name: string, { recipe, inputs }: DeriveOptions): Derivation["inputs"][number] {
  const input = inputs.find((derivation) => derivation.recipe.name === name);
  if (input === undefined) throw new Error(`the input ${name} of ${recipe.name} was not derived`);
  return { name, version: input.recipe.version, key: input.key, out: input.out };
}

function sourceIdentity(source: Source, { recipe, ownDigests }: DeriveOptions): Json {
  const sha256 = source.sha256 ?? ownDigests?.[source.name];
  if (sha256 === undefined) throw new Error(`the source ${source.name} of ${recipe.name} has no digest`);
  const { name, file, form, unpack } = source;
  return { name, file, sha256, verified: source.sha256 !== null, form, unpack };
}

/** A step without its place in the recipe and its condition, which holds or it would not be here. */
function stepIdentity(step: Step): Json {
  const { when: _when, span: _span, ...rest } = step as Step & { readonly span?: unknown };
  return rest as unknown as Json;
}
