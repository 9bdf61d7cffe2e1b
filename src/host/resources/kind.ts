import type { HostRecord } from "../../store/types.ts";
import type { Host, HostCommand, Resource, ResourcePlan } from "../types.ts";

/** When a plan is made: to be shown, or right before a change, when everything that it stands on must be there. */
export type Moment = "show" | "change";

/** What has to be run to take a recorded change back, or why it must not be. */
export interface UndoPlan {
  readonly action: "none" | "update" | "delete" | "blocked";
  readonly commands: readonly HostCommand[];
  readonly detail: string;
}

/**
 * One kind of resource. Everything here only reads; commands are data, run by `apply.ts` and `undo.ts` alike for every kind.
 */
export interface ResourceKind<R extends Resource> {
  plan(host: Host, resource: R, moment: Moment): Promise<ResourcePlan>;
  /** What to keep of a change: `before` and `after` are the plans around it. */
  record(
    host: Host,
    resource: R,
    plans: {
      readonly before: ResourcePlan;
      readonly after: ResourcePlan;
      readonly data: Readonly<Record<string, string>>;
    },
  ): HostRecord;
  /** What undo will need and only can be read before the change. */
  remember(host: Host, resource: R): Promise<Readonly<Record<string, string>>>;
  undo(host: Host, record: HostRecord): Promise<UndoPlan>;
  /** Whether a recorded change still stands, from a few small reads and no process where that is possible. Null: cannot tell. */
  quickCheck(host: Host, record: HostRecord): Promise<boolean | null>;
  /** What to do when one of the commands fails. */
  remedy(resource: Pick<Resource, "id">, argv: readonly string[]): string;
}

/** The parts of a plan that every kind fills the same way. */
export function planBase(resource: Resource): Pick<ResourcePlan, "resource" | "id" | "origin"> {
  return { resource, id: resource.id, origin: resource.origin };
}

/** A plan for what cannot or must not be changed. */
export function blocked(
  resource: Resource,
  state: {
    readonly current: string | null;
    readonly desired: string | null;
    readonly why: string;
    readonly reason: string;
  },
): ResourcePlan {
  return { ...planBase(resource), ...state, action: "blocked", commands: [] };
}
