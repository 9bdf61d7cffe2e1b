/** Whether a server is AAA, from what the rulebooks made of it. */
import type { Observations } from "../probe/index.ts";
import { aaa } from "./rulebooks/aaa.ts";
import { trustedLocally } from "./trust.ts";
import type { Finding, LevelResult, Report, RulebookResult } from "./types.ts";
import { allOf, no, stated, unknown, yes } from "./verdict.ts";
import type { Statement } from "./verdict.ts";

/** Null where it cannot be said. A finding per condition; none where one of the rulebooks did not judge. */
export function judgeAaa(
  observations: Observations,
  grades: Report["grades"],
): { readonly aaa: boolean | null; readonly findings: readonly Finding[] } {
  const ssllabs = grades[aaa.ssllabs.rulebook];
  const mozilla = grades[aaa.mozilla.rulebook];
  const ncsc = grades[aaa.ncsc.rulebook];
  if (ssllabs === undefined || mozilla === undefined || ncsc === undefined) return { aaa: null, findings: [] };
  const conditions: readonly (readonly [string, string, Statement])[] = [
    ["ssllabs", `SSL Labs gives ${aaa.ssllabs.grade}`, letter(ssllabs, observations)],
    ["mozilla", "Mozilla's guideline is kept to", level(mozilla, aaa.mozilla.levels)],
    ["ncsc-nl", "NCSC-NL finds nothing worse than sufficient", level(ncsc, aaa.ncsc.levels)],
    ["post-quantum", "A post-quantum hybrid is negotiated", postQuantum(observations)],
  ];
  const all = allOf(conditions.map(([, , statement]) => statement));
  return {
    aaa: all.truth === "unknown" ? null : all.truth,
    findings: conditions.map(([id, message, { truth, because }]) => ({
      id: `${aaa.id}.${id}`,
      outcome: truth === "unknown" ? "unknown" : truth ? "pass" : "fail",
      severity: truth === false ? "low" : "info",
      message: `AAA: ${message}`,
      evidence: because,
      reference: `tlsforge: ${aaa.title}`,
      fix: truth === false ? "See the findings of that rulebook" : null,
    })),
  };
}

function letter(result: RulebookResult, observations: Observations): Statement {
  const local = trustedLocally(observations);
  const grade = (local ? result.gradeTrustIgnored : result.grade) ?? null;
  if (grade === null) return unknown("the grade cannot be said");
  const text = local ? `${grade}, trust in the local authority aside` : grade;
  return grade === aaa.ssllabs.grade ? yes(text) : no(text);
}

/** A level that is not known may still be known to be too low, by what limits it. */
function level(result: RulebookResult, wanted: readonly string[]): Statement {
  if (!isLevel(result)) return unknown("the level cannot be said");
  const { level: reached, limits, profiles } = result;
  if (reached !== null) return wanted.includes(reached) ? yes(reached) : no(reached);
  const [kept] = Object.entries(profiles).filter(([name, keeps]) => keeps === true && wanted.includes(name));
  if (kept !== undefined) return yes(`at least ${kept[0]}`);
  const [tooLow] = limits.filter((limit) => !wanted.includes(limit.level));
  return tooLow === undefined ? unknown("the level cannot be said") : no(tooLow.reason);
}

const isLevel = (result: RulebookResult): result is LevelResult => "level" in result;

function postQuantum({ groups }: Observations): Statement {
  return stated(groups, ({ groups: all, negotiated }) => {
    const hybrid = all.some(({ name, postQuantum: quantum }) => quantum && name === negotiated);
    return hybrid ? yes(`${negotiated}`) : no(`negotiated: ${negotiated ?? "no group"}`);
  });
}
