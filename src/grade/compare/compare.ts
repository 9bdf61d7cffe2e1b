import { observationsOf } from "../judge.ts";
import { findingChanges } from "./findings.ts";
import { offerChanges } from "./offer.ts";
import { leavesTrustAside, standingsOf, verdictOn } from "./standing.ts";
import type { ComparedReport, ComparedSide, Comparison, Standing } from "./types.ts";
import { worthOf } from "./worth.ts";

/**
 * What differs between two reports that this version judged, and what each difference is worth. Pure. Comparing `b` with `a` says the opposite. With
 * `ignoreTrust`, and where the chain of one of them ends in an authority that was given for the look, letters are those with trust aside.
 */
export function compare(
  a: ComparedReport,
  b: ComparedReport,
  options: { readonly ignoreTrust?: boolean } = {},
): Comparison {
  // Both sides by one measure: with trust aside where one of them can only be judged so.
  const ignoreTrust = [a, b].some(({ report }) => leavesTrustAside(report, options.ignoreTrust === true));
  const [inA, inB] = [standingsOf(a.report, ignoreTrust), standingsOf(b.report, ignoreTrust)];
  return {
    schema: "tlsforge.comparison/1",
    a: sideOf(a, inA, ignoreTrust),
    b: sideOf(b, inB, ignoreTrust),
    rulebooks: [...inA].flatMap(([rulebook, before]) => {
      const after = inB.get(rulebook);
      if (after === undefined) return [];
      return [{ rulebook, a: before, b: after, verdict: verdictOn(rulebook, before, after) }];
    }),
    findings: findingChanges(a.report, b.report),
    offer: offerChanges(a.report.observations, b.report.observations),
    worth: worthOf(observationsOf(a.report), observationsOf(b.report), ignoreTrust),
  };
}

function sideOf(
  { name, report, recorded }: ComparedReport,
  now: ReadonlyMap<string, Standing>,
  ignoreTrust: boolean,
): ComparedSide {
  const { target, time, trialFor } = report;
  const then = recorded === undefined ? [] : [...standingsOf({ ...report, ...recorded }, ignoreTrust)];
  return {
    name,
    target,
    time,
    ...(trialFor === undefined ? {} : { trialFor }),
    trustAside: leavesTrustAside(report, ignoreTrust),
    restated: then.flatMap(([rulebook, { value }]) =>
      value === null || value === (now.get(rulebook)?.value ?? null) ? [] : [{ rulebook, said: value }],
    ),
  };
}
