/** autoconf itself, configure programs (autoconf) and automake's `missing`. */
import type { Rule } from "./types.ts";

const macro = String.raw`(?:A[CMSX]|LT|PKG)_[A-Z0-9_]+`;

/** Whose macros begin so (their manuals). */
const macroHomes: readonly (readonly [RegExp, string])[] = [
  [/^PKG_/, "those of pkg-config (pkg.m4, of the package pkg-config or pkgconf)"],
  [/^AX_/, "those of the Autoconf Archive (package autoconf-archive)"],
  [/^(?:AM_GNU_GETTEXT|AM_NLS|AM_ICONV)/, "those of gettext (package gettext)"],
  [/^(?:LT_|A[CM]_(?:PROG_)?(?:LIBTOOL|LTDL))/, "those of libtool (package libtool)"],
  [/^AM_/, "those of automake (package automake)"],
];

function macroTold(name: string): { readonly summary: string; readonly hint: string } {
  const home = macroHomes.find(([pattern]) => pattern.test(name))?.[1];
  return {
    summary: `autoconf does not know the macro ${name}`,
    hint: `${home === undefined ? "install the package whose m4 file defines it (autoconf-archive, pkg-config, libtool and gettext have some)" : `it is one of ${home}: install that`}, and let autoreconf -fi make configure anew; for a file of the source's own name its folder (-I m4)`,
  };
}

export const autotoolsRules: readonly Rule[] = [
  {
    id: "automake-missing",
    pattern: /^WARNING: '(?<name>[a-z0-9]+)(?:-[\d.]+)?' is (?:missing|needed)/,
    confirmed: { by: /\bError (?:127|63|1)$/, exits: [127, 63] },
    lacks: "program",
    summary: "the program {name} is missing, and a file that it makes is out of date",
    hint: "install it; when nobody changed the sources, the times of their files are wrong",
  },
  {
    id: "autoconf-macro",
    pattern: /^\S+:\d+: error: possibly undefined macro: (?<name>\w+)/,
    summary: "",
    hint: "",
    tell: ({ match }) => macroTold(match.groups?.["name"] ?? ""),
  },
  {
    // What autoconf did not know stands in the script as it was: first its name with arguments, then alone.
    id: "configure-macro",
    pattern: new RegExp(
      String.raw`configure: line \d+: ` +
        "(?:`" +
        String.raw`\s*(?<name>${macro})\(|(?<alone>${macro}): command not found$)`,
    ),
    vague: true,
    summary: "",
    hint: "",
    tell: ({ match }) => macroTold(match.groups?.["name"] ?? match.groups?.["alone"] ?? ""),
  },
  {
    id: "configure-no-compiler",
    pattern: /^configure: error: (?:.*no acceptable C compiler found in \$PATH|C compiler cannot create executables)/,
    lacks: "program",
    vague: true,
    summary: "configure finds no C compiler that works",
    hint: "install a compiler and the C library's headers",
  },
  {
    id: "configure",
    pattern: /^configure: error: (?<said>.+?)\.?$/,
    vague: true,
    summary: "configure says: {said}",
    hint: "see what it looked for last, in the log",
  },
];
