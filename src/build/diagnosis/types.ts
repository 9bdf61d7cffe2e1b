/** Something that the host could give, were it installed. */
export interface Lack {
  readonly kind: "header" | "library" | "program" | "perl-module" | "pkg-config";
  /** `zlib.h`, `z` (as after `-l`), `gperf`, `IPC::Cmd`, `libffi` (of `libffi.pc`). */
  readonly name: string;
}

/** What the output of a failed program means, and what to do about it. */
export interface Diagnosis {
  /** The rule that recognised it. */
  readonly rule: string;
  readonly code: "build-failed" | "disk-full" | "patch-failed";
  readonly summary: string;
  readonly hint: string;
  /** What is not there, where that is what is wrong: the host knows which package has it. */
  readonly lacks?: Lack;
  /** What else it may be, told also where the host knows a package. */
  readonly aside?: string;
  /** The line that tells it. */
  readonly line: string;
}

/** What is known of the failed program besides its output. */
export interface Circumstances {
  readonly exitCode: number | null;
  /** How many processes the kernel ended for want of memory while the program ran; null where the kernel does not tell. */
  readonly endedForMemory: number | null;
}

/** What a rule that needs more than a sentence has to go by. */
export interface Found {
  readonly match: RegExpExecArray;
  readonly lines: readonly string[];
  /** Where in `lines` the rule's own line is. */
  readonly index: number;
  readonly circumstances: Circumstances;
}

/** One kind of failure of one tool, as data. In `summary` and `hint`, `{x}` stands for the pattern's group `x`. */
export interface Rule {
  readonly id: string;
  /** Of one line of the output. In a time linear in it: a name that may begin anywhere begins with `(?:^|\s)`. */
  readonly pattern: RegExp;
  readonly summary: string;
  readonly hint: string;
  readonly code?: Diagnosis["code"];
  /** What the group `name` is the name of. */
  readonly lacks?: Lack["kind"];
  /** Counts only where an earlier line has this text, with groups as in `summary`. */
  readonly after?: string;
  /** Counts only where a later line has this text, with groups as in `summary`. */
  readonly before?: string;
  /** Counts only where a later line is like this, where the program ended with `exits`, or where the output ends with it: a script may well go on. */
  readonly confirmed?: { readonly by: RegExp; readonly exits: readonly number[] };
  /** A group that is read from the first later line that is like this, for the summary. */
  readonly more?: { readonly pattern: RegExp; readonly summary: string };
  /** It tells that something went wrong rather than what: counts where nothing else is recognised. */
  readonly vague?: true;
  /** In place of `summary` and `hint`, where words depend on more than the line. */
  readonly tell?: (found: Found) => { readonly summary: string; readonly hint: string; readonly lacks?: Lack };
  readonly aside?: string;
}
