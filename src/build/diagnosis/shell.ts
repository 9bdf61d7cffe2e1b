/** Shells: dash and other shells of POSIX, bash, busybox. What they cannot start, exits 126 and 127 (POSIX, "Exit Status for Commands"). */
import type { Rule } from "./types.ts";

const failed = (code: string): RegExp => new RegExp(String.raw`\bError ${code}$|\(exit status: ${code}\)`);

export const shellRules: readonly Rule[] = [
  {
    id: "shell-program",
    pattern:
      /^(?:\S+: )?(?:line )?\d+: (?!(?:A[CMSX]|LT|PKG)_)(?<name>[^\s:/]+): (?:command )?not found$|^\S*sh: (?<other>[^\s:/]+): (?:command )?not found$/,
    confirmed: { by: failed("127"), exits: [127] },
    lacks: "program",
    summary: "the program {name}{other} is missing",
    hint: "install it; tlsforge doctor names what builds need",
  },
  {
    id: "shell-path",
    pattern: /^(?:\S+: )?(?:line )?\d+: (?<name>[^\s:]*\/[^\s:]+): (?:not found|No such file or directory)$/,
    confirmed: { by: failed("127"), exits: [127] },
    summary: "{name} cannot be started: it is not there, or what its first line names is not",
    hint: "see its first line, and install the interpreter that it names",
  },
  {
    id: "shell-interpreter",
    pattern: /: (?<name>[^\s:]+): (?<interpreter>[^\s:]+): bad interpreter: No such file or directory$/,
    confirmed: { by: failed("12[67]"), exits: [126, 127] },
    summary: "{name} is for {interpreter}, which is not there",
    hint: "install what has that program",
  },
  {
    id: "shell-denied",
    pattern:
      /^(?:\S+: )?(?:line )?\d+: (?<name>[^\s:]+): Permission denied$|^\S*sh: (?:line \d+: )?(?<other>[^\s:]+): Permission denied$/,
    confirmed: { by: failed("126"), exits: [126] },
    summary: "{name}{other} may not be run: it is not executable, or its file system is mounted noexec",
    hint: "see ls -l and findmnt --target of it; a prefix needs a file system from which programs may be run (--prefix)",
  },
  {
    id: "shell-format",
    pattern: /(?:^|[\s:])(?<name>[^\s:]+): (?:cannot execute binary file: )?Exec format error$/,
    summary: "{name} is a program for another processor",
    hint: "see that compiler and flags are for this machine",
  },
];
