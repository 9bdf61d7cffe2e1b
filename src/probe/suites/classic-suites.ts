import { describeAnswer, type Answer, type Flight } from "../client/answer.ts";
import { candidateChunks } from "./candidates.ts";
import type { HelloPlan } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { failed, observed, untestable, type Unknown } from "../outcome.ts";
import { findPreference } from "./preference.ts";
import { enumerateByRemoval, type Removal } from "./removal.ts";
import { suiteSeen } from "./suite-seen.ts";
import { isRefusal, supportOf } from "../support.ts";
import type { Outcome, ProtocolSupport, SuiteProtocol, SuitesSeen } from "../types.ts";

/** One version: whether it is offered, and with which suites when it is. */
export interface VersionSeen {
  readonly support: Outcome<ProtocolSupport>;
  readonly suites: Outcome<SuitesSeen> | undefined;
  /** The server bears only a hello without the rarer extensions. */
  readonly plain: boolean;
  /** Where the order of `suites` is only likely yet: what they turn out to be. */
  readonly final?: Promise<Outcome<SuitesSeen>>;
}

type ClassicProtocol = Exclude<SuiteProtocol, "TLSv1.3">;

/**
 * Probe `suites` of SSL 3.0 to TLS 1.2. Needs: nothing. Gives: support and suites of the version; flights (certificates, key shares, extensions) to the harvest.
 * Connections: 1 where the version is refused, else one per suite, one per hello that is needed for all candidates, and at most 2 for the preference;
 * on a server that is far away about 12 more, all in three rounds.
 */
export async function probeClassicSuites(look: Look, protocol: ClassicProtocol): Promise<VersionSeen> {
  const [likely = [], ...rare] = candidateChunks(protocol);
  const { answer: first, plain } = await firstAnswer(look, protocol, likely);
  const ask = (suites: readonly number[]): Promise<Answer> =>
    look.ask({ protocol, suites, plain, nextProtocols: true });
  const pick = (flight: Flight): number => flight.serverHello.cipherSuite;
  const support = supportOf(protocol, first);
  const isOffered = support.state === "observed" && support.value.offered;
  if (!isOffered && !mayHaveRareSuites(protocol, first)) return { support, suites: undefined, plain };

  if (look.isFar()) {
    const { farSuites } = await import("./far-suites.ts");
    const { suites, found, final } = await farSuites(first, { protocol, ask });
    if (found.length === 0)
      return { support: suites.state === "observed" ? support : suites, suites: undefined, plain };
    return { support: observed({ offered: true }), suites, plain, final };
  }
  const removals = await Promise.all([
    enumerateByRemoval({ protocol, candidates: likely, ask, pick, first }),
    ...rare.map((candidates) => enumerateByRemoval({ protocol, candidates, ask, pick })),
  ]);
  const taken = removals.find((removal) => removal.picked.length > 0);
  if (taken === undefined) {
    const broken = removals.find((removal) => !removal.complete);
    return { support: broken === undefined ? support : incomplete(broken.last), suites: undefined, plain };
  }
  return { support: observed({ offered: true }), suites: await conclude(removals, protocol, ask), plain };
}

/** The rich hello's answer; the plain one's when the server does not seem to bear the rich one. */
async function firstAnswer(
  look: Look,
  protocol: ClassicProtocol,
  suites: readonly number[],
): Promise<{ answer: Answer; plain: boolean }> {
  const plan: HelloPlan = { protocol, suites, nextProtocols: true };
  const answer = await look.ask(plan);
  if (protocol === "SSLv3" || !isIntolerance(protocol, answer)) return { answer, plain: false };
  const again = await look.ask({ ...plan, plain: true });
  if (again.kind === "hello") return { answer: again, plain: true };
  // Without an answer to the plain hello it stays open what was refused: the version, or what is in the rich one.
  return { answer: isRefusal(again) ? answer : again, plain: false };
}

/** protocol_version, internal_error and the like are a plain no; other alerts may be about the hello's contents. */
function isIntolerance(protocol: ClassicProtocol, answer: Answer): boolean {
  if (answer.kind === "alert")
    return ![70, 71, 80, 86].includes(answer.alert) && (protocol === "TLSv1.2" || answer.alert !== 40);
  return protocol === "TLSv1.2" && ["silent", "reset", "closed"].includes(answer.kind);
}

/** handshake_failure says that no suite fits, which leaves the suites that were not in the first hello. */
function mayHaveRareSuites(protocol: ClassicProtocol, answer: Answer): boolean {
  return protocol === "TLSv1.2" && answer.kind === "alert" && answer.alert === 40;
}

async function conclude(
  removals: readonly Removal[],
  protocol: ClassicProtocol,
  ask: (suites: readonly number[]) => Promise<Answer>,
): Promise<Outcome<SuitesSeen>> {
  const broken = removals.find((removal) => !removal.complete);
  if (broken !== undefined) return incomplete(broken.last);
  const withHits = removals.filter((removal) => removal.picked.length > 0);
  const all = withHits.flatMap((removal) => removal.picked);
  // Suites of different hellos have no order among each other yet.
  const ordered =
    withHits.length > 1
      ? await enumerateByRemoval({ protocol, candidates: all, ask, pick: (flight) => flight.serverHello.cipherSuite })
      : undefined;
  if (ordered !== undefined && ordered.picked.length !== all.length) return incomplete(ordered.last);
  const picked = ordered?.picked ?? all;
  const preference = await findPreference(picked, ask);
  if ("state" in preference) return preference;
  const flights = removals.flatMap((removal) => removal.flights);
  return observed({
    suites: picked.map((id) =>
      suiteSeen(
        id,
        flights.find((flight) => flight.serverHello.cipherSuite === id),
      ),
    ),
    ...preference,
  });
}

function incomplete(last: Answer): Unknown {
  const why = `the list of suites is not complete: ${describeAnswer(last)}`;
  return last.kind === "skipped" ? untestable(why) : failed(why);
}
