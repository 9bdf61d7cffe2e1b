import type { Finding, LevelResult, Report } from "../grade/index.ts";
import { clean } from "./clean.ts";

/** A verdict that is a word and no letter. */
export interface LevelView {
  readonly rulebook: string;
  /** `not known` where it cannot be said. */
  readonly level: string;
  readonly tone: "good" | "doubtful" | "bad";
  /** What holds it there, in a word each. */
  readonly topics: readonly string[];
  /** The same, in full. */
  readonly reasons: readonly string[];
}

/** Whether a finding belongs to a rulebook with levels, or to AAA: shown with these, and not among the faults of the server. */
export function isOfLevels(id: string): boolean {
  return /^(aaa|mozilla-[a-z0-9.-]*|ncsc-nl-[a-z0-9-]*)\./.test(id);
}

export function viewLevels(report: Report): readonly LevelView[] {
  return [
    viewAaa(report),
    ...Object.entries(report.grades).flatMap(([id, result]) => ("level" in result ? [viewLevel(id, result)] : [])),
  ];
}

/** What fails decides; where nothing does, what is unknown. */
function viewAaa({ aaa, findings }: Report): LevelView {
  const conditions = findings.filter(({ id }) => id.startsWith("aaa."));
  const of = (outcome: Finding["outcome"]): readonly Finding[] =>
    conditions.filter((condition) => condition.outcome === outcome);
  const decisive = aaa === false ? of("fail") : of("unknown");
  const title = ({ message }: Finding): string => clean(message.replace(/^AAA: /, ""));
  return {
    rulebook: "AAA",
    level: aaa === null ? (conditions.length === 0 ? "not judged" : "not known") : aaa ? "yes" : "no",
    tone: aaa === null ? "doubtful" : aaa ? "good" : "bad",
    topics: decisive.map(title),
    reasons: decisive.map(
      (condition) => `${title(condition)}: ${aaa === false ? "no" : "not known"} (${clean(condition.evidence)})`,
    ),
  };
}

const tones: Readonly<Record<string, LevelView["tone"]>> = {
  modern: "good",
  intermediate: "good",
  good: "good",
  sufficient: "good",
  "phase-out": "doubtful",
};

function viewLevel(id: string, { level, limits, incomplete }: LevelResult): LevelView {
  const holding = level === null ? limits : limits.filter((limit) => limit.level === level);
  const reasons = [...(level === null ? incomplete : []), ...holding.map(({ reason }) => reason)].map(clean);
  return {
    rulebook: clean(id),
    level: clean(level ?? "not known"),
    tone: level === null ? "doubtful" : (tones[level] ?? "bad"),
    topics: [...new Set(reasons.map((reason) => reason.replace(/:[^]*$/, "")))],
    reasons: [...new Set(reasons)],
  };
}
