import type { HostRecord } from "../../store/types.ts";
import type { Host, HostCommand, Resource, ResourcePlan } from "../types.ts";

/**
 * When a plan is made: to be shown; right before a change, when everything that it stands on must be there;
 * or again after a change, to see that it holds.
 */
export type Moment = "show" | "change" | "again";

/**
 * What has to be run to take a recorded change back, or why it must not be (`blocked`: then the commands are for what of it is ours all the same).
 */
export interface UndoPlan {
  readonly action: "none" | "update" | "delete" | "blocked";
  readonly commands: readonly HostCommand[];
  readonly detail: string;
  /** With `blocked`: what is there is certainly somebody else's. */
  readonly foreign?: true;
}

/** Data of a record. */
export type RecordData = Readonly<Record<string, string>>;

/** One kind of resource. Everything here only reads; commands are data, run in one place for every kind (`execute.ts`). */
export interface ResourceKind<R extends Resource = Resource> {
  plan(host: Host, resource: R, moment: Moment): Promise<ResourcePlan>;
  /** What undo will need and can only be read before the change. */
  remember(host: Host, resource: R): Promise<RecordData>;
  /** What goes into the record, from what was remembered, once the change is made. Left out: what was remembered. */
  settle?(host: Host, resource: R, remembered: RecordData): Promise<RecordData>;
  /** The record's data when what is wanted stands already and is ours: a run that was killed has left it without a record. */
  adopt?(host: Host, resource: R): Promise<RecordData | null>;
  undo(host: Host, record: HostRecord): Promise<UndoPlan>;
  /** Whether a recorded change still stands, from a few small reads and no process where that is possible. Null: cannot tell. */
  quickCheck(host: Host, record: HostRecord): Promise<boolean | null>;
  /** What to run before a failed command is tried once more; null when it is not worth it. */
  beforeRetry?(host: Host, argv: readonly string[]): HostCommand | null;
  /** What a user can do when the command has failed. */
  remedy(argv: readonly string[]): string;
}

/** The parts of a plan that every kind fills the same way. */
export function planBase(resource: Resource): Pick<ResourcePlan, "resource" | "id" | "origin"> {
  return { resource, id: resource.id, origin: resource.origin };
}

/** What is known of a resource whose change is blocked, and the reason. */
export type Block = Pick<ResourcePlan, "current" | "desired" | "why"> & { readonly reason: string };

/** A plan for what cannot or must not be changed. */
export function blocked(resource: Resource, block: Block): ResourcePlan {
  return { ...planBase(resource), ...block, action: "blocked", commands: [] };
}

/** An elevated command. */
export function asRoot(...argv: string[]): HostCommand {
  return { argv, elevated: true };
}
