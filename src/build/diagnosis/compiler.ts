/** gcc and clang, with their preprocessor and assembler. */
import type { Rule } from "./types.ts";

const header = String.raw`[^\s:'‘’]+\.(?:h|hh|hpp|hxx|H)|[a-z_]+`;
/** Endings of sources, of headers, and of what generators make sources of, whose places compilers tell. */
const source = String.raw`[cChHsSmfFly]|cc|cpp|cxx|c\+\+|hh|hpp|hxx|inc|inl|tcc|asm|mm|rs|go|[fF]90|pyx`;
const trial = String.raw`(?:\S*\/)?(?:conftest|testfile)\.|\S*(?:CMakeScratch|CMakeTmp|meson-private)`;

const quoted = {
  before: 'include "{name}"',
  lacks: "header",
  summary: "the header {name} is missing",
  hint: "where it is one of the source's own, see that a step before makes it and that its folder is among those of -I; else install the development package that has it",
  aside: "it is included with quotes, so that it may as well be one of the source's own: which of both cannot be told",
} as const;

export const compilerRules: readonly Rule[] = [
  {
    // gcc shows the line below its error, in which quotes look into the source's own folder first.
    id: "cc-header-quoted",
    pattern: new RegExp(String.raw`^[^\s:]+:\d+(?::\d+)?: fatal error: (?<name>${header}): No such file or directory`),
    ...quoted,
  },
  { id: "clang-header-quoted", pattern: /: fatal error: '(?<name>[^']+)' file not found/, ...quoted },
  {
    // gcc: `a.c:1:10: fatal error: zlib.h: No such file or directory`
    id: "cc-header",
    pattern: new RegExp(String.raw`^[^\s:]+:\d+(?::\d+)?: fatal error: (?<name>${header}): No such file or directory`),
    lacks: "header",
    summary: "the header {name} is missing",
    hint: "install the development package that has it; tlsforge doctor names what builds need",
  },
  {
    id: "clang-header",
    pattern: /: fatal error: '(?<name>[^']+)' file not found/,
    lacks: "header",
    summary: "the header {name} is missing",
    hint: "install the development package that has it; tlsforge doctor names what builds need",
  },
  {
    id: "cc-no-headers",
    pattern: /error: no include path in which to search for (?<name>\S+)/,
    summary: "the compiler is told to look for headers nowhere ({name})",
    hint: "take -nostdinc out of CFLAGS and of the recipe",
  },
  {
    // A language whose compiler is a package of its own.
    id: "cc-part",
    pattern: /cannot execute ['‘](?<part>cc1plus|f951|cc1obj|gnat1|d21|gccgo)['’]/,
    summary: "the compiler lacks its part {part}: a language is used that is not installed",
    hint: "install the compiler for that language (g++, gfortran, gobjc)",
  },
  {
    id: "cc-internal",
    pattern: /internal compiler error(?:: (?<what>.+?))?$|^PLEASE submit a bug report to \S*(?:llvm|clang)/i,
    summary: "the compiler itself failed{what}",
    hint: "run the command again: when it fails elsewhere the machine's memory is faulty or short; else use another version of the compiler",
    tell: ({ match }) => ({
      summary: `the compiler itself failed${match.groups?.["what"] === undefined ? "" : `: ${match.groups["what"]}`}`,
      hint: "run the command again: when it fails at another file the machine's memory is faulty or short, else use another version of the compiler",
    }),
  },
  {
    id: "cc-option",
    pattern:
      /error: (?:unrecognized command[- ]line option|unknown argument:|unsupported option|bad value) ['‘"“](?<name>[^'’"”]+)['’"”](?: for ['‘](?<option>[^'’]+)['’])?/,
    summary: "the compiler does not know {name}",
    hint: "use a newer compiler, or take the option out of CFLAGS and of the recipe",
  },
  {
    id: "as-instruction",
    pattern: /: Error: (?:no such instruction: [`'](?<name>[^'’]+)|unknown pseudo-op: [`'](?<pseudo>[^'’]+))/,
    summary: "the assembler does not know {name}{pseudo}",
    hint: "use a newer binutils, or one that fits the compiler",
  },
  {
    // Any other error with a place in a source. Of what configure, CMake and meson try, some is meant to fail.
    id: "cc-error",
    pattern: new RegExp(
      String.raw`^(?!${trial})(?<place>[^\s:]+\.(?:${source}):\d+(?::\d+)?): (?:fatal error|[Ee]rror): (?<what>.+?)(?: \(first use in this function\))?$`,
    ),
    confirmed: {
      by: /^\S*make(?:\[\d+\])?: \*\*\* \[|^ninja: build stopped|^error: command .* failed with exit code/,
      // A compiler's own, 1, is that of nearly everything.
      exits: [],
    },
    vague: true,
    summary: "{place}: {what}",
    hint: "mend that place, in a source of your own or with a patch of the recipe, or use a compiler that the source is made for",
  },
];
