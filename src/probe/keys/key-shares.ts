import { setTimeout } from "node:timers/promises";

import { decodeServerKeyShare, extensionTypes, findExtension, groupOf, bitLength, hex } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import type { HelloPlan } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { observed, untestable, valueOf } from "../outcome.ts";
import { olderProtocols, suiteProtocols, withoutSuites, type VersionsSeen } from "../suites/versions.ts";
import type { KeyShareReuse, Outcome, SuiteProtocol, SuiteSeen } from "../types.ts";

/** Fewer samples than this say little. */
const wanted = 5;

type Sample = { readonly kind: "TLSv1.3" | "ECDHE" | "DHE"; readonly group: string; readonly value: string };

/**
 * Probe `key-shares`. Needs: all other probes done. Gives: how many public values were seen, how many differ. Samples come from connections
 * made anyway; single connections in a row fill up to 5 per kind, because reuse can end after a while. Where values repeat, one more a second later
 * tells whether they still do then.
 */
export async function probeKeyShares(
  look: Look,
  known: { versions: VersionsSeen; groups: readonly number[] },
): Promise<Outcome<KeyShareReuse>> {
  const plans = topUpPlans(known);
  if (plans.length === 0 && samplesOf(look.flights).length === 0)
    return withoutSuites(known.versions, {
      names: suiteProtocols,
      isMeant: isEphemeral,
      without: "no ephemeral key exchange is offered",
      otherwise: "no hello with an ephemeral key exchange can be made of what is known",
    });
  await Promise.all(plans.map((plan) => topUp(look, plan)));
  const earlier = samplesOf(look.flights);
  const reused = plans.filter(({ kind }) => isReused(earlier, kind));
  const later = reused.length === 0 ? [] : await sampleLater(look, reused);
  const samples = summarise(samplesOf(look.flights)).map((sample) => withLater(sample, earlier, later));
  return samples.length === 0 ? untestable("no public value of the server was seen") : observed({ samples });
}

/** Values that a server has used again are taken for lasting when this many milliseconds do not change them. */
const laterMs = 1050;

function isReused(samples: readonly Sample[], kind: Sample["kind"]): boolean {
  return summarise(samples).some((entry) => entry.kind === kind && entry.distinct < entry.seen);
}

async function sampleLater(look: Look, plans: readonly TopUp[]): Promise<readonly Sample[]> {
  await setTimeout(laterMs);
  const answers = await Promise.all(plans.map(({ plan }) => look.ask(plan)));
  return samplesOf(answers.flatMap((answer) => (answer.kind === "hello" ? [answer.flight] : [])));
}

function withLater(
  sample: KeyShareReuse["samples"][number],
  earlier: readonly Sample[],
  later: readonly Sample[],
): KeyShareReuse["samples"][number] {
  const isSame = ({ kind, group }: Sample): boolean => kind === sample.kind && group === sample.group;
  const again = later.find(isSame);
  if (again === undefined) return sample;
  return { ...sample, lasts: earlier.some((one) => isSame(one) && one.value === again.value) };
}

/** Counts per kind and group. */
export function summarise(samples: readonly Sample[]): KeyShareReuse["samples"] {
  const byGroup = Map.groupBy(samples, ({ kind, group }) => `${kind} ${group}`);
  return [...byGroup.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined
      ? []
      : [
          {
            kind: first.kind,
            group: first.group,
            seen: same.length,
            distinct: new Set(same.map(({ value }) => value)).size,
          },
        ];
  });
}

/** Every public value of the server in these flights. */
export function samplesOf(flights: readonly Flight[]): Sample[] {
  return flights.flatMap((flight): Sample[] => {
    const exchange = flight.keyExchange;
    if (exchange?.kind === "ECDHE")
      return [{ kind: "ECDHE", group: groupOf(exchange.group).name, value: hex(exchange.point) }];
    if (exchange?.kind === "DHE")
      return [{ kind: "DHE", group: `DH ${bitLength(exchange.prime)}`, value: hex(exchange.publicValue) }];
    const data =
      flight.protocol === "TLSv1.3" && !flight.isRetry
        ? findExtension(flight.serverHello.extensions ?? [], extensionTypes.keyShare)
        : undefined;
    if (data === undefined) return [];
    const share = decodeServerKeyShare(data);
    return [{ kind: "TLSv1.3", group: groupOf(share.group).name, value: hex(share.exchange) }];
  });
}

interface TopUp {
  readonly kind: Sample["kind"];
  readonly plan: HelloPlan;
}

function topUpPlans({ versions, groups }: Parameters<typeof probeKeyShares>[1]): TopUp[] {
  const suitesOf = (name: SuiteProtocol) => valueOf(versions[name].suites)?.suites;
  const plans: TopUp[] = [];
  const shares = [29, 23, 24].filter((group) => groups.includes(group)).slice(0, 1);
  const modern = suitesOf("TLSv1.3");
  if (modern !== undefined && shares.length > 0) {
    plans.push({
      kind: "TLSv1.3",
      plan: { protocol: "TLSv1.3", suites: modern.map(({ id }) => id), groups: shares, shares },
    });
  }
  const protocol = olderProtocols.find((name) => suitesOf(name) !== undefined);
  if (protocol === undefined) return plans;
  for (const kind of ["ECDHE", "DHE"] as const) {
    const ids = (suitesOf(protocol) ?? []).filter((suite) => suite.keyExchange === kind).map(({ id }) => id);
    if (ids.length > 0) plans.push({ kind, plan: { protocol, suites: ids } });
  }
  return plans;
}

/** Every suite of TLS 1.3 is used with one, or with a PSK. */
function isEphemeral({ id, keyExchange }: SuiteSeen): boolean {
  return id >> 8 === 0x13 || keyExchange === "ECDHE" || keyExchange === "DHE";
}

async function topUp(look: Look, { kind, plan }: TopUp): Promise<void> {
  const most = (): number =>
    Math.max(0, ...summarise(samplesOf(look.flights)).flatMap((entry) => (entry.kind === kind ? [entry.seen] : [])));
  if (look.isFar()) {
    await Promise.all(Array.from({ length: Math.max(0, wanted - most()) }, () => look.ask(plan)));
    return;
  }
  for (let missing = wanted - most(); missing > 0; missing--) {
    const answer = await look.ask(plan);
    if (answer.kind !== "hello") return;
  }
}
