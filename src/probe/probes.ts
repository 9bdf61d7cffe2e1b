import { probeClassicSuites, type VersionSeen } from "./suites/classic-suites.ts";
import { probeDns } from "./dns/index.ts";
import { exchangeClassic, exchangeModern, nothingExchanged, type Exchanged } from "./features/exchange.ts";
import { probe, type Facts, type Probe } from "./graph.ts";
import { probeClassicGroups, probeModernGroups } from "./keys/groups.ts";
import { probeKeyShares } from "./keys/key-shares.ts";
import { probeModernSuites } from "./suites/modern-suites.ts";
import { probeFallback } from "./features/fallback.ts";
import { probeNameless } from "./certificates/nameless.ts";
import { untestable, valueOf } from "./outcome.ts";
import { probeProtocols, type AlpnWay } from "./features/protocols.ts";
import { probeClassicResumption, probeResumption } from "./features/resumption.ts";
import { probeClassicSignatures, probeModernSignatures } from "./keys/signatures.ts";
import { settleModern } from "./suites/settle.ts";
import { probeSsl2 } from "./suites/ssl2.ts";
import { probeTolerance } from "./features/tolerance.ts";
import { suiteProtocols, versionsOf, type VersionsSeen } from "./suites/versions.ts";
import type { Outcome, SuiteProtocol, SuitesSeen } from "./types.ts";

/** What each version of TLS, and SSL 3.0, offers. */
const versionFacts = ["modern", "tls12", "tls11", "tls10", "ssl3"] as const;

/** Every probe of a whole look. The order of this list does not matter: each states what it needs. */
export const allProbes: readonly Probe[] = [
  probe({ gives: "modern", needs: ["first"], run: (look, known) => probeModernSuites(look, known.first) }),
  probe({ gives: "tls12", needs: ["first"], run: (look) => probeClassicSuites(look, "TLSv1.2") }),
  probe({ gives: "tls11", needs: ["first"], run: (look) => probeClassicSuites(look, "TLSv1.1") }),
  probe({ gives: "tls10", needs: ["first"], run: (look) => probeClassicSuites(look, "TLSv1.0") }),
  probe({ gives: "ssl3", needs: ["first"], run: (look) => probeClassicSuites(look, "SSLv3") }),
  probe({ gives: "ssl2", needs: ["first"], run: (look) => probeSsl2(look) }),
  probe({
    gives: "exchange",
    needs: ["modern", "tls12"],
    needsFar: ["modern"],
    alsoFar: (known) => (modernLists(known.modern) === undefined ? ["tls12"] : []),
    async run(look, known): Promise<Exchanged> {
      const modern = modernLists(known.modern);
      if (modern !== undefined) return exchangeModern(look, modern);
      const classic = valueOf(known.tls12.suites);
      if (classic !== undefined) return exchangeClassic(look, classic.suites, { "TLSv1.3": known.modern });
      return {
        ...nothingExchanged(untestable("no version of TLS that a connection can be completed with here")),
        tickets: null,
      };
    },
  }),
  probe({
    gives: "modernSignatures",
    needs: ["modern", "exchange"],
    async run(look, known) {
      const modern = modernLists(known.modern);
      return modern === undefined ? undefined : probeModernSignatures(look, modern);
    },
  }),
  probe({
    gives: "classicSignatures",
    needs: ["tls12"],
    async run(look, known) {
      const classic = valueOf(known.tls12.suites);
      return classic === undefined ? undefined : probeClassicSignatures(look, classic.suites);
    },
  }),
  probe({
    gives: "fallback",
    needs: versionFacts,
    run: (look, known) => probeFallback(look, versionsOf(known)),
  }),
  probe({
    gives: "protocols",
    needs: ["modern", "tls12", "exchange"],
    async run(look, known) {
      const way = alpnWay(known);
      return way === undefined
        ? untestable("no version of TLS that ALPN can be asked of here")
        : probeProtocols(look, { way, exchange: known.exchange });
    },
  }),
  probe({
    gives: "classicResumption",
    needs: versionFacts,
    run: (look, known) => probeClassicResumption(look, versionsOf(known)),
  }),
  probe({
    gives: "resumption",
    needs: [...versionFacts, "exchange", "classicResumption"],
    run: async (look, known) =>
      probeResumption(look, {
        versions: versionsOf(known),
        exchange: known.exchange,
        classic: known.classicResumption,
      }),
  }),
  probe({
    gives: "nameless",
    needs: [...versionFacts, "exchange"],
    run: (look, known) => probeNameless(look, listsOf(known)),
  }),
  probe({
    gives: "tolerance",
    needs: versionFacts,
    run: (look, known) => probeTolerance(look, listsOf(known)),
  }),
  probe({
    gives: "dh",
    needs: ["keyShares"],
    async run(look) {
      const hasDh = look.flights.some(({ keyExchange }) => keyExchange?.kind === "DHE");
      return hasDh ? (await import("./keys/dh.ts")).harvestDh(look.flights) : [];
    },
  }),
  probe({
    gives: "redirect",
    needs: ["first"],
    // What others wait for goes before what nothing waits for.
    needsFar: ["exchange"],
    async run(look) {
      return (await import("./http/redirect.ts")).probeRedirect(look, look.plainPort);
    },
  }),
  probe({ gives: "dns", needs: ["first"], run: (look) => probeDns(look) }),
  probe({
    gives: "quic",
    needs: ["first"],
    async run(look) {
      return (await import("./http/http3.ts")).probeQuic(look);
    },
  }),
  probe({
    gives: "groups",
    needs: ["modern", "tls12", "tls11", "tls10", "exchange"],
    async run(look, known) {
      const seen = await settleModern(known.modern);
      const modern = modernLists(seen);
      if (modern !== undefined) return probeModernGroups(look, { ...modern, listed: known.exchange.groupList, seen });
      if (valueOf(known.modern.support)?.offered === true)
        return unknownGroups(known.modern.groups.state === "observed" ? known.modern.suites : known.modern.groups);
      // What older versions choose among says nothing of the newest one's hybrids.
      if (known.modern.support.state !== "observed") return known.modern.support;
      const newest = (
        [
          ["TLSv1.2", known.tls12],
          ["TLSv1.1", known.tls11],
          ["TLSv1.0", known.tls10],
        ] as const
      ).find(([, seen]) => isOffered(seen));
      const suites = newest?.[1].suites;
      if (newest === undefined) return untestable("no version of TLS is offered");
      return suites?.state === "observed"
        ? probeClassicGroups(look, { protocol: newest[0], suites: suites.value.suites })
        : unknownGroups(suites);
    },
  }),
  probe({
    gives: "flaws",
    needs: ["tls12", "tls11", "tls10", "ssl3"],
    run: async (look, known) => (await import("./flaws/index.ts")).probeFlaws(look, known),
  }),
  probe({
    gives: "keyShares",
    // The answers to all other hellos are samples.
    needs: [
      ...versionFacts,
      "exchange",
      "modernSignatures",
      "classicSignatures",
      "protocols",
      "resumption",
      "tolerance",
      "groups",
    ],
    needsFar: versionFacts,
    run: (look, known) =>
      probeKeyShares(look, { versions: versionsOf(known), groups: valueOf(known.modern.groups) ?? [] }),
  }),
];

