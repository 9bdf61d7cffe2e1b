import type { Finding, Report } from "../types.ts";
import type { FindingChange, Verdict } from "./types.ts";

const severities: readonly Finding["severity"][] = ["info", "low", "medium", "high", "critical"];
const verdicts: readonly Verdict[] = ["worse", "better", "changed", "unknown"];

/** Findings whose outcome, severity or message differs, and those that only one of both has. Other evidence for the same is no difference. */
export function findingChanges(a: Report, b: Report): readonly FindingChange[] {
  const [inA, inB] = [byId(a), byId(b)];
  const ids = [...new Set([...inA.keys(), ...inB.keys()])].toSorted();
  return ids
    .flatMap((id): readonly FindingChange[] => {
      const [before, after] = [inA.get(id) ?? null, inB.get(id) ?? null];
      const change = changeBetween(before, after);
      return change === null ? [] : [{ id, verdict: verdictOn(before, after), change, a: before, b: after }];
    })
    .toSorted((one, other) => rank(one) - rank(other) || gravity(other) - gravity(one));
}

const byId = (report: Report): ReadonlyMap<string, Finding> =>
  new Map(report.findings.map((finding) => [finding.id, finding]));

function changeBetween(a: Finding | null, b: Finding | null): FindingChange["change"] | null {
  if (a === null) return "new";
  if (b === null) return "gone";
  if (a.outcome !== b.outcome) return "outcome";
  if (a.severity !== b.severity) return "severity";
  return a.message === b.message ? null : "message";
}

/** What is unknown on either side has no direction; nor has a finding that one side lacks, for its rule may have had nothing to judge. */
function verdictOn(a: Finding | null, b: Finding | null): FindingChange["verdict"] {
  if (a?.outcome === "unknown" || b?.outcome === "unknown") return "unknown";
  if (a === null || b === null) return "changed";
  const [before, after] = [badness(a), badness(b)];
  return before === after ? "changed" : after < before ? "better" : "worse";
}

/** A pass and a remark that worries nobody are alike. */
function badness({ outcome, severity }: Finding): number {
  if (outcome === "pass") return 0;
  return severities.indexOf(severity) + (outcome === "fail" ? 0.5 : 0);
}

const rank = ({ verdict }: FindingChange): number => verdicts.indexOf(verdict);

function gravity({ a, b }: FindingChange): number {
  return Math.max(...[a, b].map((finding) => (finding === null ? 0 : badness(finding))));
}
