import { ForgeError } from "../errors.ts";
import { execute } from "./execute.ts";
import { readOnlyReason } from "./mounts.ts";
import { kindOf } from "./resources/index.ts";
import type { UndoPlan } from "./resources/kind.ts";
import type { ChangeOptions, Host, HostRecord, ResourcePlan } from "./types.ts";

/**
 * Takes recorded changes back, the last first. Gives the records that stand, because somebody changed the thing since (reported as blocked).
 * Throws `host-refused` when there is no privilege, `host-failed` when a command fails.
 */
export async function undoHost(
  host: Host,
  records: readonly HostRecord[],
  { emit, journal }: ChangeOptions,
): Promise<readonly HostRecord[]> {
  const standing: HostRecord[] = [];
  for (const record of records.toReversed()) {
    const kind = kindOf(record.kind);
    const plan = await undoPlan(host, record);
    if (plan.action === "blocked") {
      const failure = await execute(host, plan.commands, { kind, why: `undo ${record.id}`, emit });
      if (failure !== null) throw failure.error;
      standing.unshift(record);
      emit({ type: "host-change", id: record.id, action: "blocked", detail: plan.detail });
      continue;
    }
    if (plan.commands.length > 0) await journal?.({ state: "intended", record });
    const failure = await execute(host, plan.commands, { kind, why: `undo ${record.id}`, emit });
    if (failure !== null) throw failure.error;
    await journal?.({ state: "undone", record });
    if (plan.action !== "none") emit({ type: "host-change", id: record.id, action: plan.action, detail: plan.detail });
  }
  return standing;
}

/**
 * A dry look at an undo of these records: the error (`host-refused`) that it would end with for the lack of a privilege or of a writable file
 * system, before anything is changed; null when nothing is in its way.
 */
export async function undoRefusal(host: Host, records: readonly HostRecord[]): Promise<ForgeError | null> {
  const reasons = await Promise.all(
    records.map(async (record) => {
      const { commands } = await undoPlan(host, record);
      const elevated = commands.some((command) => command.elevated);
      const reason =
        elevated && host.privilege === "none"
          ? `needs root, ${host.noPrivilege}`
          : await readOnlyReason(host, commands);
      return reason === null ? [] : [`${record.id}: ${reason}`];
    }),
  );
  const [first, ...others] = reasons.flat();
  if (first === undefined) return null;
  return new ForgeError("host-refused", `not everything can be taken back: ${first}`, {
    details: others,
    hint: "run tlsforge as root, or as a user whose sudo asks for no password or on a terminal; nothing was changed",
  });
}

/** What cannot be told is left alone. */
async function undoPlan(host: Host, record: HostRecord): Promise<UndoPlan> {
  try {
    return await kindOf(record.kind).undo(host, record);
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "host-failed") throw error;
    return { action: "blocked", commands: [], detail: error.message };
  }
}

/**
 * Records of changes that are no longer ours: the machine shows for certain that they do not stand, and that nothing of them is there or only
 * somebody else's. What cannot be told, and what a plan would change, is none of them. `plans`: those that were followed.
 */
export async function lostRecords(
  host: Host,
  records: readonly HostRecord[],
  plans: readonly ResourcePlan[],
): Promise<readonly HostRecord[]> {
  const changed = new Set(plans.filter(({ action }) => action !== "none" && action !== "blocked").map(({ id }) => id));
  const lost = await Promise.all(
    records.map(async (record) => {
      if (record.kind === "package" || changed.has(record.id)) return [];
      if ((await quickCheckOne(host, record)) !== false) return [];
      const { action, foreign, commands } = await undoPlan(host, record);
      const theirs = action === "blocked" && foreign === true && commands.length === 0;
      return action === "none" || theirs ? [record] : [];
    }),
  );
  return lost.flat();
}

/** A recorded change that is not taken back. */
export interface Remains {
  readonly id: string;
  /** What is still there, or why that cannot be told. */
  readonly detail: string;
  /** It is not to be taken back by us: somebody has changed it since. */
  readonly blocked: boolean;
}

/** What a look at the machine finds of recorded changes that were to be taken back. Empty: everything is as it was. */
export async function remainsOf(host: Host, records: readonly HostRecord[]): Promise<readonly Remains[]> {
  const plans = await Promise.all(
    records.map(async (record) => ({ id: record.id, plan: await undoPlan(host, record) })),
  );
  return plans.flatMap(({ id, plan }) =>
    plan.action === "none" ? [] : [{ id, detail: plan.detail, blocked: plan.action === "blocked" }],
  );
}

/** A recorded change that no longer stands (false), or of which that cannot be told (null). */
export interface Drift {
  readonly id: string;
  readonly stands: false | null;
}

/** The recorded changes that no longer stand or that cannot be told: empty means that nothing is to be done. */
export async function quickCheckHost(host: Host, records: readonly HostRecord[]): Promise<readonly Drift[]> {
  const answers = await Promise.all(records.map((record) => quickCheckOne(host, record)));
  return records.flatMap(({ id }, index) => {
    const stands = answers[index] ?? null;
    return stands === true ? [] : [{ id, stands }];
  });
}

async function quickCheckOne(host: Host, record: HostRecord): Promise<boolean | null> {
  try {
    return await kindOf(record.kind).quickCheck(host, record);
  } catch (error) {
    if (error instanceof ForgeError && error.code === "host-failed") return null;
    throw error;
  }
}
