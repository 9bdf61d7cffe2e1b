/** How many findings of a gate are told. */
const most = 20;

/** The first findings of a gate, and how many more there are. */
export function shortened(findings: readonly string[]): readonly string[] {
  return findings.length > most ? [...findings.slice(0, most), `and ${findings.length - most} more`] : findings;
}
