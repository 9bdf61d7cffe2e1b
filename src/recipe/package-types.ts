import type { Step, When } from "./types.ts";

/** How a package's own tests are run on request. Nothing of it is part of the build key. */
export interface OwnTests {
  readonly name: string;
  /** Words that are left out of the recipe's own steps. */
  readonly without: readonly string[];
  /** What is run when nobody names tests. */
  readonly tests: readonly string[];
  readonly exclude: readonly { readonly test: string; readonly reason: string; readonly when?: When }[];
  /** How one of them is written: `-{test}`. */
  readonly excludeAs: string;
  /** Whose results the end of the log holds: of Perl's harness, or of Python's. */
  readonly results: "tap" | "unittest";
  readonly steps: readonly Step[];
}

/** By which names advisories speak of a package, and how its versions are ordered. */
export interface AdvisoryNames {
  readonly scheme: "dotted" | "openssl" | "pep440";
  /** OSV: ecosystem and name. Only ecosystems whose versions are upstream's. */
  readonly osv: readonly { readonly ecosystem: string; readonly name: string }[];
  /** Addresses of the source repository, and its tags: `{version}`, or `{version_}` with underscores for dots. */
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  /** CVE records: vendor and product. */
  readonly cve: readonly { readonly vendor: string; readonly product: string }[];
}
