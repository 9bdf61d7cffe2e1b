import type { ElfDynamic } from "../../elf/index.ts";

/** Our entry in the machine's loader configuration. Names with `-NAME.` in them are libraries of ours that nothing else has. */
export interface LoaderEntry {
  readonly library: string;
  readonly name: string;
  /** Whether it may also bring names that nothing could find before, and that only who asks for them by name would load. */
  readonly newNames?: boolean;
}

/** A library that a file would get from elsewhere. Null: it is not found. */
export interface LoaderDifference {
  readonly file: string;
  readonly library: string;
  readonly from: string | null;
  readonly to: string | null;
}

/**
 * What every program and library of the system loads, with our entry against without it. `untestable`: it could not be made in full, so that
 * nothing is known. `failed`: something that must work did not.
 */
export type LoaderComparison =
  | {
      readonly outcome: "observed";
      /** How many programs and libraries were compared. */
      readonly files: number;
      /** The first of them; `count` says how many there are. */
      readonly differences: readonly LoaderDifference[];
      readonly count: number;
      /** Whether some come without our entry too: the machine's cache is older than its libraries. */
      readonly stale: boolean;
      /** Libraries of ours that something else has the name of, and is found first: the entry would not reach them. */
      readonly shadowed: readonly { readonly library: string; readonly by: string }[];
    }
  | { readonly outcome: "untestable" | "failed"; readonly reason: string };

/** A program or library as the loader meets it under one path. */
export interface ElfFile {
  readonly path: string;
  /** What $ORIGIN stands for. */
  readonly origin: string;
  readonly identity: string;
  /** Set user or group id: the loader then trusts no $ORIGIN. */
  readonly secure: boolean;
  readonly elf: ElfDynamic;
}

/** A file in a process, and what asked for it; null for the program itself. */
export interface Loaded {
  readonly file: ElfFile;
  readonly by: Loaded | null;
}

/** Where a loader finds a library by the name in a DT_NEEDED, for `asker` in a process of `program`. */
export interface Resolver {
  find(name: string, asker: Loaded, program: ElfFile): Found | null;
}

/** A file that the loader would take. `file` is null when it then could not load it. */
export interface Found {
  readonly path: string;
  readonly file: ElfFile | null;
}

/** The same loader before and after the change. */
export interface View {
  readonly before: Resolver;
  readonly after: Resolver;
}
