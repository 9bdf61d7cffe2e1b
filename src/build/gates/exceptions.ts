import type { FileException } from "../../recipe/index.ts";

/** Which findings a recipe lets be, and which of its entries let something be. */
export interface Exceptions<Entry extends FileException> {
  /** Whether an entry lets a finding in this file be; `fits` says whether it is meant for this finding. */
  readonly excuse: (file: string, fits?: (entry: Entry) => boolean) => boolean;
  /** How often each entry was used, for the receipt; one that nothing used is told. */
  readonly told: () => readonly string[];
}

/** Binds the entries of one gate. Names of files are relative to the output. */
export function bindExceptions<Entry extends FileException>(entries: readonly Entry[]): Exceptions<Entry> {
  const bound = entries.map((entry) => ({ entry, matches: entry.files.map(globOf), count: 0 }));
  return {
    excuse(file, fits = () => true) {
      // Every entry that fits counts as used: which of two comes first says nothing about the other.
      const used = bound.filter(({ entry, matches }) => fits(entry) && matches.some((match) => match.test(file)));
      for (const each of used) each.count += 1;
      return used.length > 0;
    },
    told: () =>
      bound.map(({ entry: { files, reason }, count }) =>
        count === 0 ? `the exception for ${files.join(", ")} is not needed` : `${count} let be: ${reason}`,
      ),
  };
}

/** A pattern of a recipe: `*` stands for any characters but a slash, `**` for any, `+([a-z0-9])` for one or more of those; the rest for itself. */
export function globOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*+|\+\(\[[\w-]+\]\))/).map((part) => {
    if (part === "*") return "[^/]*";
    if (part.startsWith("+([")) return `${part.slice(2, -1)}+`;
    return part.startsWith("*") ? ".*" : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join("")}$`, "s");
}
