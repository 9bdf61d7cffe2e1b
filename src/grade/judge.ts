import type { Observations } from "../probe/index.ts";
import { generalFindings } from "./general.ts";
import { rulebooks as registered } from "./rulebooks/registry.ts";
import type { GradeResult, Judgement, Report, Rulebook } from "./types.ts";

/**
 * Judges recorded observations by the rulebooks (all that are registered, unless told). Pure and repeatable: no clock, no network; dates are
 * judged as of the recording. Each finding's id is the same from run to run.
 */
export function judge(observations: Observations, options: { readonly rulebooks?: readonly Rulebook[] } = {}): Report {
  const { schema: _, time, target, connections, bytesSent, bytesReceived, seconds, ...seen } = observations;
  const judged: readonly (readonly [string, Judgement])[] = (options.rulebooks ?? registered).map((rulebook) => [
    rulebook.id,
    rulebook.judge(observations),
  ]);
  const grades: Readonly<Record<string, GradeResult>> = Object.fromEntries(
    judged.map(([id, { result }]) => [id, result]),
  );
  return {
    schema: "tlsforge.report/1",
    target,
    time,
    // AAA asks for three rulebooks; this version knows the rules of one, so it cannot be said.
    aaa: null,
    grades,
    findings: [...judged.flatMap(([, { findings }]) => findings), ...generalFindings(observations)],
    observations: seen,
    connections,
    bytesSent,
    bytesReceived,
    seconds,
  };
}
