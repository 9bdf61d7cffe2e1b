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
  // One line says of all what would else be said of each.
  const silent = told.filter(({ id }) => id === "coverage");
  const lines = told.filter(({ id }) => id !== "coverage").flatMap((finding) => [line(finding), ...remedy(finding)]);
  if (silent.length > 0)
    lines.push(
      `unknown  no rule and no advisory speaks of ${silent.map((item) => `${item.package} ${item.version}`).join(", ")}`,
    );
  const count = (outcome: string): number => packages.filter((entry) => entry.outcome === outcome).length;
  const counts = (["hit", "warning", "unknown", "pass"] as const).map((outcome) => `${count(outcome)} ${outcome}`);
  return [...lines, `${counted(packages.length, "package")}: ${counts.join(", ")}`, ""].join("\n");
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
