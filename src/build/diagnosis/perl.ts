/** perl (perldiag). */
import type { Rule } from "./types.ts";

export const perlRules: readonly Rule[] = [
  {
    id: "perl-module",
    pattern: /^Can't locate (?<name>[\w/]+\.pm) in @INC/,
    lacks: "perl-module",
    summary: "the perl module {name} is missing",
    hint: "install the package that has it; tlsforge doctor names it",
  },
  {
    id: "perl-version",
    pattern: /^Perl v?(?<wanted>[\d.]+) required--this is only v?(?<found>[\d.]+)/,
    summary: "perl {found} is too old: {wanted} is needed",
    hint: "install a newer perl and put it first on PATH",
  },
  {
    id: "perl-object",
    pattern: /^Can't load '(?<name>[^']+)' for module (?<module>\S+):/,
    summary: "the perl module {module} does not fit this perl ({name})",
    hint: "reinstall the package that has it, and take PERL5LIB out of the environment",
  },
];
