/**
 * What reference browsers get from this server, worked out offline. SSL Labs judges by browsers with and without TLS 1.3: each current one is
 * taken with every one of TLS 1.3 and TLS 1.2 that the server offers; where it offers neither, browsers of old are taken.
 */
import type { Observations, SuiteProtocol, SuiteSeen } from "../probe/index.ts";
import { before13, currentBrowsers } from "./clients/reference.ts";
import { negotiate } from "./clients/simulate.ts";
import type { Simulation } from "./clients/simulate.ts";
import type { ClientProfile } from "./clients/types.ts";
import { offers } from "./facts.ts";
import { allOf, anyOf, no, unknown, yes } from "./verdict.ts";
import type { Statement } from "./verdict.ts";

type Test = (suite: SuiteSeen) => boolean;

/** What is asked of what browsers negotiate: of all that connect, or of some. */
interface Question {
  readonly clients: readonly ClientProfile[];
  readonly test: Test;
  readonly of: "all" | "some";
}

const everyBrowser = [...currentBrowsers, ...before13];

/** Does the test hold for all that reference browsers negotiate? */
export function browsersGet(observations: Observations, test: Test): Statement {
  const modern = (["TLSv1.3", "TLSv1.2"] as const)
    .map((protocol) => ({ protocol, offered: offers(observations, protocol) }))
    .filter(({ offered }) => offered.truth !== false);
  if (modern.length === 0) {
    const older = bestOf(observations, ["TLSv1.1", "TLSv1.0", "SSLv3"], { clients: everyBrowser, test, of: "all" });
    return older ?? unknown("no protocol from SSLv3 to TLSv1.3 is offered");
  }
  const question: Question = { clients: currentBrowsers, test, of: "all" };
  return allOf(
    modern.map(({ protocol, offered }) =>
      offered.truth === true ? negotiated(observations, protocol, question) : offered,
    ),
  );
}

/** Does the test hold for something that a browser negotiates with the best of TLS 1.2 and 1.1? Offering neither is no. */
export function legacyBrowserGets(observations: Observations, test: Test): Statement {
  return (
    bestOf(observations, ["TLSv1.2", "TLSv1.1"], { clients: everyBrowser, test, of: "some" }) ??
    no("neither TLSv1.2 nor TLSv1.1 is offered")
  );
}

/** The answer for the first protocol of the list that is offered, null when none is; an unknown before it leaves all open. */
function bestOf(observations: Observations, protocols: readonly SuiteProtocol[], question: Question): Statement | null {
  for (const protocol of protocols) {
    const offered = offers(observations, protocol);
    if (offered.truth === "unknown") return offered;
    if (offered.truth) return negotiated(observations, protocol, question);
  }
  return null;
}

/** The answer for one protocol that is offered. */
function negotiated(observations: Observations, protocol: SuiteProtocol, { clients, test, of }: Question): Statement {
  const seen = observations.cipherSuites[protocol];
  if (seen?.state !== "observed") return unknown(`${protocol} suites: ${seen?.why ?? "not looked at"}`);
  const { suites } = seen.value;
  if (suites.length === 0) return unknown(`${protocol} suites: none found although the protocol is offered`);
  const judged = (suite: SuiteSeen): Statement => {
    const text = `${protocol} gives ${suite.name}`;
    return test(suite) ? yes(text) : no(text);
  };
  const answers = clients
    .filter((client) => client.protocols.includes(protocol))
    .map((client) => negotiate(client, observations, protocol))
    .flatMap((simulation) => answerOf(simulation, judged));
  if (answers.length > 0) return of === "all" ? allOf(answers) : anyOf(answers);
  // No browser has any of these suites: the answer stands only where it is the same for every client.
  const same = unanimous(suites.map(judged));
  return same.truth === "unknown" ? unknown(`${protocol}: no reference browser has a suite in common`) : same;
}

/** What one browser says; nothing where it does not connect. */
function answerOf(simulation: Simulation, judged: (suite: SuiteSeen) => Statement): readonly Statement[] {
  if (simulation.state === "refused") return [];
  if (simulation.state === "connects") return [judged(simulation.suite)];
  if (simulation.possible.length === 0) return [unknown(simulation.why)];
  const same = unanimous(simulation.possible.map(judged));
  return [same.truth === "unknown" ? unknown(simulation.why) : same];
}

/** True or false where all are, else unknown. */
function unanimous(statements: readonly Statement[]): Statement {
  const all = allOf(statements);
  return all.truth === true || anyOf(statements).truth === false ? all : unknown("");
}
