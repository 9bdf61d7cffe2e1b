import type { Platform, ResolvedRecipe } from "../recipe/index.ts";

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
