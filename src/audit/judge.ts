import { matchAdvisory, type Match } from "./match.ts";
import { compareVersions } from "./order.ts";
import type { Advisory, AuditedPackage, AuditFinding, Installed, RecipeWord } from "./types.ts";

/** What is judged, by what, and when. */
export interface AuditInput {
  readonly installed: readonly Installed[];
  /** What the recipes say, by recipe; null for one that is no longer there. */
  readonly recipes: ReadonlyMap<string, RecipeWord | null>;
  readonly advisories: readonly Advisory[];
  /** The day of the judgement, UTC: 2026-11-30. */
  readonly today: string;
}

/** Everything an audit says. */
export interface Audit {
  readonly packages: readonly AuditedPackage[];
  readonly findings: readonly AuditFinding[];
}

/** How many days before its end support is warned of. */
const warningDays = 90;

/**
 * Installed versions against the recipes' security floors, support dates and known holes, and against advisories. Three-valued: what cannot be
 * compared, and what no rule speaks of, is `unknown`.
 */
export function audit(input: AuditInput): Audit {
  const judged = input.installed.map((installed) => judge(installed, input));
  return { packages: judged.map(({ summary }) => summary), findings: judged.flatMap(({ findings }) => findings) };
}

type Say = (
  rule: AuditFinding["rule"],
  outcome: AuditFinding["outcome"],
  said: Pick<AuditFinding, "id" | "message"> & Partial<Pick<AuditFinding, "aliases" | "severity" | "fix" | "reason">>,
) => void;

function judge(
  installed: Installed,
  input: AuditInput,
): { readonly summary: AuditedPackage; readonly findings: readonly AuditFinding[] } {
  const { name, version, recipe, role, verified } = installed;
  const findings: AuditFinding[] = [];
  const say: Say = (rule, outcome, { id, message, reason = null, aliases = [], severity = null, fix = null }) =>
    findings.push({ rule, id, aliases, package: name, version, recipe, outcome, message, reason, severity, fix });
  const rules = byRecipe(installed, input, say) + byAdvisories(installed, input.advisories, say);
  if (!verified)
    say("coverage", "unknown", {
      id: "own-source",
      message: "was built from a source of your own: which fixes it has is not known",
      fix: "build it from the recipe's source",
    });
  if (rules === 0)
    say("coverage", "unknown", {
      id: "coverage",
      message: "no rule and no advisory speaks of it",
      fix: "give a file of advisories of its ecosystem with --advisories",
    });
  const outcomes = new Set(findings.map(({ outcome }) => outcome));
  const outcome = (["hit", "unknown", "warning"] as const).find((value) => outcomes.has(value)) ?? "pass";
  return { summary: { name, version, recipe, role, outcome, rules }, findings };
}

/** The number of rules of the recipe that spoke. Locked packages have none: a recipe's version and support are its main package's. */
function byRecipe({ locked, recipe }: Installed, { recipes, today }: AuditInput, say: Say): number {
  if (locked) return 0;
  const word = recipes.get(recipe) ?? null;
  if (word === null) return 0;
  const { floor, support, flaws } = word;
  for (const flaw of flaws)
    say("flaw", "hit", { id: flaw.id, message: flaw.name, fix: "for reproduction only: never let it serve anybody" });
  if (floor?.below === true)
    say("floor", "hit", {
      id: "security-floor",
      message: `is below the security floor ${floor.version} of its branch: ${floor.reason}`,
      fix: `build ${floor.version} or newer: tlsforge provision`,
    });
  if (support === null)
    say("support", "unknown", { id: "support", message: "the recipe does not list this version any more" });
  else judgeSupport(support, today, say);
  return flaws.length + (floor === null ? 0 : 1) + (support === null ? 0 : 1);
}

function judgeSupport({ status, until }: NonNullable<RecipeWord["support"]>, today: string, say: Say): void {
  const fix = "choose a newer branch in the stack file";
  if (status === "ended" || (until !== undefined && until < today)) {
    const since = until === undefined ? "" : until < today ? ` (${until})` : ` (was to last until ${until})`;
    say("support", "hit", {
      id: "support",
      message: `upstream's support has ended${since}: new flaws are not fixed`,
      fix,
    });
    return;
  }
  if (until === undefined) return;
  const days = Math.round((Date.parse(until) - Date.parse(today)) / 86_400_000);
  if (days > warningDays) return;
  say("support", "warning", { id: "support", message: `upstream's support ends in ${days} days (${until})`, fix });
}

/**
 * The number of advisories that are about it. What several of them tell under the same number is told once: a hit before all, and what one of them
 * clears is not left open because another cannot be compared.
 */
function byAdvisories(installed: Installed, advisories: readonly Advisory[], say: Say): number {
  const about = advisories.flatMap((advisory) => {
    const match = advisory.withdrawn ? null : matchAdvisory(advisory, installed);
    return match === null ? [] : [{ advisory, match }];
  });
  const settled = new Set<string>();
  for (const status of ["affected", "unaffected", "unknown"] as const) {
    for (const { advisory, match } of about.filter((entry) => entry.match.status === status)) {
      const numbers = [advisory.id, ...advisory.aliases];
      const known = numbers.some((number) => settled.has(number));
      for (const number of numbers) settled.add(number);
      if (!known && status !== "unaffected") tellAdvisory(installed, { advisory, match }, say);
    }
  }
  return about.length;
}

function tellAdvisory(
  installed: Installed,
  { advisory, match }: { readonly advisory: Advisory; readonly match: Match },
  say: Say,
): void {
  const { id, aliases, severity, summary } = advisory;
  const about = summary === "" ? id : summary;
  if (match.status === "unknown") {
    say("advisory", "unknown", { id, aliases, severity, message: `${about}: ${match.why}`, reason: match.why });
    return;
  }
  const building = installed.role === "build";
  say("advisory", building ? "warning" : "hit", {
    id,
    aliases,
    severity,
    message: building ? `${about} (it took part in the build, and is not in the output)` : about,
    fix: fixOf(match.fixed, installed),
  });
}

/** The fixed versions that are newer than what is installed, oldest first. */
function fixOf(fixed: readonly string[], { version, identity }: Installed): string | null {
  const newer = fixed
    .filter((candidate) => (compareVersions(identity.scheme, candidate, version) ?? 1) > 0)
    .toSorted((a, b) => compareVersions(identity.scheme, a, b) ?? 0);
  return newer.length === 0 ? null : `fixed in ${newer.join(", ")}`;
}
