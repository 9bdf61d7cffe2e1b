import type { Answer } from "./client/answer.ts";
import type { VersionSeen } from "./suites/classic-suites.ts";
import type { Exchanged } from "./features/exchange.ts";
import type { FlawsSeen } from "./flaws/index.ts";
import type { DnsFound } from "./dns/dns.ts";
import type { Look } from "./look.ts";
import type { ModernSeen } from "./suites/modern-suites.ts";
import type { DhSeen, GroupsSeen, KeyShareReuse, Observations, Outcome, ProtocolSupport } from "./types.ts";

/** The model of what is known about a target: each fact is given by one probe. */
export interface Facts {
  readonly first: Answer;
  readonly modern: ModernSeen;
  readonly tls12: VersionSeen;
  readonly tls11: VersionSeen;
  readonly tls10: VersionSeen;
  readonly ssl3: VersionSeen;
  readonly ssl2: Outcome<ProtocolSupport>;
  readonly exchange: Exchanged;
  /** Undefined where the version is not offered. */
  readonly modernSignatures: Outcome<readonly string[]> | undefined;
  readonly classicSignatures: Outcome<readonly string[]> | undefined;
  readonly fallback: Observations["fallbackScsv"];
  readonly protocols: Observations["applicationProtocols"];
  readonly classicResumption: Omit<Observations["resumption"], "psk">;
  readonly resumption: Observations["resumption"];
  readonly nameless: Observations["withoutServerName"];
  readonly tolerance: Observations["tolerance"];
  readonly dh: readonly DhSeen[];
  readonly redirect: Observations["redirect"];
  readonly dns: DnsFound;
  readonly quic: Outcome<readonly string[] | null>;
  readonly groups: Outcome<GroupsSeen>;
  readonly keyShares: Outcome<KeyShareReuse>;
  readonly flaws: FlawsSeen;
}

type FactName = keyof Facts;

/** A question: what it must know beforehand, and what it finds out. */
export interface Probe {
  readonly gives: FactName;
  readonly needs: readonly FactName[];
  /** What is enough on a target that is far away, where waiting costs more than another connection. */
  readonly needsFar?: readonly FactName[];
  /** What is needed besides, by what those have shown. */
  readonly alsoFar?: (known: Facts) => readonly FactName[];
  readonly run: (look: Look, known: Facts) => Promise<Facts[FactName]>;
}

/** Declares a probe, so that `run` sees only the facts that it needs. */
export function probe<Given extends FactName, Needed extends FactName>(of: {
  readonly gives: Given;
  readonly needs: readonly Needed[];
  readonly needsFar?: readonly Needed[];
  readonly alsoFar?: (known: Pick<Facts, Needed>) => readonly Needed[];
  readonly run: (look: Look, known: Pick<Facts, Needed>) => Promise<Facts[Given]>;
}): Probe {
  return of;
}

/** Runs all probes, each as soon as the facts that it needs are there. `given` holds facts that are known already. */
export async function runProbes(look: Look, probes: readonly Probe[], given: Partial<Facts>): Promise<Facts> {
  const facts: Partial<Record<FactName, Facts[FactName]>> = { ...given };
  const pending = new Map<FactName, Promise<void>>();
  const settle = async (wanted: FactName): Promise<void> => {
    if (Object.hasOwn(facts, wanted)) return;
    const running = pending.get(wanted) ?? start(wanted);
    pending.set(wanted, running);
    await running;
  };
  const start = async (wanted: FactName): Promise<void> => {
    const found = probes.find((candidate) => candidate.gives === wanted);
    if (found === undefined) throw new Error(`no probe gives ${wanted}`);
    const needs = look.isFar() ? (found.needsFar ?? found.needs) : found.needs;
    await Promise.all(needs.map(settle));
    if (look.isFar()) await Promise.all((found.alsoFar?.(facts as Facts) ?? []).map(settle));
    facts[wanted] = await found.run(look, facts as Facts);
  };
  await Promise.all(probes.map(({ gives }) => settle(gives)));
  return facts as Facts;
}
