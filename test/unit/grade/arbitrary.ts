/** Observations at random: servers good and bad, whole or with holes. */
import fc from "fast-check";
import type {
  ChainSeen,
  FlawName,
  Observations,
  Outcome,
  ProtocolName,
  SuiteProtocol,
  SuitesSeen,
} from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { failed, observed, untestable } = build;
const suiteProtocols: readonly SuiteProtocol[] = ["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const modernSuites = build.knownSuites.filter((name) => name.startsWith("TLS_"));
const olderSuites = build.knownSuites.filter((name) => !name.startsWith("TLS_"));

const preference = fc.constantFrom<SuitesSeen["preference"]>("server", "client");
const suitesFor = (protocol: SuiteProtocol): fc.Arbitrary<Outcome<SuitesSeen>> =>
  fc
    .tuple(
      fc.subarray([...(protocol === "TLSv1.3" ? modernSuites : olderSuites)], { minLength: 1 }),
      preference,
      fc.constantFrom(768, 1024, 2048, null),
    )
    .map(([names, order, dhBits]) =>
      build.suites(
        names.map((name) => (name.startsWith("DHE") ? build.suite(name, { dhBits }) : build.suite(name))),
        order,
      ),
    );

/** Good and bad chains, with and without unknowns in them. */
const aChain: fc.Arbitrary<ChainSeen> = fc
  .record({
    bits: fc.constantFrom(1000, 1024, 2048, 4096),
    exponent: fc.constantFrom("1", "65537", null),
    signature: fc.constantFrom("sha256WithRSAEncryption", "sha1WithRSAEncryption", "md5WithRSAEncryption"),
    trusted: fc.boolean(),
    local: fc.boolean(),
    validNow: fc.boolean(),
    named: fc.boolean(),
  })
  .map(({ bits, exponent, signature, trusted, local, validNow, named }) =>
    build.chain(
      { key: { type: "RSA", bits, curve: null, exponent }, signature },
      {
        trust: observed({ trusted, local, anchor: trusted ? "CN=Example Root" : null, reason: null }),
        nameMatches: observed(named),
        validNow,
      },
    ),
  );

const noFlaws = Object.keys(build.flaws()) as readonly FlawName[];
export const allFlaws = (outcome: Outcome<never>): Observations["flaws"] =>
  build.flaws(Object.fromEntries(noFlaws.map((name) => [name, outcome])));
/** Mostly none, sometimes one or two. */
const someFlaws: fc.Arbitrary<readonly FlawName[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<FlawName[]>([]) },
  { weight: 1, arbitrary: fc.subarray([...noFlaws], { minLength: 1, maxLength: 2 }) },
);

/** Complete observations of servers good and bad, mostly good in what is not looked at here. */
export const complete: fc.Arbitrary<Observations> = fc
  .record({
    offered: fc.subarray([...suiteProtocols]),
    ssl2: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    suites: fc.record(
      Object.fromEntries(suiteProtocols.map((name) => [name, suitesFor(name)])) as Record<
        SuiteProtocol,
        fc.Arbitrary<Outcome<SuitesSeen>>
      >,
    ),
    chains: fc.oneof(fc.constant([build.chain()]), fc.array(aChain, { minLength: 1, maxLength: 2 })),
    compression: fc.boolean(),
    renegotiation: fc.boolean(),
    hsts: fc.constantFrom(build.noHsts, build.hsts(0), build.hsts(100), build.hsts(63_072_000)),
    bits: fc.constantFrom(1024, 3072, 7680),
    flaws: someFlaws,
  })
  .map((of) =>
    build.observations({
      ...build.speaking(
        Object.fromEntries(of.offered.map((name) => [name, of.suites[name]])),
        of.ssl2 ? ["SSLv2"] : [],
      ),
      certificates: observed(of.chains),
      compression: observed(of.compression),
      secureRenegotiation: observed(of.renegotiation),
      groups: build.groups([build.group("a group", of.bits)]),
      http: of.hsts,
      flaws: build.flaws(
        Object.fromEntries(of.flaws.map((name) => [name, observed({ present: true, evidence: "it answered" })])),
      ),
    }),
  );

/** What may become unknown, one by one. */
const holes: Readonly<Record<string, (from: Observations) => Observations>> = {
  ...Object.fromEntries(
    (["SSLv2", ...suiteProtocols] as readonly ProtocolName[]).map((name) => [
      `protocol ${name}`,
      (from: Observations) => ({ ...from, protocols: { ...from.protocols, [name]: failed() } }),
    ]),
  ),
  ...Object.fromEntries(
    suiteProtocols.map((name) => [
      `suites of ${name}`,
      (from: Observations) =>
        from.cipherSuites[name] === undefined
          ? from
          : { ...from, cipherSuites: { ...from.cipherSuites, [name]: failed() } },
    ]),
  ),
  suites: (from) => ({ ...from, cipherSuites: {} }),
  certificates: (from) => ({ ...from, certificates: failed() }),
  trust: (from) => eachChain(from, (chain) => ({ ...chain, trust: failed() })),
  names: (from) => eachChain(from, (chain) => ({ ...chain, nameMatches: untestable() })),
  compression: (from) => ({ ...from, compression: failed() }),
  renegotiation: (from) => ({ ...from, secureRenegotiation: failed() }),
  groups: (from) => ({ ...from, groups: failed() }),
  http: (from) => ({ ...from, http: failed() }),
  flaws: (from) => ({ ...from, flaws: allFlaws(failed()) }),
  ...Object.fromEntries(
    noFlaws.map((name) => [
      name,
      (from: Observations) => ({ ...from, flaws: { ...from.flaws, [name]: untestable("no time left") } }),
    ]),
  ),
};

function eachChain(from: Observations, change: (chain: ChainSeen) => ChainSeen): Observations {
  return from.certificates.state === "observed"
    ? { ...from, certificates: observed(from.certificates.value.map(change)) }
    : from;
}

export const someHoles = fc.subarray(Object.keys(holes), { minLength: 1 });
export const punched = (from: Observations, names: readonly string[]): Observations =>
  names.reduce((now, name) => holes[name]?.(now) ?? now, from);
