/** What the output of a failed program means, and what to do about it. Rules per tool; a line that matches none gives no guess. */
export interface Diagnosis {
  readonly code: "build-failed" | "disk-full" | "patch-failed";
  readonly summary: string;
  readonly hint: string;
}

/** The first rule that recognises a line of the output, latest line first; null when none does. */
export function diagnose(lines: readonly string[]): Diagnosis | null {
  for (const line of lines.toReversed()) {
    for (const rule of rules) {
      const match = rule.pattern.exec(line);
      if (match !== null) return rule.say(match);
    }
  }
  return null;
}

const rules: readonly { readonly pattern: RegExp; readonly say: (match: RegExpExecArray) => Diagnosis }[] = [
  {
    pattern: /No space left on device|ENOSPC|\bdisk quota exceeded\b/i,
    say: () => ({
      code: "disk-full",
      summary: "the disk is full",
      hint: "free some space (tlsforge gc removes old builds), then run the command again",
    }),
  },
  {
    pattern: /fatal error: (\S+\.h): No such file or directory/,
    say: (match) => ({
      code: "build-failed",
      summary: `the header ${match[1]} is missing`,
      hint: "install the development package that has it; tlsforge doctor names it",
    }),
  },
  {
    pattern: /Can't locate (\S+)\.pm in @INC/,
    say: (match) => ({
      code: "build-failed",
      summary: `the perl module ${(match[1] ?? "").replaceAll("/", "::")} is missing`,
      hint: "install the package that has it; tlsforge doctor names it",
    }),
  },
  {
    pattern: /(?:ld|collect2).*cannot find -l(\S+?):?(?:\s|$)/,
    say: (match) => ({
      code: "build-failed",
      summary: `the library ${match[1]} is missing`,
      hint: "install the development package that has it",
    }),
  },
  {
    pattern:
      /^(?:\d+ out of \d+ hunks? FAILED|.*Reversed \(or previously applied\) patch detected|can't find file to patch)/,
    say: () => ({
      code: "patch-failed",
      summary: "the patch does not apply",
      hint: "the recipe's patch is for another version: give it a `when:` or renew it",
    }),
  },
  {
    pattern: /(?:Killed|Cannot allocate memory|virtual memory exhausted)/,
    say: () => ({
      code: "build-failed",
      summary: "the machine ran out of memory",
      hint: "build with fewer jobs: --jobs 1",
    }),
  },
  {
    pattern: /rustc (\S+) is not supported by the following package|requires rustc (\S+)/,
    say: (match) => ({
      code: "build-failed",
      summary: `a newer Rust compiler is needed${match[2] === undefined ? "" : ` (${match[2]})`}`,
      hint: "install one; tlsforge doctor names the package",
    }),
  },
  {
    pattern:
      /(?:SSL certificate problem|certificate verify failed|failed to (?:download|get)|Could not resolve host|network failure)/i,
    say: () => ({
      code: "build-failed",
      summary: "a package could not be downloaded during the build",
      hint: "check the network and the registry settings (pip, cargo), then run the command again",
    }),
  },
];
