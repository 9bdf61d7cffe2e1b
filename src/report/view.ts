/** What a report shows, in order and in words, made from a judged report. Every text is cleaned here; renderers only lay it out. */
import { letterText, trustedLocally } from "../grade/index.ts";
import type { Cap, Finding, GradeResult, Report } from "../grade/index.ts";
import { sizeText } from "../words.ts";
import { viewChains } from "./view-chain.ts";
import type { ChainView } from "./view-chain.ts";
import { viewGroups, viewProtocols, viewSuites } from "./view-offer.ts";
import type { GroupsView, ProtocolView, SuitesView } from "./view-offer.ts";
import { clean } from "./clean.ts";
import { isOfLevels, viewLevels } from "./view-level.ts";
import type { LevelView } from "./view-level.ts";

export interface GradeView {
  readonly rulebook: string;
  /** The letter to show large; where it cannot be said the two that it lies between, such as `A to A+`. */
  readonly grade: string;
  /** What has to be said beside the letter; empty when nothing. */
  readonly note: string;
  /** `score` is null where there is no total; `why` then says whether the category itself is known. */
  readonly scores: readonly { readonly name: string; readonly score: number | null; readonly why: string }[];
  readonly total: number | null;
  /** `lead`: what the limit means for the letter shown, such as `at best B`. */
  readonly limits: readonly (Cap & { readonly lead: string })[];
  readonly incomplete: readonly string[];
}

export interface ReportView {
  /** What is said in place of everything else when no protocol could be looked at, for one reason. */
  readonly speechless: string | null;
  readonly target: string;
  readonly address: string;
  readonly time: string;
  readonly grades: readonly GradeView[];
  /** AAA first, then the rulebooks that know levels. */
  readonly levels: readonly LevelView[];
  readonly protocols: readonly ProtocolView[];
  readonly suites: readonly SuitesView[];
  readonly groups: GroupsView;
  readonly chains: { readonly unknown: string | null; readonly rows: readonly ChainView[] };
  /** Failed first, worst first; then unknown, information, passed. Without those of `levelFindings`. */
  readonly findings: Readonly<Record<Finding["outcome"], readonly Finding[]>>;
  /** What the rulebooks with levels rest on, in their order. */
  readonly levelFindings: readonly Finding[];
  readonly cost: string;
}

export function viewOf(report: Report): ReportView {
  const { host, port, address, serverName } = report.target;
  const all = report.findings.map(cleanFinding);
  const findings = all.filter(({ id }) => !isOfLevels(id));
  const named = serverName === "" || serverName === host ? "" : `, name ${serverName}`;
  const protocols = viewProtocols(report.observations);
  return {
    speechless: speechless(protocols),
    target: clean(report.trialFor ?? `${host.includes(":") ? `[${host}]` : host}:${port}`),
    address: clean(`${address}${named}${report.trialFor === undefined ? "" : `, looked at on trial on port ${port}`}`),
    time: clean(report.time.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d).*Z$/, "$1 $2 UTC")),
    grades: Object.entries(report.grades).flatMap(([id, result]) =>
      "level" in result
        ? []
        : [
            {
              ...viewGrade(id, result, findings),
              ...(result.grade === "T" && trustedLocally(report.observations) ? viewLocal(result) : {}),
            },
          ],
    ),
    levels: viewLevels(report),
    levelFindings: all.filter(({ id }) => isOfLevels(id)),
    protocols,
    suites: viewSuites(report.observations),
    groups: viewGroups(report.observations),
    chains: viewChains(report.observations),
    findings: {
      fail: findings.filter(({ outcome }) => outcome === "fail").toSorted(bySeverity),
      unknown: findings.filter(({ outcome }) => outcome === "unknown").toSorted(bySeverity),
      info: findings.filter(({ outcome }) => outcome === "info").toSorted(bySeverity),
      pass: findings.filter(({ outcome }) => outcome === "pass"),
    },
    cost: `${report.connections} connections, ${sizeText(report.bytesSent)} sent, ${sizeText(report.bytesReceived)} received, ${report.seconds.toFixed(2)} s`,
  };
}

function viewGrade(id: string, result: GradeResult, findings: readonly Finding[]): GradeView {
  const { scores } = result;
  const why = (category: string): string => {
    const found = findings.find((finding) => finding.id === `ssllabs.score.${category}`);
    if (found === undefined) return scores === null ? "not known" : "";
    if (scores !== null) return found.evidence;
    return found.outcome === "unknown" ? `not known: ${found.evidence}` : `${found.message}: ${found.evidence}`;
  };
  return {
    rulebook: clean(id),
    grade: clean(letterText(result.grade, result.bounds)),
    note: noteOf(result),
    scores: [
      { name: "Protocol", score: scores?.protocol ?? null, why: why("protocol") },
      { name: "Key exchange", score: scores?.keyExchange ?? null, why: why("key-exchange") },
      { name: "Cipher", score: scores?.cipher ?? null, why: why("cipher") },
    ],
    total: scores?.total ?? null,
    limits: limitsOf(result),
    incomplete: result.incomplete.map(clean),
  };
}

function limitsOf({ caps, warnings }: GradeResult): GradeView["limits"] {
  return [...caps, ...warnings].map((cap) => ({
    ...cap,
    lead: `at best ${clean(cap.grade)}`,
    grade: clean(cap.grade),
    reason: clean(cap.reason),
  }));
}

function speechless(protocols: readonly ProtocolView[]): string | null {
  const [first] = protocols;
  const same = protocols.every(({ state, detail }) => state === "unknown" && detail === first?.detail);
  if (first === undefined || !same) return null;
  const known = /^not TLS: (.*)$/.exec(first.detail);
  return known === null ? `nothing is known: ${first.detail}` : `does not speak TLS: ${known[1]}`;
}

function viewLocal(result: GradeResult): Partial<Pick<GradeView, "grade" | "note" | "limits">> {
  const { gradeTrustIgnored, boundsTrustIgnored } = result;
  return {
    grade: clean(letterText(gradeTrustIgnored, boundsTrustIgnored)),
    note: `trust aside${gradeTrustIgnored === null ? ", incomplete" : ""}; T for whoever does not know the local authority`,
    // Where the letter shown is better than T, only trust can have capped at T.
    limits: limitsOf(result).map((limit) =>
      limit.grade === "T" && gradeTrustIgnored !== "T" ? { ...limit, lead: "for strangers T" } : limit,
    ),
  };
}

function noteOf({ grade, gradeTrustIgnored, bounds, boundsTrustIgnored }: GradeResult): string {
  const [shown, aside] = [letterText(grade, bounds), letterText(gradeTrustIgnored, boundsTrustIgnored)];
  if (grade !== null && gradeTrustIgnored === null) return `with trust aside: incomplete, ${clean(aside)}`;
  const differs = aside === shown ? [] : [`${clean(aside)} with trust aside`];
  return [...(grade === null ? ["incomplete: something decisive is not known"] : []), ...differs].join("; ");
}

const severities: readonly Finding["severity"][] = ["critical", "high", "medium", "low", "info"];

function bySeverity(a: Finding, b: Finding): number {
  return severities.indexOf(a.severity) - severities.indexOf(b.severity);
}

function cleanFinding(finding: Finding): Finding {
  return {
    ...finding,
    id: clean(finding.id),
    message: clean(finding.message),
    evidence: clean(finding.evidence),
    reference: clean(finding.reference),
    fix: finding.fix === null ? null : clean(finding.fix),
  };
}
