import { decodeServerKeyShare, extensionTypes, findExtension } from "../../wire/index.ts";
import { describeAnswer, type Answer, type Flight } from "../client/answer.ts";
import { candidateChunks } from "./candidates.ts";
import { modernGroups } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { failed, observed, untestable, type Unknown } from "../outcome.ts";
import { findPreference } from "./preference.ts";
import { enumerateByRemoval, type Removal } from "./removal.ts";
import { suiteSeen } from "./suite-seen.ts";
import { isRefusal, supportOf } from "../support.ts";
import type { Outcome, ProtocolSupport, SuitesSeen } from "../types.ts";

const protocol = "TLSv1.3";

/** TLS 1.3 as far as the unprotected part of its handshake tells. */
export interface ModernSeen {
  readonly support: Outcome<ProtocolSupport>;
  readonly suites: Outcome<SuitesSeen> | undefined;
  /** Group numbers, in the order in which the server picked them. */
  readonly groups: Outcome<readonly number[]>;
  /** The answer to a hello that offers everything, and who decides among groups, where these are known already. */
  readonly natural?: Answer;
  readonly groupsBy?: "server" | "client" | "single";
  /** Where the orders are only likely yet: what they turn out to be. */
  readonly final?: Promise<Omit<ModernSeen, "support" | "final">>;
}

/** Asks for suites and groups at once. */
type Ask = (suites: readonly number[], groups: readonly number[]) => Promise<Answer>;

/** The first hello to any target: TLS 1.3, everything, no key share. */
export function askModern(look: Look): Promise<Answer> {
  return look.ask({ protocol, suites: modernSuites, groups: modernGroups });
}

/** A hello that offers all groups, with the key shares of current browsers. */
export function askNatural(look: Look, suites: readonly number[]): Promise<Answer> {
  return look.ask({ protocol, suites, groups: modernGroups, shares: [0x11ec, 29] });
}

export const modernSuites: readonly number[] = candidateChunks(protocol).flat();

/**
 * Probe `modern`. Needs: the first answer. Gives: support, suites and groups of TLS 1.3.
 * A hello without a key share makes the server answer with a HelloRetryRequest that names its suite and its group: both lists shrink
 * together, no public-key work is done on either side. Connections: the longer list and 4 more; on a server that is far
 * away about 10 more, in two rounds.
 */
export async function probeModernSuites(look: Look, first: Answer): Promise<ModernSeen> {
  const { answer, shares } = await bearable(look, first);
  const support = supportOf(protocol, answer);
  if (support.state !== "observed") return { support, suites: undefined, groups: support };
  if (!support.value.offered) return { support, suites: undefined, groups: untestable("TLS 1.3 is not offered") };

  if (look.isFar() && answer.kind === "hello")
    return (await import("./far-modern.ts")).farModern(look, { flight: answer.flight, shares, support });
  const ask: Ask = (suites, groups) =>
    look.ask({ protocol, suites, groups, shares: shares.filter((group) => groups.includes(group)) });
  const both = await removeTogether(ask, answer);
  const [suites, groups] = await Promise.all([finishSuites(ask, both), finishGroups(ask, both)]);
  const groupsSeen = groups.complete ? observed(groups.picked) : unfinished("groups", groups);
  return {
    support,
    suites: suites.complete ? await withPreference(look, suites, groups.picked) : unfinished("suites", suites),
    groups: groupsSeen,
  };
}

/** The group that a ServerHello or HelloRetryRequest names. */
export function groupOfFlight(flight: Flight): number | undefined {
  const data = findExtension(flight.serverHello.extensions ?? [], extensionTypes.keyShare);
  return data === undefined ? undefined : decodeServerKeyShare(data).group;
}

/** A server that does not bear an empty list of key shares is asked with one that nearly all know. */
async function bearable(look: Look, first: Answer): Promise<{ answer: Answer; shares: readonly number[] }> {
  if (first.kind === "hello" || (first.kind === "alert" && first.alert === 70) || !isRefusal(first))
    return { answer: first, shares: [] };
  const shares = [29, 23];
  const again = await look.ask({ protocol, suites: modernSuites, groups: modernGroups, shares });
  if (again.kind === "hello" && again.flight.protocol === protocol) return { answer: again, shares };
  return { answer: again.kind === "hello" || isRefusal(again) ? first : again, shares: [] };
}

interface Together {
  readonly suites: readonly number[];
  readonly groups: readonly number[];
  readonly flights: readonly Flight[];
}

/** Removes one suite and one group per connection until the server refuses; which list ended is then open. */
async function removeTogether(ask: Ask, first: Answer): Promise<Together> {
  const suites: number[] = [];
  const groups: number[] = [];
  const flights: Flight[] = [];
  for (
    let answer = first;
    answer.kind === "hello";
    answer = await ask(without(modernSuites, suites), without(modernGroups, groups))
  ) {
    const group = groupOfFlight(answer.flight);
    const suite = answer.flight.serverHello.cipherSuite;
    if (answer.flight.protocol !== protocol || group === undefined || groups.includes(group) || suites.includes(suite))
      break;
    suites.push(suite);
    groups.push(group);
    flights.push(answer.flight);
    if (suites.length === modernSuites.length || groups.length === modernGroups.length) break;
  }
  return { suites, groups, flights };
}

async function finishSuites(ask: Ask, both: Together): Promise<Removal> {
  const rest = await enumerateByRemoval({
    protocol,
    candidates: without(modernSuites, both.suites),
    ask: (left) => ask(left, both.groups),
    pick: (flight) => flight.serverHello.cipherSuite,
  });
  return { ...rest, picked: [...both.suites, ...rest.picked], flights: [...both.flights, ...rest.flights] };
}

async function finishGroups(ask: Ask, both: Together): Promise<Removal> {
  const rest = await enumerateByRemoval({
    protocol,
    candidates: without(modernGroups, both.groups),
    ask: (left) => ask(both.suites, left),
    pick: groupOfFlight,
  });
  return { ...rest, picked: [...both.groups, ...rest.picked], flights: [...both.flights, ...rest.flights] };
}

/** The preference's hellos carry a key share: their answers are samples of the server's public values too. */
async function withPreference(look: Look, found: Removal, groups: readonly number[]): Promise<Outcome<SuitesSeen>> {
  const shares = [29, 23, 24].filter((group) => groups.includes(group)).slice(0, 1);
  const preference = await findPreference(found.picked, (suites) => look.ask({ protocol, suites, groups, shares }));
  if ("state" in preference) return preference;
  return observed({ suites: found.picked.map((id) => suiteSeen(id, undefined)), ...preference });
}

function unfinished(what: string, removal: Removal): Unknown {
  const why = `the list of ${what} is not complete: ${describeAnswer(removal.last)}`;
  return removal.last.kind === "skipped" ? untestable(why) : failed(why);
}

function without(all: readonly number[], some: readonly number[]): number[] {
  return all.filter((id) => !some.includes(id));
}
