import { describeAnswer } from "../client/answer.ts";
import type { Look } from "../look.ts";
import { failed, notApplicable, observed, unknownOf, untestable } from "../outcome.ts";
import { signallingSuites } from "../../wire/index.ts";
import type { Outcome, SuiteProtocol, SuitesSeen } from "../types.ts";

const newestFirst: readonly SuiteProtocol[] = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3"];

/**
 * Probe `fallback`. Needs: suites of all versions. Gives: whether a hello for the second newest version that says it is a fallback is refused with
 * inappropriate_fallback (RFC 7507, 3). Connections: 1; none where there is one version only.
 */
export async function probeFallback(
  look: Look,
  suites: Partial<Record<SuiteProtocol, SuitesSeen>>,
): Promise<Outcome<boolean>> {
  const [newest, older] = newestFirst.filter((name) => suites[name] !== undefined);
  const list = older === undefined ? undefined : suites[older];
  if (newest === undefined) return untestable("no version with a list of suites that is known");
  if (older === undefined || older === "TLSv1.3" || list === undefined)
    return notApplicable(`nothing older than ${newest} is offered`);
  const ids = list.suites.map(({ id }) => id);
  const answer = await look.ask({ protocol: older, suites: [...ids, signallingSuites.fallback] });
  if (answer.kind === "hello") return observed(false);
  if (answer.kind !== "alert") return unknownOf(answer);
  // The same suites were taken before, so that another alert is a refusal too, but not the one that clients know.
  return answer.alert === 86
    ? observed(true)
    : failed(`refused with ${describeAnswer(answer)} in place of inappropriate_fallback`);
}
