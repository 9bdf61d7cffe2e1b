/** Questions about observations that several rules ask, answered in three values. */
import type {
  CertificateSeen,
  ChainSeen,
  Observations,
  ProtocolName,
  SuiteProtocol,
  SuiteSeen,
} from "../probe/index.ts";
import { isUnregistered } from "./suites.ts";
import { anyOf, no, stated, unknown, yes } from "./verdict.ts";
import type { Statement } from "./verdict.ts";

/** Oldest first. */
export const protocolNames: readonly ProtocolName[] = ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
export const suiteProtocols: readonly SuiteProtocol[] = ["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
/** Those whose suites name a key exchange and a mode; TLS 1.3 has neither DHE suites nor RC4 nor CBC. */
export const olderSuiteProtocols: readonly SuiteProtocol[] = suiteProtocols.filter(
  (protocol) => protocol !== "TLSv1.3",
);
/** Protocols whose handshake has renegotiation, compression, CBC and RSA key exchange. */
const beforeTls13: readonly ProtocolName[] = protocolNames.filter((protocol) => protocol !== "TLSv1.3");

/** Is the protocol offered? */
export function offers(observations: Observations, protocol: ProtocolName): Statement {
  return stated(
    observations.protocols[protocol],
    (support) => {
      if (support.offered) return yes(`${protocol} is accepted`);
      if (support.answer === "alert") return no(`${protocol}: alert ${support.alert}`);
      return no(
        `${protocol}: ${support.answer === "other-version" ? `answered with ${support.version}` : support.answer}`,
      );
    },
    `${protocol}: `,
  );
}

/** Is any protocol before TLS 1.3 offered? */
export function offersBeforeTls13(observations: Observations): Statement {
  const statement = anyOf(beforeTls13.map((protocol) => offers(observations, protocol)));
  return statement.truth === false ? no("only TLSv1.3 is offered") : statement;
}

export interface SuitesOverall {
  readonly seen: readonly { readonly protocol: SuiteProtocol; readonly suite: SuiteSeen }[];
  /** What was not learned, and why; none means that `seen` is all there is. SSLv2's own suites are never looked at. */
  readonly gaps: readonly string[];
}

/** The suites of the given protocols (all, unless told), with the gaps in what is known about them. */
export function suitesOf(
  observations: Observations,
  protocols: readonly SuiteProtocol[] = suiteProtocols,
): SuitesOverall {
  const seen: SuitesOverall["seen"][number][] = [];
  const gaps: string[] = [];
  for (const protocol of protocols) {
    const offered = offers(observations, protocol);
    const suites = observations.cipherSuites[protocol];
    if (offered.truth === "unknown") gaps.push(offered.because);
    if (suites?.state === "observed") seen.push(...suites.value.suites.map((suite) => ({ protocol, suite })));
    if (suites?.state === "observed") {
      gaps.push(
        ...suites.value.suites
          .filter(isUnregistered)
          .map(({ name }) => `${protocol}: nothing is known of suite ${name}`),
      );
    }
    if (offered.truth !== true) continue;
    if (suites === undefined) gaps.push(`${protocol} suites: not looked at`);
    else if (suites.state !== "observed") gaps.push(`${protocol} suites: ${suites.why}`);
    else if (suites.value.suites.length === 0)
      gaps.push(`${protocol} suites: none found although the protocol is offered`);
  }
  return { seen, gaps };
}

/** Is there a suite for which the test holds? Found is true whatever else is unknown; not found is false only without gaps. */
export function someSuite(
  observations: Observations,
  test: (suite: SuiteSeen) => boolean,
  protocols: readonly SuiteProtocol[] = suiteProtocols,
): Statement {
  const { seen, gaps } = suitesOf(observations, protocols);
  const found = seen.filter(({ suite }) => test(suite));
  if (found.length > 0) return yes(`${listed(found.map(({ protocol, suite }) => `${suite.name} (${protocol})`))}`);
  return gaps.length > 0 ? unknown(gaps.join("; ")) : no(`none among ${seen.length} suites seen`);
}

/** Is there a chain for which the test holds? No chain at all is unknown. */
export function someChain(observations: Observations, test: (chain: ChainSeen) => Statement): Statement {
  return stated(
    observations.certificates,
    (chains) => {
      return chains.length === 0 ? unknown("no certificate was seen") : anyOf(chains.map(test));
    },
    "certificates: ",
  );
}

/** Is there a certificate (of any chain, `leaf` the server's own) for which the test holds? */
export function someCertificate(
  observations: Observations,
  test: (certificate: CertificateSeen, leaf: boolean) => Statement,
): Statement {
  return someChain(observations, (chain) => {
    if (chain.certificates.length === 0) return unknown("a chain without a certificate was seen");
    return anyOf(chain.certificates.map((certificate, index) => test(certificate, index === 0)));
  });
}

/** At most five names, then how many more. */
export function listed(names: readonly string[]): string {
  const unique = [...new Set(names)];
  return unique.length <= 5 ? unique.join(", ") : `${unique.slice(0, 5).join(", ")} and ${unique.length - 5} more`;
}
