import { ForgeError } from "../errors.ts";
import { counted } from "../words.ts";
import type { Audit } from "./judge.ts";
import type { AuditFinding } from "./types.ts";

/**
 * The error that an audit ends with, or null. A hit is `vulnerable`; `strict` makes one of a warning too, and `incomplete` of what is
 * unknown.
 */
export function verdict({ findings }: Audit, { strict }: { readonly strict: boolean }): ForgeError | null {
  const bad = findings.filter(({ outcome }) => outcome === "hit" || (strict && outcome === "warning"));
  if (bad.length > 0) {
    return new ForgeError("vulnerable", `${counted(bad.length, "finding")} against what is installed`, {
      details: bad.map(line),
      hint: "tlsforge recipe update NAME proposes newer versions, tlsforge provision builds them",
    });
  }
  const unknown = strict ? findings.filter(({ outcome }) => outcome === "unknown") : [];
  if (unknown.length === 0) return null;
  return new ForgeError(
    "incomplete",
    `${counted(unknown.length, "thing")} cannot be told, and --strict asks for certainty`,
    {
      details: unknown.map(line),
      hint: "give advisories that speak of these packages with --advisories, or leave --strict out",
    },
  );
}

/** Lays out a paragraph behind a lead. */
type Says = (lead: string, text: string) => readonly string[];

/** An audit as text for a terminal, on a page that lays out its paragraphs. */
export function auditText({ packages, findings }: Audit, { says }: { readonly says: Says }): string {
  const order = ["hit", "warning", "unknown"] as const;
  const told = findings.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
  const lines = told
    .filter(({ outcome }) => outcome !== "unknown")
    .flatMap(({ fix, ...finding }) => [
      ...says(lead(finding.outcome), sentence(finding)),
      ...(fix === null ? [] : says(indent, fix)),
    ]);
  lines.push(
    ...unknownLines(
      told.filter(({ outcome }) => outcome === "unknown"),
      says,
    ),
  );
  const count = (outcome: string): number => packages.filter((entry) => entry.outcome === outcome).length;
  const counts = (["hit", "warning", "unknown", "pass"] as const).map((outcome) => `${count(outcome)} ${outcome}`);
  return [...lines, `${counted(packages.length, "package")}, by their worst: ${counts.join(", ")}`, ""].join("\n");
}

/** What cannot be told: all advisories of a package with the same reason together, and a list of the packages that nobody speaks of. */
function unknownLines(findings: readonly AuditFinding[], says: Says): readonly string[] {
  const [silent, others] = [
    findings.filter(({ id }) => id === "coverage"),
    findings.filter(({ id }) => id !== "coverage"),
  ];
  const groups = Map.groupBy(others, ({ package: name, version, rule, reason, id }) =>
    JSON.stringify([name, version, rule === "advisory" ? reason : id]),
  );
  const grouped = [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length === 1)
      return group.flatMap((finding) => says(lead("unknown"), sentence(finding)));
    const shown = group.slice(0, 5).map(({ id }) => id);
    const more = group.length > shown.length ? ` and ${group.length - shown.length} more` : "";
    const text = `${group.length} advisories (${shown.join(", ")}${more}): ${first.reason ?? ""}`;
    return says(lead("unknown"), `${first.package} ${first.version}: ${text}`);
  });
  if (silent.length === 0) return grouped;
  return [
    ...grouped,
    ...says(lead("unknown"), `no rule and no advisory speaks of ${counted(silent.length, "package")}:`),
    ...silent.flatMap((item) => says(`${indent}  `, `${item.package} ${item.version}`)),
  ];
}

const indent = " ".repeat(9);

function lead(outcome: AuditFinding["outcome"]): string {
  return outcome.padEnd(indent.length);
}

function line(finding: AuditFinding): string {
  return `${lead(finding.outcome)}${sentence(finding)}`;
}

function sentence(finding: Omit<AuditFinding, "fix">): string {
  const { package: name, version, id, aliases, severity, message, rule } = finding;
  const number = rule === "advisory" || rule === "flaw" ? `${[id, ...aliases].join(", ")}: ` : "";
  return `${name} ${version}: ${number}${message}${severity === null ? "" : ` [${severity}]`}`;
}
