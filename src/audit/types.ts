/** What an audit works from and what it says. Pure data. */

/** How versions of a package are ordered. `semver`: strictly by SemVer 2.0, as OSV's ranges of that type and Rust's crates are. */
export type Scheme = "dotted" | "openssl" | "pep440" | "semver";

/** One thing that is installed. */
export interface Installed {
  /** Name of the recipe, of the project of a locked Python package, or of a locked crate. */
  readonly name: string;
  readonly version: string;
  /** The recipe whose output has it. */
  readonly recipe: string;
  /** `build`: it took part in the build, and is not in the output. */
  readonly role: "installed" | "build";
  /** A package of the recipe's lock file, not what the recipe is about. */
  readonly locked: boolean;
  /** Whether its source was the one that the recipe names; of a user's own only the version that it claims is known. */
  readonly verified: boolean;
  readonly identity: Identity;
}

/** By which names others speak of a package, and how its versions are ordered. */
export interface Identity {
  readonly scheme: Scheme;
  /** OSV's `package`: ecosystem (without what follows a colon) and name. */
  readonly packages: readonly { readonly ecosystem: string; readonly name: string }[];
  /** Addresses of the source repository, as OSV's GIT ranges and CVE records name it. */
  readonly repositories: readonly string[];
  /** Tags of a version in it; `{version}`, and `{version_}` with underscores for dots. */
  readonly tags: readonly string[];
  /** Vendor and product of CVE records. */
  readonly products: readonly { readonly vendor: string; readonly product: string }[];
}

/** One record of a file of advisories, whatever its format. */
export interface Advisory {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  /** Its own word or vector, as written; null when it gives none. */
  readonly severity: string | null;
  /** It was taken back: it says nothing about anybody. */
  readonly withdrawn: boolean;
  readonly affected: readonly Affected[];
}

/** What an advisory says of one package. */
export interface Affected {
  readonly package: { readonly ecosystem: string; readonly name: string } | null;
  readonly product: { readonly vendor: string; readonly product: string } | null;
  readonly repositories: readonly string[];
  /** Exact versions, or tags of a repository. */
  readonly versions: readonly string[];
  readonly ranges: readonly Range[];
  /** What holds for a version that no range and no list names. OSV: `unaffected`. */
  readonly otherwise: "affected" | "unaffected" | "unknown";
}

/** A stretch of versions. `commits` cannot be compared with a version. */
export interface Range {
  readonly scheme: "semver" | "own" | "commits";
  /** `affected` unless a CVE record says of this stretch that it is not, or that nobody knows. */
  readonly status: "affected" | "unaffected" | "unknown";
  readonly events: readonly RangeEvent[];
}

/**
 * A boundary: from `introduced` on, before `fixed`, up to and with `last`. `0` comes before every version. `limit`: whatever the others say, the
 * range has only what comes before it, or of several before one of them; `*` comes after every version.
 */
export interface RangeEvent {
  readonly kind: "introduced" | "fixed" | "last" | "limit";
  readonly version: string;
}

/** What the recipe of an installed thing says about it. */
export interface RecipeWord {
  readonly recipe: string;
  /** Null: the recipe does not list this version any more. */
  readonly support: { readonly status: "lts" | "supported" | "security" | "ended"; readonly until?: string } | null;
  /** The floor of the branch that the version belongs to; null when no branch holds it. */
  readonly floor: { readonly version: string; readonly reason: string; readonly below: boolean } | null;
  readonly flaws: readonly { readonly id: string; readonly name: string }[];
}

/** One thing that is not simply in order. */
export interface AuditFinding {
  readonly rule: "floor" | "support" | "flaw" | "advisory" | "coverage";
  /** The advisory's number, or the rule's name. */
  readonly id: string;
  readonly aliases: readonly string[];
  readonly package: string;
  readonly version: string;
  readonly recipe: string;
  /** `hit`: vulnerable. `warning`: soon, or only while building. `unknown`: nobody can tell. */
  readonly outcome: "hit" | "warning" | "unknown";
  readonly message: string;
  /** Why nobody can tell, of an advisory. */
  readonly reason: string | null;
  readonly severity: string | null;
  /** What to do; null when nothing is known to help. */
  readonly fix: string | null;
}

/** How one installed thing came off. */
export interface AuditedPackage {
  readonly name: string;
  readonly version: string;
  readonly recipe: string;
  readonly role: Installed["role"];
  readonly outcome: "pass" | "hit" | "warning" | "unknown";
  /** How many rules and advisories spoke of it. */
  readonly rules: number;
}
