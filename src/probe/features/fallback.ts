import { describeAnswer } from "../client/answer.ts";
import type { Look } from "../look.ts";
import { failed, observed, unknownOf, untestable, valueOf } from "../outcome.ts";
import { suiteProtocols, withoutVersions, type VersionsSeen } from "../suites/versions.ts";
import { signallingSuites } from "../../wire/index.ts";
import type { Outcome, SuiteProtocol } from "../types.ts";

/**
 * Probe `fallback`. Needs: suites of all versions. Gives: whether a hello for the second newest version that says it is a fallback is refused with
 * inappropriate_fallback (RFC 7507, 3). Connections: 1; none where there is one version only.
 */
export async function probeFallback(look: Look, versions: VersionsSeen): Promise<Outcome<boolean>> {
  const listOf = (name: SuiteProtocol) => valueOf(versions[name].suites);
  const [newest, older] = suiteProtocols.filter((name) => listOf(name) !== undefined);
  const list = older === undefined ? undefined : listOf(older);
  if (newest === undefined) return untestable("no version with a list of suites that is known");
  if (older === undefined || list === undefined)
    return withoutVersions(versions, {
      names: suiteProtocols.filter((name) => name !== newest),
      without: `nothing older than ${newest} is offered`,
      otherwise: "no version below the newest has a list of suites that is known",
    });
  const ids = list.suites.map(({ id }) => id);
  const answer = await look.ask({ protocol: older, suites: [...ids, signallingSuites.fallback] });
  if (answer.kind === "hello") return observed(false);
  if (answer.kind !== "alert") return unknownOf(answer);
  // The same suites were taken before, so that another alert is a refusal too, but not the one that clients know.
  return answer.alert === 86
    ? observed(true)
    : failed(`refused with ${describeAnswer(answer)} in place of inappropriate_fallback`);
}
