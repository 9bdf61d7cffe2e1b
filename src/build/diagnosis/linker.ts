/** GNU ld (bfd and gold), lld and Apple's; also where rustc calls them. And the loader, that links at start. */
import type { Rule } from "./types.ts";

const archHint =
  "see that compiler, flags (-m32, -arch) and libraries are for one architecture, and that no file of an earlier build is left";

export const linkerRules: readonly Rule[] = [
  {
    id: "ld-incompatible-library",
    pattern: /cannot find -l(?<name>[^\s:]+)/,
    after: "when searching for -l{name}",
    summary: "the library {name} is there for another architecture only",
    hint: "install the library's development package for this architecture, or take the folder of the other one out of LDFLAGS",
  },
  {
    id: "ld-library",
    pattern: /(?:cannot find|unable to find library|library not found for) -l(?<name>[^\s:]+)/,
    lacks: "library",
    summary: "the library {name} is missing",
    hint: "install the development package that has it",
  },
  {
    id: "apple-library",
    pattern: /^ld: library '(?<name>[^']+)' not found/,
    lacks: "library",
    summary: "the library {name} is missing",
    hint: "install the development package that has it",
  },
  {
    id: "ld-start-files",
    pattern: /cannot find (?<name>[A-Za-z]*crt[1in]\.o|crtbegin\w*\.o)\b/,
    summary: "the C library's own file {name} is missing",
    hint: "install the C library's development package for the architecture that is built for",
    lacks: "library",
    tell: ({ match }) => ({
      summary: `the C library's own file ${match.groups?.["name"]} is missing`,
      hint: "install the C library's development package for the architecture that is built for",
    }),
  },
  {
    id: "ld-architecture",
    pattern:
      /architecture of input file [`'](?<file>[^'’]+)['’] is incompatible with|error: (?<gold>\S+): incompatible target|(?:^|\s)(?<lld>\S+) is incompatible with (?:elf|\S+\.o)|file in wrong format|building for \S+ but attempting to link with file built for/,
    summary: "",
    hint: "",
    tell: ({ match }) => {
      const { file, gold, lld } = match.groups ?? {};
      return { summary: `${file ?? gold ?? lld ?? "a file"} is for another architecture`, hint: archHint };
    },
  },
  {
    id: "ld-format",
    pattern: /(?:^|[\s:])(?<name>[^\s:]+): file (?:format )?not recognized/,
    summary:
      "{name} is no object or library that the linker knows: it is damaged, cut short, or not made by this compiler",
    hint: "run the command again (a build begins in an empty folder); where it stays, see that compiler and binutils fit",
  },
  {
    id: "ld-pic",
    // The file, or the archive with its member: `a.o: relocation R_X86_64_32 against ...`, `a.a(b.o): requires unsupported dynamic reloc 11; ...`.
    pattern:
      /^(?=.*recompile with -f(?:PIC|pic|PIE))(?:.*?[\s:])??(?<name>[^\s:(]+\.(?:o|a|lo))(?:\([^\s()]+\))?: (?:error: )?(?:relocation \S+ |requires unsupported dynamic reloc )/,
    summary: "{name} was compiled without -fPIC and cannot be part of a shared library",
    hint: "take -fno-pic and -fno-pie out of CFLAGS, or use a shared (or -fPIC) build of the library it is from",
  },
  {
    id: "ld-pic-lld",
    pattern: /error: relocation \S+ cannot be used against .*recompile with -fPIC/,
    summary: "something was compiled without -fPIC and cannot be part of a shared library",
    hint: "take -fno-pic and -fno-pie out of CFLAGS, or use a shared (or -fPIC) build of the library it is from",
  },
  {
    // GNU ld (bfd, gold), then lld and Apple's.
    id: "ld-multiple",
    pattern:
      /multiple definition of [`'‘](?<name>[^'’]+)['’]|(?:ld\.lld: error: |^)duplicate symbol:? '?(?<other>[^\s']+)/,
    summary: "{name}{other} is defined in more than one of the files that are linked",
    hint: "see which files the log names and leave one of them out; a variable that stands in a header of older C needs -fcommon in CFLAGS",
  },
  {
    id: "ld-undefined",
    pattern: /undefined reference to [`'‘](?<name>[^'’]+)['’]|lld: error: undefined symbol: (?<lld>.+?)(?: \(|$)/,
    summary: "",
    hint: "",
    tell: ({ match }) => ({
      summary: `${match.groups?.["name"] ?? match.groups?.["lld"]} is used and no library that is linked has it`,
      hint: "see that the library that has it is linked, after what uses it, and that no older one of the same name comes first (LDFLAGS, -L)",
    }),
  },
  {
    id: "loader-library",
    pattern: /error while loading shared libraries: (?<name>[^\s:]+): cannot open shared object file/,
    summary: "a program that the build runs does not find its library {name}",
    hint: "install the package that has it; where it is one of this stack, its recipe lacks a run path",
  },
  {
    id: "loader-version",
    pattern: /version [`'](?<name>[^'’]+)['’] not found \(required by (?<file>[^)]+)\)/,
    summary: "{file} needs {name}, which a library of this machine does not have: it was made for a newer system",
    hint: "use a tool that is made for this system, or build on the newer one",
  },
];
