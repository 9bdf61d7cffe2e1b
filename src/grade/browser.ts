/**
 * What reference browsers get from this server, worked out offline. One documented stand-in until the reference clients are recorded: a
 * browser that offers every ECDHE AEAD suite first, then ECDHE with CBC, DHE, RSA key exchange, and 64-bit blocks and RC4 last, as the
 * reference browsers that lack TLS 1.3 did. Where the server enforces its order, its first suite that the browser has is taken; elsewhere
 * the browser's first that the server has.
 */
import type { Observations, SuiteProtocol, SuiteSeen } from "../probe/index.ts";
import { offers } from "./facts.ts";
import { allOf, anyOf, no, unknown, yes } from "./verdict.ts";
import type { Statement } from "./verdict.ts";

/** IANA numbers in the browser's order. */
const browserSuites: readonly number[] = [
  [0x1301, 0x1302, 0x1303], // TLS 1.3
  [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8], // ECDHE, AEAD
  [0xc009, 0xc013, 0xc00a, 0xc014, 0xc023, 0xc027, 0xc024, 0xc028], // ECDHE, CBC
  [0x009e, 0x009f, 0xccaa, 0x0033, 0x0039, 0x0067, 0x006b], // DHE
  [0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x003d], // RSA
  [0xc008, 0xc012, 0x0016, 0x000a], // 3DES
  [0xc007, 0xc011, 0x0005, 0x0004], // RC4
].flat();

/**
 * Does the test hold for what reference browsers negotiate? They use TLS 1.3 where offered, and TLS 1.2 where offered (those without 1.3);
 * with neither, the best protocol there is. Every one of these must satisfy the test.
 */
export function browsersGet(observations: Observations, test: (suite: SuiteSeen) => boolean): Statement {
  const modern = (["TLSv1.3", "TLSv1.2"] as const)
    .map((protocol) => ({ protocol, offered: offers(observations, protocol) }))
    .filter(({ offered }) => offered.truth !== false);
  if (modern.length === 0) {
    const older = bestOf(observations, ["TLSv1.1", "TLSv1.0", "SSLv3"], test);
    return older ?? unknown("no protocol from SSLv3 to TLSv1.3 is offered");
  }
  return allOf(
    modern.map(({ protocol, offered }) =>
      offered.truth === true ? negotiatedSuite(observations, protocol, test) : offered,
    ),
  );
}

/** Does the test hold for what a browser without TLS 1.3 negotiates with the best of TLS 1.2 and 1.1? Offering neither is no. */
export function legacyBrowserGets(observations: Observations, test: (suite: SuiteSeen) => boolean): Statement {
  return bestOf(observations, ["TLSv1.2", "TLSv1.1"], test) ?? no("neither TLSv1.2 nor TLSv1.1 is offered");
}

/** The test on the first protocol of the list that is offered, null when none is; an unknown before it leaves all open. */
function bestOf(
  observations: Observations,
  protocols: readonly SuiteProtocol[],
  test: (suite: SuiteSeen) => boolean,
): Statement | null {
  for (const protocol of protocols) {
    const offered = offers(observations, protocol);
    if (offered.truth === "unknown") return offered;
    if (offered.truth) return negotiatedSuite(observations, protocol, test);
  }
  return null;
}

/** The test on what the browser negotiates with one protocol that is offered. */
function negotiatedSuite(
  observations: Observations,
  protocol: SuiteProtocol,
  test: (suite: SuiteSeen) => boolean,
): Statement {
  const seen = observations.cipherSuites[protocol];
  if (seen?.state !== "observed") return unknown(`${protocol} suites: ${seen?.why ?? "not looked at"}`);
  const { suites, preference } = seen.value;
  const rank = (suite: SuiteSeen): number => browserSuites.indexOf(suite.id);
  const common = suites.filter((suite) => rank(suite) >= 0);
  const chosen = preference === "client" ? common.toSorted((a, b) => rank(a) - rank(b))[0] : common[0];
  if (chosen !== undefined) return judged(chosen, protocol, test);
  if (suites.length === 0) return unknown(`${protocol} suites: none found although the protocol is offered`);
  // No browser has any of these suites: the answer stands only where it is the same for every client.
  const each = suites.map((suite) => judged(suite, protocol, test));
  const all = allOf(each);
  return all.truth === true || anyOf(each).truth === false
    ? all
    : unknown(`${protocol}: no reference browser has a suite in common`);
}

function judged(suite: SuiteSeen, protocol: SuiteProtocol, test: (suite: SuiteSeen) => boolean): Statement {
  const text = `${protocol} gives ${suite.name}`;
  return test(suite) ? yes(text) : no(text);
}
