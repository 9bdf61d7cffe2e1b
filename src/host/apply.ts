import { ForgeError } from "../errors.ts";
import { execute, runCommand, type Failure } from "./execute.ts";
import { planResource, refuseDemanded } from "./plan.ts";
import { kindOf } from "./resources/index.ts";
import type { RecordData } from "./resources/kind.ts";
import type { ChangeOptions, Host, HostRecord, Resource, ResourcePlan } from "./types.ts";
import { undoHost } from "./undo.ts";

/**
 * Makes what was planned, and gives a record of each change that is in place and ours, made by this call or before it (a killed run may have
 * left one without a record); `mergeRecords` joins them with the earlier ones. Runs no command for what is as wanted.
 *
 * First a dry look at everything: with something demanded that is blocked nothing is changed at all (`host-refused`, all of it named). Then the
 * changes in order, each looked at again right before and after. What fails while another process is in the way, or because lists are
 * old, is tried once more after the others, and so is what failed after it. When a change fails for good (`host-failed`), those that this
 * call made are taken back, packages excepted.
 */
export async function applyHost(
  host: Host,
  plans: readonly ResourcePlan[],
  options: ChangeOptions,
): Promise<readonly HostRecord[]> {
  const seen = await Promise.all(plans.map((plan) => planResource(host, plan.resource, "change")));
  refuseDemanded(seen);
  const work: Work = { host, options, begun: [] };
  try {
    return await makeAll(work, seen);
  } catch (error) {
    await takeBack(work);
    throw error;
  }
}

interface Work {
  readonly host: Host;
  readonly options: ChangeOptions;
  /** Changes whose commands were begun, in order, also those that broke off in the middle. */
  readonly begun: Change[];
}

/** A change that this call makes. `remembered` is from before its first try. */
interface Change {
  readonly resource: Resource;
  readonly before: ResourcePlan;
  readonly remembered: RecordData;
  record: HostRecord;
}

async function makeAll(work: Work, seen: readonly ResourcePlan[]): Promise<readonly HostRecord[]> {
  const records = new Map<string, readonly HostRecord[]>();
  const again: { readonly change: Change; readonly failure: Failure }[] = [];
  for (const first of seen) {
    // As long as no command has run, the dry look still holds.
    const plan = work.begun.length === 0 ? first : await planResource(work.host, first.resource, "change");
    refuseDemanded([plan]);
    if (plan.action === "none") records.set(plan.id, await adopt(work, plan));
    else if (plan.action === "blocked")
      work.options.emit({ type: "host-change", id: plan.id, action: "blocked", detail: plan.reason ?? "" });
    else {
      const change = await begin(work, plan);
      const failure = await attempt(work, change, plan);
      if (failure === null) records.set(plan.id, [change.record]);
      // What comes after a change that waits for its second try may have failed for the lack of it.
      else if (failure.mayPass || again.length > 0) again.push({ change, failure });
      else throw failure.error;
    }
  }
  for (const { change, failure } of again) records.set(change.record.id, await retry(work, change, failure));
  return seen.flatMap((plan) => records.get(plan.id) ?? []);
}

async function begin({ host, options, begun }: Work, before: ResourcePlan): Promise<Change> {
  const { resource, id, current, desired } = before;
  const remembered = await kindOf(resource.kind).remember(host, resource);
  const record = { id, kind: resource.kind, before: current, after: desired, data: remembered };
  const change: Change = { resource, before, remembered, record };
  await options.journal?.({ state: "intended", record });
  begun.push(change);
  return change;
}

/** Runs a change's commands and settles its record; gives what failed. */
async function attempt(work: Work, change: Change, first: ResourcePlan): Promise<Failure | null> {
  const { host, options } = work;
  const kind = kindOf(change.resource.kind);
  let plan = first;
  // A change may need two rounds: fresh package lists decide what is installed.
  for (let round = 0; round < 2 && plan.action !== "none" && plan.action !== "blocked"; round += 1) {
    const failure = await execute(host, plan.commands, { kind, why: plan.why, emit: options.emit });
    if (failure !== null) {
      const prepared = kind.beforeRetry?.(host, failure.command.argv) ?? null;
      return { ...failure, mayPass: failure.mayPass || prepared !== null };
    }
    plan = await planResource(host, change.resource, "again");
  }
  if (plan.action !== "none") return notAsWanted(change, plan);
  await settle(work, change, plan);
  return null;
}

function notAsWanted({ resource, before }: Change, plan: ResourcePlan): Failure {
  const command = plan.commands[0] ?? before.commands[0] ?? { argv: [], elevated: false };
  const state = plan.reason ?? plan.current ?? "nothing is there";
  const error = new ForgeError("host-failed", `${resource.id} is not as wanted after the change: ${state}`, {
    hint: kindOf(resource.kind).remedy(command.argv),
  });
  return { command, error, mayPass: false };
}

async function settle({ host, options }: Work, change: Change, plan: ResourcePlan): Promise<void> {
  const { resource, before, remembered } = change;
  const data = (await kindOf(resource.kind).settle?.(host, resource, remembered)) ?? remembered;
  change.record = { ...change.record, after: plan.current, data };
  await options.journal?.({ state: "applied", record: change.record });
  if (before.action === "none" || before.action === "blocked") return;
  const detail = `${before.current ?? "nothing"} -> ${plan.current ?? "nothing"}`;
  options.emit({ type: "host-change", id: before.id, action: before.action, detail });
}

async function retry(work: Work, change: Change, failure: Failure): Promise<readonly HostRecord[]> {
  const { host, options } = work;
  const kind = kindOf(change.resource.kind);
  const prepared = kind.beforeRetry?.(host, failure.command.argv) ?? null;
  // Whether it helped is seen in the second try.
  if (prepared !== null) await runCommand(host, prepared, { why: change.before.why, emit: options.emit });
  const plan = await planResource(host, change.resource, "change");
  refuseDemanded([plan]);
  const last = await attempt(work, change, plan);
  if (last !== null) throw last.error;
  return [change.record];
}

async function adopt({ host, options }: Work, plan: ResourcePlan): Promise<readonly HostRecord[]> {
  const data = (await kindOf(plan.resource.kind).adopt?.(host, plan.resource)) ?? null;
  if (data === null) return [];
  const record = { id: plan.id, kind: plan.resource.kind, before: null, after: plan.current, data };
  await options.journal?.({ state: "applied", record });
  return [record];
}

async function takeBack({ host, options, begun }: Work): Promise<void> {
  const { emit, journal } = options;
  // A change without data has put nothing in place yet.
  const changes = begun
    .map((change) => change.record)
    .filter((record) => record.kind !== "package" && Object.keys(record.data).length > 0);
  try {
    await undoHost(host, changes, {
      emit,
      ...(journal === undefined
        ? {}
        : { journal: (entry) => journal(entry.state === "undone" ? { ...entry, state: "taken-back" } : entry) }),
    });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    // The failure that led here is the one to tell.
    emit({ type: "warning", message: `not taken back: ${error.message}` });
  }
}
