/**
 * The ledger of a prefix: every change of the machine that tlsforge has made and not taken back, one record for each resource, whatever
 * generation asked for it. It is written before a change and after, so that it is true whenever a run is killed.
 */
import { ForgeError } from "../errors.ts";
import { atomicWrite, explained, readOwn } from "./disk.ts";
import { prefixPaths } from "./paths.ts";
import { isHostRecord, oneOf, shapeOf } from "./shapes.ts";
import type { LedgerEntry } from "./types.ts";

const schema = "tlsforge.host/1";

/**
 * What stands in the ledger, in the order of the first change of each resource; empty when nothing was ever changed.
 * Throws `prefix-newer`, and `prefix-unusable` for a ledger that cannot be read or is damaged.
 */
export async function readLedger(prefix: string): Promise<readonly LedgerEntry[]> {
  const { ledger } = prefixPaths(prefix);
  let text: string | null;
  try {
    text = await readOwn(ledger);
  } catch (error) {
    throw explained(error, ledger);
  }
  return text === null ? [] : parseLedger(text, ledger);
}

/** Writes an entry, in place of the earlier one of the same resource. */
export async function noteInLedger(prefix: string, entry: LedgerEntry): Promise<void> {
  const entries = await readLedger(prefix);
  const at = entries.findIndex(({ record }) => record.id === entry.record.id);
  await write(prefix, at === -1 ? [...entries, entry] : entries.with(at, entry));
}

/** Removes the entry of a resource; one that is not there is removed already. */
export async function removeFromLedger(prefix: string, id: string): Promise<void> {
  const entries = await readLedger(prefix);
  const kept = entries.filter(({ record }) => record.id !== id);
  if (kept.length < entries.length) await write(prefix, kept);
}

async function write(prefix: string, entries: readonly LedgerEntry[]): Promise<void> {
  await atomicWrite(prefixPaths(prefix).ledger, `${JSON.stringify({ schema, entries }, null, 2)}\n`);
}

function parseLedger(text: string, path: string): readonly LedgerEntry[] {
  let value: { readonly schema?: unknown; readonly entries?: unknown } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(path);
    throw error;
  }
  if (typeof value !== "object" || value === null) throw damaged(path);
  const newer = /^tlsforge\.host\/(\d+)$/u.exec(String(value.schema))?.[1];
  if (newer !== undefined && Number(newer) > 1) {
    throw new ForgeError("prefix-newer", `${path} was written by a newer tlsforge`, {
      hint: "Use the version of tlsforge that made this prefix",
    });
  }
  if (value.schema !== schema || !Array.isArray(value.entries) || !value.entries.every(isEntry)) throw damaged(path);
  return value.entries;
}

const isEntry = shapeOf<LedgerEntry>({ state: oneOf("intended", "applied"), record: isHostRecord });

function damaged(path: string): ForgeError {
  return new ForgeError("prefix-unusable", `The record of what was changed on this machine, ${path}, is damaged`, {
    hint: "Restore it from a backup. Without one, move it away and provision again: what stands is then recorded anew, except what was there before it",
  });
}
