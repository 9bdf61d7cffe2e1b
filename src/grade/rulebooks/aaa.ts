/** AAA: three rulebooks at once, and a key exchange that a quantum computer does not undo. tlsforge's own measure, as data. */
export const aaa = {
  id: "aaa",
  title: "AAA",
  /** The letter that SSL Labs must give; with trust aside where the authority is a local one. */
  ssllabs: { rulebook: "ssllabs-2009r", grade: "A+" },
  /** The profiles of Mozilla of which one must be kept to. */
  mozilla: { rulebook: "mozilla-6.0", levels: ["modern", "intermediate"] },
  /** Levels that NCSC-NL's guidelines may come to. */
  ncsc: { rulebook: "ncsc-nl-2025", levels: ["good", "sufficient"] },
} as const;
