import { findExtension } from "../../wire/index.ts";
import { canComplete } from "../client/client12-keys.ts";
import type { VersionSeen } from "../suites/classic-suites.ts";
import type { Facts } from "../graph.ts";
import type { HelloPlan } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { notApplicable, untestable, type Unknown } from "../outcome.ts";
import { gapIn } from "../suites/versions.ts";
import type { SuiteProtocol, SuiteSeen } from "../types.ts";

/** What was found out before about the versions that these flaws live in. */
export type Known = Pick<Facts, "tls12" | "tls11" | "tls10" | "ssl3">;

type ClassicProtocol = Exclude<SuiteProtocol, "TLSv1.3">;

/** A version and suites of it that the server takes. */
export interface Opportunity {
  readonly protocol: ClassicProtocol;
  readonly suites: readonly SuiteSeen[];
  /** Only what a server needs, where it does not bear more. */
  readonly plain: boolean;
}

interface Wanted {
  readonly accept: (suite: SuiteSeen) => boolean;
  /** Why the flaw cannot be there when no such suite is offered. */
  readonly without: string;
  readonly withSsl3?: boolean;
}

/** The newest version with suites of the wanted kind; why there is none, or why that is not known. */
export function findSuites(known: Known, wanted: Wanted): Opportunity | Unknown {
  const versions: readonly (readonly [ClassicProtocol, VersionSeen])[] = [
    ["TLSv1.2", known.tls12],
    ["TLSv1.1", known.tls11],
    ["TLSv1.0", known.tls10],
    ...(wanted.withSsl3 === true ? [["SSLv3", known.ssl3] as const] : []),
  ];
  for (const [protocol, { suites, plain }] of versions) {
    if (suites?.state !== "observed") continue;
    const found = suites.value.suites.filter(wanted.accept);
    if (found.length > 0) return { protocol, suites: found, plain };
  }
  const isOffered = versions.some(([, { support }]) => support.state === "observed" && support.value.offered);
  const gap = gapIn(versions.map(([, seen]) => seen));
  return gap ?? notApplicable(isOffered ? wanted.without : "no version of TLS before 1.3 is offered");
}

/** Like `findSuites`, of suites that a handshake can be completed with here. Suites that are there but cannot be computed are no absence. */
export function findComputable(known: Known, wanted: Wanted): Opportunity | Unknown {
  const accept = (suite: SuiteSeen): boolean => wanted.accept(suite) && canComplete(suite.id);
  const found = findSuites(known, { ...wanted, accept });
  return "state" in found && !("state" in findSuites(known, wanted))
    ? untestable("no such suite of this server can be computed here")
    : found;
}

/** A hello's plan that makes the server take this version and one of these suites. */
export function planFor({ protocol, suites, plain }: Opportunity): HelloPlan {
  return { protocol, suites: suites.map(({ id }) => id), plain };
}

/** Whether any ServerHello before TLS 1.3 had this extension; null where no hello that asks for it was answered. */
export function isEchoed(look: Look, type: number): boolean | null {
  const asked = look.flights.filter(
    ({ protocol, hello }) => protocol !== "TLSv1.3" && protocol !== "SSLv3" && hello.plan.plain !== true,
  );
  if (asked.length === 0) return null;
  return asked.some(({ serverHello }) => findExtension(serverHello.extensions ?? [], type) !== undefined);
}

/** The outcome of a flaw that needs an extension of the server's: undefined when it has it. */
export function withoutEcho(look: Look, of: { type: number; name: string }): Unknown | undefined {
  const echoed = isEchoed(look, of.type);
  if (echoed === null) return untestable(`no hello with the ${of.name} extension was answered`);
  return echoed ? undefined : notApplicable(`the server does not take up the ${of.name} extension`);
}
