/** GNU make, and what BSD's says to makefiles that are GNU's. */
import type { Rule } from "./types.ts";

export const makeRules: readonly Rule[] = [
  {
    // As a program that is missing, but for what follows: make tries to make the makefile itself.
    id: "make-makefile",
    pattern: /^(?:\S*make(?:\[\d+\])?|(?<place>[^\s:]+:\d+)): (?<name>[^\s:]+): No such file or directory$/,
    before: "{name}'.  Stop.",
    summary: "",
    hint: "",
    tell: ({ match }) => {
      const { place, name } = match.groups ?? {};
      return {
        summary: `the makefile ${name} is missing${place === undefined ? "" : `, which ${place} includes`}`,
        hint: "see that it is named right (make -f), that the step's directory is the one that has it, and that its configure step went through",
      };
    },
  },
  {
    id: "make-folder",
    pattern: /^\S*make(?:\[\d+\])?: \*\*\* (?<name>[^\s:]+): No such file or directory\.  Stop\.$/,
    summary: "make is to work in the folder {name}, which is not there",
    hint: "see what the step and the makefile name after -C, and that the source is whole",
  },
  {
    id: "make-no-makefile",
    pattern: /^\S*make(?:\[\d+\])?: \*\*\* No targets specified and no makefile found\.  Stop\.$/,
    summary: "make finds no makefile",
    hint: "see that the step's directory is the one that has it, and that its configure step went through",
  },
  {
    id: "make-separator",
    pattern: /^(?<place>[^\s:]+:\d+): \*\*\* missing separator\b.*  Stop\.$/,
    summary: "{place}: make cannot read this line of the makefile",
    hint: "begin commands with a tab, not with spaces; where a configure program writes the makefile, see what it put there",
  },
  {
    // make starts simple commands itself, without a shell. A file of that name that is there has a first line that names no program.
    id: "make-program",
    pattern: /^\S*make(?:\[\d+\])?: (?<name>[^\s:/]+): No such file or directory$/,
    confirmed: { by: /^\S*make(?:\[\d+\])?: \*\*\* \[.*\] Error 127$/, exits: [127] },
    lacks: "program",
    summary: "the program {name} is missing",
    hint: "install it; tlsforge doctor names what builds need",
  },
  {
    id: "make-interpreter",
    pattern: /^\S*make(?:\[\d+\])?: (?<name>[^\s:]*\/[^\s:]+): No such file or directory$/,
    confirmed: { by: /^\S*make(?:\[\d+\])?: \*\*\* \[.*\] Error 127$/, exits: [127] },
    summary: "{name} cannot be started: it is not there, or what its first line names is not",
    hint: "see its first line, and install the interpreter that it names",
  },
  {
    id: "make-denied",
    pattern: /^\S*make(?:\[\d+\])?: (?<name>[^\s:]+): Permission denied$/,
    confirmed: { by: /^\S*make(?:\[\d+\])?: \*\*\* \[.*\] Error 12[67]$/, exits: [126, 127] },
    summary: "{name} may not be run: it is not executable, or its file system is mounted noexec",
    hint: "see ls -l and findmnt --target of it; a prefix needs a file system from which programs may be run (--prefix)",
  },
  {
    id: "make-no-rule",
    pattern:
      /^\S*make(?:\[\d+\])?: \*\*\* No rule to make target [`'‘](?<name>[^'’]+)['’](?:, needed by [`'‘](?<by>[^'’]+)['’])?/,
    summary: "",
    hint: "",
    tell: ({ match }) => {
      const { name, by } = match.groups ?? {};
      return {
        summary: `make has no file ${name} and no rule for it${by === undefined ? "" : `, which ${by} needs`}`,
        hint: "see that the source is whole and that its configure step went through",
      };
    },
  },
  {
    id: "bmake-gnu",
    pattern: /^\S*make(?:\[\d+\])?: "\S+" line \d+: (?:Need an operator|Missing dependency operator)/,
    summary: "the makefile is for GNU make, and this make is BSD's",
    hint: "install gmake, and name it in the recipe",
  },
];
