/** configure programs (autoconf) and automake's `missing`. */
import type { Rule } from "./types.ts";

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
    id: "configure-no-compiler",
    pattern: /^configure: error: (?:.*no acceptable C compiler found in \$PATH|C compiler cannot create executables)/,
    lacks: "program",
    vague: true,
    summary: "configure finds no C compiler that works",
    hint: "install a compiler and the C library's headers; the end of its config.log is in the build's log",
  },
  {
    id: "configure",
    pattern: /^configure: error: (?<said>.+?)\.?$/,
    vague: true,
    summary: "configure says: {said}",
    hint: "the end of its config.log is in the build's log",
  },
];
