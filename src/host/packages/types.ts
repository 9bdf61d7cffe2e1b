/** What gives a requirement in one package family. */

/**
 * One possible answer. With `versionOf`, it is an answer only when that package's candidate version is in the range that was asked for:
 * of several answers the first that is good enough is taken.
 */
export interface PackageAnswer {
  readonly packages: readonly string[];
  readonly versionOf?: string;
  /** It comes with the system itself, and there is no package to install: what it belongs to, and how that is had. */
  readonly base?: string;
}

/** Answers by kind of requirement; the keys are the requirement's names. */
export interface PackageTable {
  readonly programs: Readonly<Record<string, readonly PackageAnswer[]>>;
  readonly headers: Readonly<Record<string, readonly PackageAnswer[]>>;
  readonly perlModules: Readonly<Record<string, readonly PackageAnswer[]>>;
}

/** Shorthand of a table: one answer without a version. */
export function one(...packages: string[]): readonly PackageAnswer[] {
  return [{ packages }];
}

/** Shorthand of a table: names that all belong to the system itself. */
export function allOf(base: string, ...names: string[]): Readonly<Record<string, readonly PackageAnswer[]>> {
  return Object.fromEntries(names.map((name) => [name, [{ packages: [], base }]]));
}
