import { decodeServerKeyShare, extensionTypes, findExtension, groupOf } from "../../wire/index.ts";
import type { Answer, Flight } from "../client/answer.ts";
import { classicGroups } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { askNatural, type ModernSeen } from "../suites/modern-suites.ts";
import { failed, observed, unknownOf } from "../outcome.ts";
import { enumerateByRemoval } from "../suites/removal.ts";
import type { GroupSeen, GroupsSeen, Outcome, SuiteSeen } from "../types.ts";

/**
 * Probe `groups` for TLS 1.3. Needs: suites and groups of TLS 1.3, the server's own list when it sent one. Gives: groups in order, the one negotiated.
 * Connections: 1 for what is negotiated with a hello that offers everything, 1 for the order when the server did not tell it.
 */
export async function probeModernGroups(
  look: Look,
  of: {
    suites: readonly number[];
    groups: readonly number[];
    listed: readonly number[] | null;
    seen: Pick<ModernSeen, "natural" | "groupsBy">;
  },
): Promise<Outcome<GroupsSeen>> {
  const { suites, groups, seen } = of;
  const [top] = groups;
  const [natural, reversed] = await Promise.all([
    seen.natural ?? askNatural(look, suites),
    of.listed === null && groups.length > 1 && seen.groupsBy === undefined
      ? look.ask({ protocol: "TLSv1.3", suites, groups: groups.toReversed() })
      : Promise.resolve(undefined),
  ]);
  if (natural.kind !== "hello") return unknownOf(natural);
  const negotiated = shareGroup(natural.flight);
  const order = of.listed === null ? (decider(seen.groupsBy) ?? orderOf(reversed, top)) : "server";
  return observed({
    groups: inOrder(groups, of.listed).map(groupSeen),
    order,
    negotiated: negotiated === undefined ? null : groupOf(negotiated).name,
  });
}

/**
 * Probe `groups` for TLS 1.2 and older. Needs: suites of that version. Gives: groups of ECDHE. Connections: one per group and 2 more.
 * With an ECDSA certificate its own curve must stay in the hello, so groups behind it in the server's order cannot all be reached.
 */
export async function probeClassicGroups(
  look: Look,
  of: { protocol: "TLSv1.2" | "TLSv1.1" | "TLSv1.0"; suites: readonly SuiteSeen[] },
): Promise<Outcome<GroupsSeen>> {
  const elliptic = of.suites.filter((suite) => suite.keyExchange === "ECDHE" || suite.name.startsWith("TLS_ECDH_anon"));
  if (elliptic.length === 0) return observed({ groups: [], order: "unknown", negotiated: null });
  const withoutCurve = elliptic.filter((suite) => suite.authentication !== "ECDSA");
  const suites = (withoutCurve.length > 0 ? withoutCurve : elliptic).map(({ id }) => id);
  const candidates = classicGroups.filter((id) => id < 256);
  const ask = (groups: readonly number[]): Promise<Answer> => look.ask({ protocol: of.protocol, suites, groups });
  const removal = await enumerateByRemoval({ protocol: of.protocol, candidates, ask, pick: pointGroup });
  if (!removal.complete && removal.last.kind !== "hello") return unknownOf(removal.last);
  const found = withoutCurve.length > 0 ? removal.picked : await besideCurve(candidates, removal.picked, ask);
  const [top] = found;
  if (top === undefined) return failed("no group was seen in a key exchange with ECDHE");
  const reversed = found.length > 1 ? await ask(found.toReversed()) : undefined;
  const order = reversed?.kind === "hello" ? (pointGroup(reversed.flight) === top ? "server" : "client") : "unknown";
  return observed({ groups: found.map(groupSeen), order, negotiated: groupOf(top).name });
}

/** With ECDSA: each group that is left, before the curves that are known to be taken. */
async function besideCurve(
  candidates: readonly number[],
  found: readonly number[],
  ask: (groups: readonly number[]) => Promise<Answer>,
): Promise<readonly number[]> {
  const answers = await Promise.all(
    candidates
      .filter((group) => !found.includes(group) && group >= 23)
      .map(async (group) => {
        const answer = await ask([group, ...found]);
        return answer.kind === "hello" && pointGroup(answer.flight) === group ? [group] : [];
      }),
  );
  return [...found, ...answers.flat()];
}

function decider(by: ModernSeen["groupsBy"]): GroupsSeen["order"] | undefined {
  return by === "single" ? "unknown" : by;
}

function orderOf(reversed: Answer | undefined, top: number | undefined): GroupsSeen["order"] {
  if (reversed?.kind !== "hello") return "unknown";
  return shareGroup(reversed.flight) === top ? "server" : "client";
}

/** The order that the server lists, then what it takes without listing it. */
function inOrder(groups: readonly number[], listed: readonly number[] | null): number[] {
  const known = (listed ?? []).filter((id) => groups.includes(id));
  return [...known, ...groups.filter((id) => !known.includes(id))];
}

function shareGroup(flight: Flight): number | undefined {
  const data = findExtension(flight.serverHello.extensions ?? [], extensionTypes.keyShare);
  return data === undefined ? undefined : decodeServerKeyShare(data).group;
}

function pointGroup(flight: Flight): number | undefined {
  return flight.keyExchange?.kind === "ECDHE" ? flight.keyExchange.group : undefined;
}

function groupSeen(id: number): GroupSeen {
  const { name, postQuantum, rsaBits, classicalRsaBits } = groupOf(id);
  return { id, name, postQuantum, rsaBits, classicalRsaBits };
}
