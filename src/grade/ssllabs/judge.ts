import type { Observations } from "../../probe/index.ts";
import { rules } from "../rulebooks/ssllabs-2009r-rules.ts";
import type { Effect } from "../rulebooks/ssllabs-2009r-rules.ts";
import { ssllabs2009r } from "../rulebooks/ssllabs-2009r.ts";
import type { Finding, Judgement } from "../types.ts";
import { checks } from "./checks.ts";
import { gradeOf } from "./grade.ts";
import type { JudgedRule } from "./grade.ts";
import { scoresOf, totalOf } from "./scores.ts";
import type { Score, Scores } from "./scores.ts";
import { unexaminedFindings } from "./unexamined.ts";

const severities: Readonly<Record<Effect, Finding["severity"]>> = {
  F: "critical",
  T: "high",
  M: "high",
  C: "high",
  B: "medium",
  warning: "low",
  "no A+": "low",
};

/** SSL Labs' grade of what was observed, with a finding for each rule, each category's score and each rule that could not be examined. */
export function judgeSsllabs(observations: Observations): Judgement {
  const judged = rules.map((rule) => ({ rule, verdict: checks[rule.check](observations) }));
  const scores = scoresOf(observations);
  const examined = judged.filter(({ verdict }) => verdict.examined !== false);
  const others = judged.map(({ verdict }) => verdict).filter((verdict) => verdict.examined === false);
  return {
    result: gradeOf(examined, scores),
    findings: [...judged.map(ruleFinding), ...scoreFindings(scores), ...unexaminedFindings(observations, others)],
  };
}

function ruleFinding({ rule, verdict }: JudgedRule): Finding {
  const [effect = "no A+"] = rule.effects;
  return {
    id: rule.id,
    outcome: verdict.outcome,
    severity: verdict.outcome === "pass" || verdict.examined === false ? "info" : severities[effect],
    message: verdict.message,
    evidence: verdict.evidence,
    reference: rule.reference,
    fix: verdict.outcome === "fail" ? rule.fix : null,
  };
}

/** What each score rests on, so that a lost point can be traced. */
function scoreFindings(scores: Scores): readonly Finding[] {
  const total = totalOf(scores)?.total;
  const categories: readonly (readonly [string, string, Score])[] = [
    ["protocol", "Protocol", scores.protocol],
    ["key-exchange", "Key exchange", scores.keyExchange],
    ["cipher", "Cipher", scores.cipher],
  ];
  return categories.map(([id, title, { score, because }]) => ({
    id: `ssllabs.score.${id}`,
    outcome: score === null ? "unknown" : "info",
    severity: "info",
    message:
      score === null
        ? `${title} score: not known`
        : `${title} score ${score}${total === undefined ? "" : `, of a total of ${total}`}`,
    evidence: because,
    reference: `${ssllabs2009r.title}: scoring`,
    fix: null,
  }));
}
