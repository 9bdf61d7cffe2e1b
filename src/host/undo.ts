import { ForgeError } from "../errors.ts";
import { execute } from "./execute.ts";
import { kindOf } from "./resources/index.ts";
import type { ChangeOptions, Host, HostRecord } from "./types.ts";

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
    const plan = await kind.undo(host, record);
    if (plan.action === "blocked") {
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
    records.map(async (record) => ({ id: record.id, plan: await kindOf(record.kind).undo(host, record) })),
  );
  return plans.flatMap(({ id, plan }) =>
    plan.action === "none" ? [] : [{ id, detail: plan.detail, blocked: plan.action === "blocked" }],
  );
}

/** Ids of recorded changes that no longer stand or that cannot be told: empty means that nothing is to be done. */
export async function quickCheckHost(host: Host, records: readonly HostRecord[]): Promise<readonly string[]> {
  const answers = await Promise.all(records.map((record) => quickCheckOne(host, record)));
  return records.flatMap((record, index) => (answers[index] === true ? [] : [record.id]));
}

async function quickCheckOne(host: Host, record: HostRecord): Promise<boolean | null> {
  try {
    return await kindOf(record.kind).quickCheck(host, record);
  } catch (error) {
    if (error instanceof ForgeError && error.code === "host-failed") return null;
    throw error;
  }
}
