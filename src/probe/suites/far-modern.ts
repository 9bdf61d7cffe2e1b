import { describeAnswer, type Answer, type Flight } from "../client/answer.ts";
import { findByBurst, orderByBurst, type Burst, type Order } from "./burst.ts";
import { exceptsChaCha, guessedOrder } from "./far-suites.ts";
import { modernGroups } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { askNatural, groupOfFlight, modernSuites, type ModernSeen } from "./modern-suites.ts";
import { failed, observed, untestable, type Unknown } from "../outcome.ts";
import { awayFromChaCha } from "./preference.ts";
import { suiteSeen } from "./suite-seen.ts";
import type { ProtocolSupport, Outcome } from "../types.ts";

const protocol = "TLSv1.3";

/** Asked for one by one; what is rarer goes together. */
const usual = { suites: [0x1301, 0x1302, 0x1303], groups: modernGroups.slice(0, 8) };

/**
 * Suites and groups of TLS 1.3 on a server that is far away: one round of hellos finds what is usual, one more proves both orders and shows what is
 * negotiated when everything is offered. `shares` are sent to a server that does not bear a hello without.
 */
export async function farModern(
  look: Look,
  of: { readonly flight: Flight; readonly shares: readonly number[]; readonly support: Outcome<ProtocolSupport> },
): Promise<ModernSeen> {
  const { flight, shares, support } = of;
  const suite = flight.serverHello.cipherSuite;
  const group = groupOfFlight(flight);
  const ask = (suites: readonly number[], groups: readonly number[]): Promise<Answer> =>
    look.ask({ protocol, suites, groups, shares: shares.filter((id) => groups.includes(id)) });
  const [suites, groups] = await Promise.all([
    findByBurst(parts(modernSuites, usual.suites, suite), {
      protocol,
      ask: (some) => ask(some, modernGroups),
      pick: (seen) => seen.serverHello.cipherSuite,
    }),
    findByBurst(parts(modernGroups, usual.groups, group), {
      protocol,
      ask: (some) => ask(modernSuites, some),
      pick: groupOfFlight,
    }),
  ]);
  const allSuites = guessedOrder([suite, ...suites.found], suite);
  const allGroups = [...(group === undefined ? [] : [group]), ...inOrder(modernGroups, groups.found)];
  const lost = { suites: broken("suites", suites), groups: broken("groups", groups) };
  if (lost.suites !== null || lost.groups !== null)
    return { support, suites: lost.suites ?? lost.groups ?? undefined, groups: lost.groups ?? observed(allGroups) };

  const final = ordered(look, { suites: allSuites, groups: allGroups, ask });
  const likely = { order: allSuites, decides: "server", broken: null } as const;
  return { support, suites: seenSuites(likely, null), groups: observed(allGroups), final };
}

async function ordered(
  look: Look,
  of: {
    readonly suites: readonly number[];
    readonly groups: readonly number[];
    readonly ask: (suites: readonly number[], groups: readonly number[]) => Promise<Answer>;
  },
): Promise<Omit<ModernSeen, "support" | "final">> {
  const { suites, groups, ask } = of;
  const shares = [29, 23, 24].filter((id) => groups.includes(id)).slice(0, 1);
  const ofSuites = {
    protocol,
    ask: (some: readonly number[]) => look.ask({ protocol, suites: some, groups, shares }),
    pick: (seen: Flight) => seen.serverHello.cipherSuite,
    arrange: awayFromChaCha,
  } as const;
  const [suiteOrder, excepts, groupOrder, natural] = await Promise.all([
    orderByBurst(suites, ofSuites),
    exceptsChaCha(suites, ofSuites),
    orderByBurst(groups, { protocol, ask: (some) => ask(suites, some), pick: groupOfFlight }),
    askNatural(look, suites),
  ]);
  return {
    suites: broken("suites", suiteOrder) ?? seenSuites(suiteOrder, excepts),
    groups:
      broken("groups", groupOrder) ??
      observed(groupOrder.decides === "client" ? inOrder(modernGroups, groups) : groupOrder.order),
    natural,
    groupsBy: groupOrder.decides,
  };
}

function broken(what: string, found: Burst | Order): Unknown | null {
  if (found.broken === null) return null;
  const why = `the list of ${what} is not complete: ${describeAnswer(found.broken)}`;
  return found.broken.kind === "skipped" ? untestable(why) : failed(why);
}

function seenSuites({ order, decides }: Order, excepts: boolean | null | Unknown): ModernSeen["suites"] {
  if (excepts !== null && typeof excepts === "object") return excepts;
  const picked = decides === "client" ? inOrder(modernSuites, order) : order;
  return observed({
    suites: picked.map((id) => suiteSeen(id, undefined)),
    preference: decides,
    chachaException: decides === "server" ? excepts : null,
  });
}

function parts(all: readonly number[], alone: readonly number[], taken: number | undefined): number[][] {
  const rest = all.filter((id) => !alone.includes(id));
  return [...alone.map((id) => [id]), rest].map((part) => part.filter((id) => id !== taken));
}

function inOrder(all: readonly number[], some: readonly number[]): number[] {
  return all.filter((id) => some.includes(id));
}
