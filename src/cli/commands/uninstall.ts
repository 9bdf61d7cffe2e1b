import { exitCodeFor, ForgeError } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import { remainsOf, undoHost, undoRefusal, type Host, type HostRecord } from "../../host/index.ts";
import { stop } from "../../server/index.ts";
import {
  lockAlone,
  noteInLedger,
  openPrefix,
  prefixPaths,
  readManifest,
  removePrefix,
  type Removed,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { knownRecords, openLedger } from "../machine/ledger.ts";
import { machine } from "../make/prepare.ts";
import { errorFields, type Result } from "../result.ts";
import { cacheOf, removeCache } from "../make/shared-cache.ts";
import { supervisorOfRunning } from "../serve/standing.ts";

/** What of it is to stay. */
export interface UninstallRequest {
  readonly keepCache: boolean;
  readonly dryRun: boolean;
}

/** One thing that tlsforge did to the machine, and what has become of it. */
interface Undone {
  readonly id: string;
  /** `gone`: nothing of it was there any more. */
  readonly outcome: "undone" | "gone" | "stands" | "would-undo";
  readonly detail: string;
}

/**
 * Takes back everything that tlsforge has done to this machine for a prefix, by its own records: the server, host changes (the last first),
 * the prefix, the downloads. A dry look comes first: without the privilege for all of it nothing is done. Then looks again at each change and
 * tells what still stands, with exit code 1: what somebody has changed since is left alone. As long as something does, the ledger stays.
 */
export async function uninstall(context: Context, request: UninstallRequest): Promise<Result> {
  const { prefix } = context.options;
  await openPrefix(prefix, { create: false });
  const host = machine(context, null);
  const records = await recordsOf(prefix);
  if (request.dryRun) return dryRun(context, { host, records, request });
  await agree(context, records);
  const { emit, signal, options } = context;
  const release = await lockAlone(prefix, { what: "uninstall", wait: options.wait, emit, signal });
  const standing = new Set<string>();
  const told = new Map<string, string>();
  const remains = new Map<string, string>();
  const there = new Set<string>();
  let removed: Removed;
  try {
    const refusal = await undoRefusal(host, records);
    if (refusal !== null) throw refusal;
    for (const { id } of await remainsOf(host, records)) there.add(id);
    await stop(prefix, await supervisorOfRunning(context));
    const { journal } = await openLedger(prefix, records);
    const listen: Emit = (event) => {
      if (event.type === "host-change") told.set(event.id, event.detail);
      emit(event);
    };
    for (const { id } of await undoHost(host, records, { emit: listen, journal })) standing.add(id);
    for (const { id, detail } of await remainsOf(host, records)) remains.set(id, detail);
    for (const record of records)
      if (remains.has(record.id) && !standing.has(record.id)) await noteInLedger(prefix, { state: "applied", record });
    removed = await removePrefix(prefix, { keepLedger: standing.size + remains.size > 0 });
  } finally {
    await release();
  }
  const cache = request.keepCache ? null : await cacheOf(context);
  if (cache !== null && cache.users.length === 0) await removeCache(cache.folder);
  if (cache !== null) emit({ type: "notice", message: cacheText(cache) });
  const undone = records.map(({ id, before, after }): Undone => {
    const detail = remains.get(id);
    if (!there.has(id) && detail === undefined)
      return { id, outcome: "gone", detail: "nothing of it was there any more" };
    return detail === undefined && !standing.has(id)
      ? { id, outcome: "undone", detail: told.get(id) ?? `${after ?? "nothing"} -> ${before ?? "nothing"}` }
      : { id, outcome: "stands", detail: detail ?? "changed by somebody else since" };
  });
  return verdict(context, undone, removed);
}

/** Every change that the ledger or the current generation tells of. */
async function recordsOf(prefix: string): Promise<readonly HostRecord[]> {
  const manifest = await readManifest(prefix).catch((error: unknown) => {
    // A damaged manifest must not keep what the ledger tells from being taken back.
    if (error instanceof ForgeError && error.code === "prefix-unusable") return null;
    throw error;
  });
  return (await knownRecords(prefix, manifest?.host)).records;
}

function cacheText({ folder, users }: NonNullable<Awaited<ReturnType<typeof cacheOf>>>): string {
  return users.length === 0
    ? `remove ${folder}`
    : `leave ${folder}: ${users.join(", ")} ${users.length === 1 ? "uses" : "use"} it too`;
}

async function agree(context: Context, records: readonly HostRecord[]): Promise<void> {
  const { emit, interactive, options } = context;
  if (options.yes) return;
  for (const { id } of records) emit({ type: "notice", message: `take back ${id}` });
  emit({ type: "notice", message: `remove ${options.prefix}` });
  if (!interactive)
    throw new ForgeError("usage", "this would remove a server, and there is no terminal to ask on", {
      hint: "add --yes, or look first with --dry-run",
    });
  if (await context.confirm("Go on?")) return;
  throw new ForgeError("interrupted", "stopped, as you said; nothing was changed");
}

async function dryRun(
  context: Context,
  work: { readonly host: Host; readonly records: readonly HostRecord[]; readonly request: UninstallRequest },
): Promise<Result> {
  const { prefix } = context.options;
  const remains = await remainsOf(work.host, work.records);
  const undone = remains.map(({ id, detail, blocked }): Undone => ({
    id,
    outcome: blocked ? "stands" : "would-undo",
    detail,
  }));
  const cache = work.request.keepCache ? null : await cacheOf(context);
  const refusal = await undoRefusal(work.host, work.records);
  return {
    outcome: "done",
    exitCode: 0,
    fields: { prefix, dryRun: true, undone, foreign: [] },
    text: [
      ...(refusal === null ? [] : [`Would be refused: ${[refusal.message, ...refusal.details].join("; ")}`, ""]),
      "Would stop the server, then",
      ...undone.map(({ id, outcome, detail }) => `  ${outcome === "stands" ? "leave" : "take back"} ${id}: ${detail}`),
      `  remove ${prefix}`,
      ...(cache === null ? [] : [`  ${cacheText(cache)}`]),
      "",
    ].join("\n"),
  };
}

function verdict({ options: { prefix } }: Context, undone: readonly Undone[], { foreign, folder }: Removed): Result {
  const left = undone.filter(({ outcome }) => outcome === "stands");
  const fields = { prefix, dryRun: false, undone, foreign };
  const text = [
    ...undone.map(({ id, outcome, detail }) => `${outcome.padEnd(7)} ${id}: ${detail}`),
    left.length > 0
      ? `removed ${prefix} but its record of what stands, ${prefixPaths(prefix).ledger}${foreign.length === 0 ? "" : `, and ${foreign.join(", ")}: not tlsforge's`}`
      : foreign.length > 0
        ? `removed all of ${prefix} but ${foreign.join(", ")}: not tlsforge's`
        : `removed ${prefix}${folder === "gone" ? "" : ": the empty folder stays, which cannot be removed"}`,
    "",
  ].join("\n");
  if (left.length === 0) return { outcome: "done", exitCode: 0, fields, text };
  const error = new ForgeError("host-refused", `${left.length} of ${undone.length} changes still stand`, {
    details: left.map(({ id, detail }) => `${id}: ${detail}`),
    hint: `look at each, then run tlsforge uninstall --prefix ${prefix} again; or take it back by hand and remove ${prefix}`,
  });
  return { outcome: "failed", exitCode: exitCodeFor(error), fields: { ...fields, ...errorFields(error) }, text, error };
}
