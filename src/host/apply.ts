import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { execute } from "./execute.ts";
import { isDemanded, planResource } from "./plan.ts";
import { kindOf } from "./resources/index.ts";
import type { Host, HostRecord, Resource, ResourcePlan } from "./types.ts";
import { undoHost } from "./undo.ts";

/**
 * Makes what was planned, and gives a record of each change that is in place and ours, made by this call or before it (a killed run may have
 * left one without a record); `mergeRecords` joins them with the earlier ones. Runs no command for what is as wanted.
 * Looks at everything first and refuses before any change (`host-refused`) when something demanded is blocked; looks again before each change and after it.
 * When a change fails (`host-failed`), those that this call made before it are taken back, packages excepted.
 */
export async function applyHost(
  host: Host,
  plans: readonly ResourcePlan[],
  emit: Emit,
): Promise<readonly HostRecord[]> {
  for (const plan of plans) refuseDemanded(await planResource(host, plan.resource, "change"));
  const records: HostRecord[] = [];
  const changed: HostRecord[] = [];
  for (const plan of plans) {
    try {
      records.push(...(await applyOne(host, plan.resource, { emit, changed })));
    } catch (error) {
      await takeBack(host, changed, emit);
      throw error;
    }
  }
  return records;
}

/**
 * The records of a machine after more changes: for what was changed again, what was there before the first change and what is there now.
 */
export function mergeRecords(earlier: readonly HostRecord[], later: readonly HostRecord[]): readonly HostRecord[] {
  const merged = new Map(earlier.map((record) => [record.id, record]));
  for (const record of later) {
    const first = merged.get(record.id);
    merged.set(
      record.id,
      first === undefined ? record : { ...record, before: first.before, data: mergeData(first, record) },
    );
  }
  return [...merged.values()];
}

/** Values that describe the state before the first change stay; the rest is the newest. */
function mergeData(first: HostRecord, later: HostRecord): HostRecord["data"] {
  const { text: _text, live: _live, ...now } = later.data;
  const { text, live, added } = first.data;
  const both =
    added === undefined ? {} : { added: [added, now["added"] ?? ""].filter((names) => names !== "").join(" ") };
  return { ...now, ...both, ...(text === undefined ? {} : { text }), ...(live === undefined ? {} : { live }) };
}

/** `changed` gets the record already before the change, so that one that breaks off in the middle is taken back as well. */
async function applyOne(
  host: Host,
  resource: Resource,
  context: { emit: Emit; changed: HostRecord[] },
): Promise<readonly HostRecord[]> {
  const { emit, changed } = context;
  const kind = kindOf(resource.kind);
  const before = await planResource(host, resource, "change");
  refuseDemanded(before);
  if (before.action === "none") return adopt(host, before);
  if (before.action === "blocked") {
    emit({ type: "host-change", id: before.id, action: "blocked", detail: before.reason ?? "" });
    return [];
  }
  const remembered = await kind.remember(host, resource);
  changed.push({
    id: resource.id,
    kind: resource.kind,
    before: before.current,
    after: before.desired,
    data: remembered,
  });
  let plan = before;
  // A change may need two rounds: fresh package lists decide what is installed.
  for (let round = 0; round < 2 && plan.action !== "none" && plan.action !== "blocked"; round += 1) {
    await execute(host, plan.commands, { kind, why: plan.why, emit });
    plan = await planResource(host, resource, "again");
  }
  if (plan.action !== "none") {
    throw new ForgeError(
      "host-failed",
      `${resource.id} is not as wanted after the change: ${plan.reason ?? plan.current ?? "nothing is there"}`,
      {
        hint: kind.remedy(plan.commands[0]?.argv ?? []),
      },
    );
  }
  emit({
    type: "host-change",
    id: before.id,
    action: before.action,
    detail: `${before.current ?? "nothing"} -> ${plan.current ?? "nothing"}`,
  });
  const data = (await kind.settle?.(host, resource, remembered)) ?? remembered;
  const record = { id: resource.id, kind: resource.kind, before: before.current, after: plan.current, data };
  changed.splice(-1, 1, record);
  return [record];
}

async function adopt(host: Host, plan: ResourcePlan): Promise<readonly HostRecord[]> {
  const data = (await kindOf(plan.resource.kind).adopt?.(host, plan.resource)) ?? null;
  return data === null ? [] : [{ id: plan.id, kind: plan.resource.kind, before: null, after: plan.current, data }];
}

function refuseDemanded(plan: ResourcePlan): void {
  if (plan.action !== "blocked" || !isDemanded(plan.resource)) return;
  throw new ForgeError("host-refused", `${plan.id} cannot be applied: ${plan.reason ?? "its state is unknown"}`, {
    hint:
      plan.commands.length === 0
        ? `asked for by ${plan.origin}: change that, or what stands in the way`
        : "run tlsforge as root, or as a user whose sudo asks for no password",
    details: plan.commands.map((command) => command.argv.join(" ")),
  });
}

async function takeBack(host: Host, records: readonly HostRecord[], emit: Emit): Promise<void> {
  // A change without data has put nothing in place yet.
  const changes = records.filter((record) => record.kind !== "package" && Object.keys(record.data).length > 0);
  try {
    await undoHost(host, changes, emit);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    // The failure that led here is the one to tell.
    emit({ type: "warning", message: `not taken back: ${error.message}` });
  }
}
