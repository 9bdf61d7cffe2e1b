import type { Observations } from "../probe/index.ts";
import { judgeAaa } from "./aaa.ts";
import { complete } from "./complete.ts";
import { generalFindings } from "./general/index.ts";
import { rulebooks as registered } from "./rulebooks/registry.ts";
import type { Judgement, Report, Rulebook } from "./types.ts";

/**
 * Judges recorded observations by the rulebooks (all that are registered, unless told). Pure and repeatable: no clock, no network; dates are
 * judged as of the recording. Each finding's id is the same from run to run. Recordings of older versions are judged too: what they lack,
 * nobody looked at.
 */
export function judge(recorded: Observations, options: { readonly rulebooks?: readonly Rulebook[] } = {}): Report {
  const observations = complete(recorded);
  const { schema: _, time, target, connections, bytesSent, bytesReceived, seconds, ...seen } = observations;
  const judged: readonly (readonly [string, Judgement])[] = (options.rulebooks ?? registered).map((rulebook) => [
    rulebook.id,
    rulebook.judge(observations),
  ]);
  const grades: Report["grades"] = Object.fromEntries(judged.map(([id, { result }]) => [id, result]));
  const { aaa, findings } = judgeAaa(observations, grades);
  return {
    schema: "tlsforge.report/1",
    target,
    time,
    aaa,
    grades,
    findings: [...judged.flatMap(([, each]) => each.findings), ...findings, ...generalFindings(observations)],
    observations: seen,
    connections,
    bytesSent,
    bytesReceived,
    seconds,
  };
}

/** The observations that a report was judged from. */
export function observationsOf(report: Report): Observations {
  const { target, time, observations, connections, bytesSent, bytesReceived, seconds } = report;
  const schema = "tlsforge.observations/1";
  return { schema, time, target, ...observations, connections, bytesSent, bytesReceived, seconds };
}
