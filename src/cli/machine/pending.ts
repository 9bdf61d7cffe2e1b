/** What of the host is still to be done, or stands in the way, from its plans and from what is known to have been changed. */
import {
  isDemanded,
  remainsOf,
  type Host,
  type HostRecord,
  type Remains,
  type Resource,
  type ResourcePlan,
} from "../../host/index.ts";
import { unwished } from "./host-changes.ts";
import type { Known } from "./ledger.ts";

export interface Pending {
  /** What would be made or changed. */
  readonly changes: readonly ResourcePlan[];
  /** What would be taken back: nothing asks for it any more. */
  readonly over: readonly HostRecord[];
  /** What nothing asks for any more and is not to be taken back, with the reason. */
  readonly left: readonly Remains[];
  /** What is as wanted, as far as can be seen, while a run broke off in it: a provision completes its record. */
  readonly unfinished: readonly HostRecord[];
  /** What is demanded and cannot be had: a provision is refused. */
  readonly refused: readonly ResourcePlan[];
}

/** Compares plans for everything that is wished for with what is known. */
export async function pendingOf(
  host: Host,
  known: Known,
  { resources, plans }: { readonly resources: readonly Resource[]; readonly plans: readonly ResourcePlan[] },
): Promise<Pending> {
  const changes = plans.filter(({ action }) => action !== "none" && action !== "blocked");
  const unasked = unwished(known.records, resources);
  const left = (await remainsOf(host, unasked)).filter(({ blocked }) => blocked);
  const told = new Set([...changes, ...unasked].map(({ id }) => id));
  return {
    changes,
    over: unasked.filter(({ id }) => left.every((other) => other.id !== id)),
    left,
    // Whether packages are there is seen anew whenever a build needs them.
    unfinished: known.unfinished.filter(({ id, kind }) => kind !== "package" && !told.has(id)),
    refused: plans.filter((plan) => plan.action === "blocked" && isDemanded(plan.resource)),
  };
}
