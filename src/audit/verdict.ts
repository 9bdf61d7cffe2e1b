import { ForgeError } from "../errors.ts";
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

/** An audit as text for a terminal. */
export function auditText({ packages, findings }: Audit): string {
  const order = ["hit", "warning", "unknown"] as const;
  const told = findings.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
  const lines = told
    .filter(({ outcome }) => outcome !== "unknown")
    .flatMap((finding) => [line(finding), ...remedy(finding)]);
  lines.push(...unknownLines(told.filter(({ outcome }) => outcome === "unknown")));
  const count = (outcome: string): number => packages.filter((entry) => entry.outcome === outcome).length;
  const counts = (["hit", "warning", "unknown", "pass"] as const).map((outcome) => `${count(outcome)} ${outcome}`);
  return [...lines, `${counted(packages.length, "package")}: ${counts.join(", ")}`, ""].join("\n");
}

/** What cannot be told: one line for all packages that nobody speaks of, and one for all advisories of a package with the same reason. */
function unknownLines(findings: readonly AuditFinding[]): readonly string[] {
  const [silent, others] = [
    findings.filter(({ id }) => id === "coverage"),
    findings.filter(({ id }) => id !== "coverage"),
  ];
  const groups = Map.groupBy(others, ({ package: name, version, rule, reason, id }) =>
    JSON.stringify([name, version, rule === "advisory" ? reason : id]),
  );
  const grouped = [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length === 1) return group.map(line);
    const shown = group.slice(0, 5).map(({ id }) => id);
    const more = group.length > shown.length ? ` and ${group.length - shown.length} more` : "";
    return [
      `unknown  ${first.package} ${first.version}: ${group.length} advisories (${shown.join(", ")}${more}): ${first.reason ?? ""}`,
    ];
  });
  if (silent.length === 0) return grouped;
  const names = silent.map((item) => `${item.package} ${item.version}`);
  return [...grouped, `unknown  no rule and no advisory speaks of ${names.join(", ")}`];
}

function line({ outcome, package: name, version, id, aliases, severity, message, rule }: AuditFinding): string {
  const number = rule === "advisory" || rule === "flaw" ? `${[id, ...aliases].join(", ")}: ` : "";
  return `${outcome.padEnd(7)}  ${name} ${version}: ${number}${message}${severity === null ? "" : ` [${severity}]`}`;
}

function remedy({ fix }: AuditFinding): string[] {
  return fix === null ? [] : [`         ${fix}`];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
