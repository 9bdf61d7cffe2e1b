import { ForgeError, type Span } from "../../errors.ts";
import type { GradeResult, Report } from "../../grade/index.ts";
import { isGrade, letterText, meets } from "../../grade/light.ts";
import { gradingRulebook } from "./look.ts";
import { written } from "./targets.ts";

/** What a report is held to. */
export interface GradeWish {
  readonly minGrade: string | null;
  /** Where a site file wants it. */
  readonly minGradeSpan?: Span | undefined;
  readonly ignoreTrust: boolean;
  /** Who asks: the words for what would help. */
  readonly asker?: "provision" | undefined;
}

/**
 * Whether a report reaches a grade: an error to throw or to tell, or null when it does. Unknown is never a pass: of a letter that cannot be
 * said the worst that it can be counts.
 */
export function gradeProblem(report: Report, request: GradeWish): ForgeError | null {
  const result = report.grades[gradingRulebook];
  const { ignoreTrust, minGrade: wanted } = request;
  const grade = (ignoreTrust ? result?.gradeTrustIgnored : result?.grade) ?? null;
  const bounds = (ignoreTrust ? result?.boundsTrustIgnored : result?.bounds) ?? null;
  if (reaches(grade ?? bounds?.worst, wanted)) return null;
  if (grade !== null && wanted !== null) return gradeLow(report, request, grade);
  // A letter that distrust alone decides says nothing of the rest: what was not seen there is no pass.
  if (grade !== null && (result?.gradeTrustIgnored ?? null) !== null) return null;
  const shared = sharedReason(report);
  const wish = wanted === null ? "" : `, and ${wanted} is wanted`;
  const range = bounds === null || shared !== null ? "" : `: it is ${letterText(null, bounds)}${wish}`;
  const target = written(report.target);
  return new ForgeError("incomplete", `the grade of ${target} cannot be said${range}`, {
    details: shared ?? result?.incomplete ?? [],
    hint: [
      hintFor(shared?.[0] ?? "", target, request.asker ?? "verify"),
      ...enough(bounds?.worst, result?.incomplete ?? [], request),
      // Only where it is certain that no anchor fits does one more help.
      ...(grade === null ? [] : [`an authority of your own is named with ${words(request).authority}`]),
    ].join("; "),
  });
}

function reaches(grade: string | null | undefined, wanted: string | null): boolean {
  return wanted !== null && isGrade(wanted) && meets(grade ?? null, wanted) === true;
}

/** How an authority is named and a grade is wanted where somebody asks. */
function words({ asker }: GradeWish): { readonly authority: string; readonly minGrade: (grade: string) => string } {
  return asker === "provision"
    ? {
        authority: "verify: { ca: FILE } in the site file",
        minGrade: (grade) => `verify: { min-grade: ${grade} } in the site file`,
      }
    : { authority: "--ca FILE", minGrade: (grade) => `--min-grade ${grade}` };
}

function gradeLow(report: Report, request: GradeWish, grade: string): ForgeError {
  const result = report.grades[gradingRulebook];
  const caps = [...(result?.caps ?? []), ...(result?.warnings ?? [])].map((cap) => `${cap.grade}: ${cap.reason}`);
  const { minGrade, minGradeSpan: span } = request;
  const whose = span === undefined ? "" : ` (verify.min-grade in ${span.file}:${span.line})`;
  const distrusted = result !== undefined && !("level" in result) && lacksOnlyTrust(result, minGrade);
  return new ForgeError(
    "grade-low",
    `${written(report.target)} is graded ${grade}, below the wanted ${minGrade}${whose}`,
    {
      ...(span === undefined ? {} : { span }),
      details: caps,
      hint: [
        ...(distrusted
          ? [`trust alone is missing: a private authority is named with ${words(request).authority}`]
          : []),
        `see the findings of the report${span === undefined ? "" : "; --min-grade wants another grade for one run"}`,
      ].join("; "),
    },
  );
}

/** Whether a known authority would make a T the wanted grade, or could. */
function lacksOnlyTrust(result: GradeResult, wanted: string | null): boolean {
  const distrust = result.caps.filter(({ grade }) => grade === "T");
  const behind = result.gradeTrustIgnored ?? result.boundsTrustIgnored?.best;
  return (
    result.grade === "T" &&
    distrust.every(({ finding }) => finding === "ssllabs.certificate.trust") &&
    reaches(behind, wanted)
  );
}

/** What is not known, and with which wish that would do: only where even the worst that it can be is an A of some kind. */
function enough(worst: string | undefined, incomplete: readonly string[], request: GradeWish): readonly string[] {
  if (worst === undefined || !reaches(worst, "A-")) return [];
  const rules = incomplete.map((line) => line.slice(0, line.indexOf(": ")));
  return [`where nothing can tell ${rules.join(", ")}, ${words(request).minGrade(worst)} is reached for certain`];
}

/** What to do before the command is run again, by the reason why nothing is known. */
function hintFor(reason: string, target: string, command: string): string {
  const greeting = /greets in plain text \((\w+)( or FTP)?\)/.exec(reason);
  if (greeting?.[1] !== undefined)
    return `begin TLS in its own protocol: tlsforge verify ${target} --starttls ${greeting[1].toLowerCase()}${greeting[2] === undefined ? "" : " (or ftp)"}`;
  if (reason.includes("plain HTTP")) return "the port speaks plain HTTP: name the one that speaks TLS, usually 443";
  if (reason.includes("speaks SSH")) return "SSH is not TLS: name a port that speaks TLS";
  if (reason.startsWith("no handshake was ever completed: every hello was refused"))
    return "check whether it wants another name (--server-name NAME) or lets this machine in, then verify again";
  return `look at what was unknown above, then ${command} again`;
}

/** The one reason why nothing is known of a target, when every look at a protocol failed with it; else null. */
function sharedReason({ observations }: Report): readonly string[] | null {
  const reasons = new Set(
    Object.values(observations.protocols).map((seen) => (seen.state === "failed" ? seen.why : null)),
  );
  const [reason] = reasons;
  return reasons.size === 1 && reason !== undefined && reason !== null ? [reason] : null;
}