/** The versions with a suite list that was observed, newest first. */
function suitesByProtocol(versions: VersionsSeen): Partial<Record<SuiteProtocol, SuitesSeen>> {
  return Object.fromEntries(
    suiteProtocols.flatMap((protocol) => {
      const suites = valueOf(versions[protocol].suites);
      return suites === undefined ? [] : [[protocol, suites]];
    }),
  );
}

function listsOf(known: Pick<Facts, (typeof versionFacts)[number]>) {
  return { suites: suitesByProtocol(versionsOf(known)), groups: valueOf(known.modern.groups) ?? [] };
}

/** TLS 1.2 where it is offered, else TLS 1.3 where it can be computed here. */
function alpnWay(known: Pick<Facts, "modern" | "tls12">): AlpnWay | undefined {
  const classic = valueOf(known.tls12.suites);
  if (classic !== undefined) return { kind: "classic", suites: classic };
  const modern = modernLists(known.modern);
  const group = modern?.groups.find((id) => [29, 23, 24, 25, 30].includes(id));
  return modern === undefined || group === undefined
    ? undefined
    : { kind: "modern", plan: { suites: modern.suites, group } };
}

function modernLists(modern: Facts["modern"]): { suites: readonly number[]; groups: readonly number[] } | undefined {
  const suites = valueOf(modern.suites)?.suites.map(({ id }) => id);
  const groups = valueOf(modern.groups);
  return suites === undefined || groups === undefined ? undefined : { suites, groups };
}

function isOffered(seen: VersionSeen): boolean {
  return valueOf(seen.support)?.offered === true;
}

/** Passes on why a list that groups rest on is missing. */
function unknownGroups(outcome: Outcome<unknown> | undefined): Facts["groups"] {
  return outcome === undefined || outcome.state === "observed"
    ? untestable("the list of suites is not known")
    : outcome;
}
