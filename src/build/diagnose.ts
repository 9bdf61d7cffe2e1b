/** What the output of a failed program means, and what to do about it. Rules per tool; a line that matches none gives no guess. */
export interface Diagnosis {
  readonly code: "build-failed" | "disk-full" | "patch-failed";
  readonly summary: string;
  readonly hint: string;
}

interface Rule {
  readonly pattern: RegExp;
  /** Gets all lines too, for what stands around the match. */
  readonly say: (match: RegExpExecArray, lines: readonly string[]) => Diagnosis;
}

/** The first rule that recognises a line of the output, latest line first; null when none does. */
export function diagnose(lines: readonly string[]): Diagnosis | null {
  for (const line of lines.toReversed()) {
    for (const rule of rules) {
      const match = rule.pattern.exec(line);
      if (match !== null) return rule.say(match, lines);
    }
  }
  return null;
}

const rules: readonly Rule[] = [
  {
    pattern: /No space left on device|ENOSPC|\bdisk quota exceeded\b/i,
    say: () => ({
      code: "disk-full",
      summary: "the disk is full",
      hint: "free some space (tlsforge gc removes old builds), then run the command again",
    }),
  },
  {
    // gcc, then clang
    pattern: /fatal error: (?:'([^']+)' file not found|([^\s:]+\.(?:h|hh|hpp)): No such file or directory)/,
    say: (match) =>
      failed(
        `the header ${match[1] ?? match[2]} is missing`,
        "install the development package that has it; tlsforge doctor names it",
      ),
  },
  {
    pattern: /Can't locate (\S+)\.pm in @INC/,
    say: (match) =>
      failed(
        `the perl module ${(match[1] ?? "").replaceAll("/", "::")} is missing`,
        "install the package that has it; tlsforge doctor names it",
      ),
  },
  {
    // GNU ld, then lld
    pattern: /\bld\b.*(?:cannot find|unable to find library) -l([^\s:]+)/,
    say: (match) => failed(`the library ${match[1]} is missing`, "install the development package that has it"),
  },
  {
    pattern: /^ModuleNotFoundError: No module named '([^']+)'/,
    say: (match) =>
      failed(
        `the Python module ${match[1]} is missing`,
        "add it to the recipe's lock file, and to the environment of this step",
      ),
  },
  {
    // GNU patch, BSD patch
    pattern:
      /^\d+ out of \d+ hunks? (?:failed|ignored)|^Reversed \(or previously applied\) patch detected|can't find file to patch/i,
    say: (_, lines) => ({ code: "patch-failed", ...patchTrouble(lines) }),
  },
  {
    pattern: /Cannot allocate memory|virtual memory exhausted|memory allocation of \d+ bytes failed/,
    say: () => failed("the machine ran out of memory", "build with fewer jobs: --jobs 1"),
  },
  {
    // a compiler's word for its own part, a shell's for its command
    pattern: /Killed signal terminated program|^Killed\b|\bsignal: 9, SIGKILL/,
    say: () =>
      failed("a program was killed, as the kernel does when memory runs out", "build with fewer jobs: --jobs 1"),
  },
  {
    pattern: /rustc (\S+) is not supported by the following package|requires rustc (\S+)/,
    say: (match) =>
      failed(
        `a newer Rust compiler is needed${match[2] === undefined ? "" : ` (${match[2]})`}`,
        "install one; tlsforge doctor names the package",
      ),
  },
  {
    pattern:
      /SSL certificate problem|certificate verify failed|failed to download|failed to get `|could not resolve host|spurious network error/i,
    say: () =>
      failed(
        "a package could not be downloaded during the build",
        "check the network and the registry settings (pip, cargo), then run the command again",
      ),
  },
  {
    // dash and other shells of POSIX, bash, make
    pattern:
      /^(?:\S*sh: )?(?:line )?\d+: (\S+): not found$|^\S*sh: (?:line \d+: )?(\S+): command not found$|^make(?:\[\d+\])?: (\S+): No such file or directory$/,
    say: (match) =>
      failed(
        `the program ${match[1] ?? match[2] ?? match[3]} is missing`,
        "install it; tlsforge doctor names what builds need",
      ),
  },
  {
    pattern: /^configure: error: (.+?)\.?$/,
    say: (match) => failed(`configure says: ${match[1]}`, "the end of its config.log is in the build's log"),
  },
];

function failed(summary: string, hint: string): Diagnosis {
  return { code: "build-failed", summary, hint };
}

/** Which hunks of which file do not apply, or why a whole file of the patch was left out. */
function patchTrouble(lines: readonly string[]): { readonly summary: string; readonly hint: string } {
  const hint = "the recipe's patch is for another version: give it a `when:` or renew it";
  const hunks: string[] = [];
  let file = "";
  for (const line of lines) {
    file = /^(?:checking|patching) file '?([^']+?)'?(?: using .*)?$/i.exec(line)?.[1] ?? file;
    const hunk = /^Hunk #(\d+) failed at (\d+)/i.exec(line);
    if (hunk !== null) hunks.push(`hunk ${hunk[1]} of ${file === "" ? "a file" : file} (line ${hunk[2]})`);
  }
  const more = hunks.length > 3 ? ` and ${hunks.length - 3} more` : "";
  if (hunks.length > 0) return { summary: `the patch does not apply: ${hunks.slice(0, 3).join(", ")}${more}`, hint };
  if (lines.some((line) => /^Reversed \(or previously applied\)/i.test(line)))
    return { summary: `the patch is in ${file === "" ? "the source" : file} already`, hint };
  const wanted = lines.map((line) => /^\|?--- (\S+)/.exec(line)?.[1]).findLast((name) => name !== undefined);
  if (lines.some((line) => /can't find file to patch/i.test(line)))
    return { summary: `the patch changes ${wanted ?? "a file"}, which the source does not have`, hint };
  return { summary: "the patch does not apply", hint };
}
