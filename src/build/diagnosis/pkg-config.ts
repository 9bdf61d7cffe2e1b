/** pkg-config and pkgconf, also as configure programs call them (pkg.m4). */
import type { Found, Rule } from "./types.ts";

const required = "were not met";
/** How both say, in a line of its own, that there is none of a name. */
export const notFoundText = String.raw`(?:No package '(?<name>[^']+)' found|Package '(?<other>[^']+)', required by '[^']+', not found)`;
const notFound = new RegExp(`^${notFoundText}$`);
const install = "install the development package that has its .pc file, or name that file's folder in PKG_CONFIG_PATH";

export const pkgConfigRules: readonly Rule[] = [
  {
    id: "pkg-config-required",
    pattern: notFound,
    after: required,
    summary: "",
    hint: "",
    tell: told,
  },
  {
    id: "pkg-config-version",
    pattern:
      /^(?:Requested '(?<wanted>[^']+)' but version of .* is (?<found>\S+)|Package dependency requirement '(?<asked>[^']+)' could not be satisfied\.)$/,
    after: required,
    summary: "pkg-config finds no {wanted}{asked}, but another version",
    hint: "install the version that is asked for, or take the folder of the other one out of PKG_CONFIG_PATH",
  },
  {
    // Whoever asks may do without: it counts where nothing but the end comes after it, or in a check that configure failed for.
    id: "pkg-config",
    pattern: notFound,
    confirmed: { by: /^configure:\d+: result: no$/, exits: [] },
    vague: true,
    summary: "",
    hint: "",
    tell: told,
  },
];

function told({ match }: Found) {
  const name = match.groups?.["name"] ?? match.groups?.["other"] ?? "";
  return { summary: `pkg-config does not find ${name}`, hint: install, lacks: { kind: "pkg-config" as const, name } };
}
