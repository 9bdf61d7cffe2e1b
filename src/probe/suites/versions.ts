import { notApplicable, untestable, valueOf, type Unknown } from "../outcome.ts";
import type { Facts } from "../graph.ts";
import type { Outcome, ProtocolSupport, SuiteProtocol, SuiteSeen, SuitesSeen } from "../types.ts";

/** What was found out about each version that has a list of suites. */
export type VersionsSeen = Readonly<
  Record<
    SuiteProtocol,
    { readonly support: Outcome<ProtocolSupport>; readonly suites: Outcome<SuitesSeen> | undefined }
  >
>;

/** What was found out about them, by version. */
export function versionsOf(known: Pick<Facts, "modern" | "tls12" | "tls11" | "tls10" | "ssl3">): VersionsSeen {
  return {
    "TLSv1.3": known.modern,
    "TLSv1.2": known.tls12,
    "TLSv1.1": known.tls11,
    "TLSv1.0": known.tls10,
    SSLv3: known.ssl3,
  };
}

/** Newest first. */
export const suiteProtocols: readonly SuiteProtocol[] = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3"];

/** Those of TLS before 1.3, and those before 1.3 at all, newest first. */
export const olderTls = ["TLSv1.2", "TLSv1.1", "TLSv1.0"] as const;
export const olderProtocols = [...olderTls, "SSLv3"] as const;

/** Those that are known to be offered, newest first. */
export function offeredOf(versions: VersionsSeen): readonly SuiteProtocol[] {
  return suiteProtocols.filter((name) => isOffered(versions[name]));
}

/** Why a fact is missing that only these versions, or suites of theirs, have. */
export interface Absence<Name extends SuiteProtocol = SuiteProtocol> {
  readonly names: readonly Name[];
  /** Where none of the versions, or of the suites, is offered. */
  readonly without: string;
  /** Where one is. */
  readonly otherwise: string;
}

/** Not applicable where all of the versions are known not to be offered. What is not known of one of them is passed on: it is no absence. */
export function withoutVersions<Name extends SuiteProtocol>(
  versions: Pick<VersionsSeen, Name>,
  { names, without, otherwise }: Absence<Name>,
): Unknown {
  const each = names.map((name) => versions[name]);
  return each.some(isOffered) ? untestable(otherwise) : (gapIn(each) ?? notApplicable(without));
}

/** The same of suites in those versions' lists. */
export function withoutSuites(
  versions: VersionsSeen,
  { names, without, otherwise, isMeant }: Absence & { readonly isMeant: (suite: SuiteSeen) => boolean },
): Unknown {
  const each = names.map((name) => versions[name]);
  const isThere = each.some(({ suites }) => valueOf(suites)?.suites.some(isMeant) === true);
  return isThere ? untestable(otherwise) : (gapIn(each) ?? notApplicable(without));
}

type Version = VersionsSeen[SuiteProtocol];

function isOffered({ support }: Version): boolean {
  return valueOf(support)?.offered === true;
}

/** What is not known of one of them. */
export function gapIn(versions: readonly Version[]): Unknown | undefined {
  for (const { support, suites } of versions) {
    if (support.state !== "observed") return support;
    if (suites !== undefined && suites.state !== "observed") return suites;
  }
  return undefined;
}
