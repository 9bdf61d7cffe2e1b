import type { FileSpec, Gate, LockedPackage, Platform, Requirement, Source, Step } from "../recipe/types.ts";

/** A recipe made concrete: one version, one source form, one platform. Conditions are gone; variables other than those are still in the text. */
export interface ResolvedRecipe {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  readonly support: { readonly status: string; readonly until?: string };
  readonly inputs: readonly string[];
  readonly sources: readonly Source[];
  readonly packages: readonly (Pick<LockedPackage, "project" | "version" | "role"> & {
    readonly file: string;
    readonly sha256: string;
  })[];
  readonly platformValues: Readonly<Record<string, string>>;
  readonly requirements: readonly Requirement[];
  readonly environment: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly gates: readonly Gate[];
  readonly weight: number;
  /** Set when a newer version in range could not be had. */
  readonly fallback?: { readonly wanted: string; readonly reasons: readonly string[] };
}

/** A file of the recipe's folder that the build reads: patches, copied files. */
export interface RecipeFile {
  /** Relative to the recipe's folder. */
  readonly path: string;
  readonly sha256: string;
  /** Whether it is executable. */
  readonly executable: boolean;
}

/** What the machine adds to a build's identity: each required tool's own statement of what it is (`gcc --version`, first line). */
export type ToolIdentity = Readonly<Record<string, string>>;

/** Everything that one build is made from, and where it goes. */
export interface Derivation {
  readonly recipe: ResolvedRecipe;
  readonly files: readonly RecipeFile[];
  readonly platform: Platform;
  readonly prefix: string;
  /** Hex SHA-256 over every input. */
  readonly key: string;
  /** `<prefix>/store/<first 16 digits of key>-<name>-<version>`. */
  readonly out: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly version: string;
    readonly key: string;
    readonly out: string;
  }[];
  readonly tools: ToolIdentity;
}

/** One build in a plan. `why` says which input differs from the current generation's build, or that nothing is there yet. */
export interface PlannedBuild {
  readonly derivation: Derivation;
  readonly action: "build" | "cached";
  readonly why: string;
}

export type { FileSpec };
