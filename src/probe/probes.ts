import { probeClassicSuites, type VersionSeen } from "./classic-suites.ts";
import { exchangeClassic, exchangeModern, nothingExchanged, type Exchanged } from "./exchange.ts";
import { probe, type Facts, type Probe } from "./graph.ts";
import { probeClassicGroups, probeModernGroups } from "./groups.ts";
import { probeKeyShares } from "./key-shares.ts";
import { probeModernSuites } from "./modern-suites.ts";
import { untestable, valueOf } from "./outcome.ts";
import { probeClassicSignatures, probeModernSignatures } from "./signatures.ts";
import { probeSsl2 } from "./ssl2.ts";
import type { Outcome, SuiteProtocol, SuitesSeen } from "./types.ts";

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
    async run(look, known): Promise<Exchanged> {
      const modern = modernLists(known.modern);
      if (modern !== undefined) return exchangeModern(look, modern);
      const classic = valueOf(known.tls12.suites);
      if (classic !== undefined) return exchangeClassic(look, classic.suites);
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
    gives: "groups",
    needs: ["modern", "tls12", "tls11", "tls10", "exchange"],
    async run(look, known) {
      const modern = modernLists(known.modern);
      if (modern !== undefined) return probeModernGroups(look, { ...modern, listed: known.exchange.groupList });
      if (valueOf(known.modern.support)?.offered === true)
        return unknownGroups(known.modern.groups.state === "observed" ? known.modern.suites : known.modern.groups);
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
    needs: ["modern", "tls12", "tls11", "tls10", "ssl3", "exchange", "modernSignatures", "classicSignatures", "groups"],
    run: (look, known) =>
      probeKeyShares(look, { suites: suitesByProtocol(known), groups: valueOf(known.modern.groups) ?? [] }),
  }),
];

/** The versions with a suite list that was observed, newest first. */
export function suitesByProtocol(
  known: Pick<Facts, "modern" | "tls12" | "tls11" | "tls10" | "ssl3">,
): Partial<Record<SuiteProtocol, SuitesSeen>> {
  const lists: [SuiteProtocol, Outcome<SuitesSeen> | undefined][] = [
    ["TLSv1.3", known.modern.suites],
    ["TLSv1.2", known.tls12.suites],
    ["TLSv1.1", known.tls11.suites],
    ["TLSv1.0", known.tls10.suites],
    ["SSLv3", known.ssl3.suites],
  ];
  return Object.fromEntries(
    lists.flatMap(([protocol, suites]) => (suites?.state === "observed" ? [[protocol, suites.value]] : [])),
  );
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
