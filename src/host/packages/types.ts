/** What gives a requirement in one package family. */

/**
 * One possible answer. With `versionOf`, it is an answer only when that package's candidate version is in the range that was asked for:
 * of several answers the first that is good enough is taken.
 */
export interface PackageAnswer {
  readonly packages: readonly string[];
  readonly versionOf?: string;
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
