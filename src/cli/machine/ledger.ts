import { mergeRecords, type ChangeOptions, type HostRecord } from "../../host/index.ts";
import { noteInLedger, readLedger, removeFromLedger, type LedgerEntry } from "../../store/index.ts";

/** The ledger of a prefix while the machine is changed. */
export interface Ledger {
  /** What tlsforge has changed on the machine, as it is known now. */
  readonly records: () => readonly HostRecord[];
  /** Writes down what `applyHost` and `undoHost` tell. */
  readonly journal: NonNullable<ChangeOptions["journal"]>;
  /** Forgets a change that is no longer ours. */
  readonly forget: (id: string) => Promise<void>;
}

/** What is known of changes on the machine. */
export interface Known {
  readonly records: readonly HostRecord[];
  /** Those that a run broke off in: the machine is as before, as after or between. */
  readonly unfinished: readonly HostRecord[];
}

/**
 * What the ledger of a prefix tells, and those of `earlier` (the records of a generation) that it lacks, as `openLedger` has them. Only reads:
 * for looks at the machine, which must see what a killed run has changed too.
 */
export async function knownRecords(prefix: string, earlier: readonly HostRecord[] = []): Promise<Known> {
  const entries = await readLedger(prefix);
  const noted = new Set(entries.map(({ record }) => record.id));
  return {
    records: [...entries.map(({ record }) => record), ...earlier.filter(({ id }) => !noted.has(id))],
    unfinished: entries.filter(({ state }) => state === "intended").map(({ record }) => record),
  };
}

/**
 * Opens the ledger of a prefix. `earlier`: records of a generation; those that the ledger lacks (the prefix is older than its ledger) are
 * added to it. Where both have one the ledger's counts, since a run may have been killed before it reached its generation.
 */
export async function openLedger(prefix: string, earlier: readonly HostRecord[] = []): Promise<Ledger> {
  const known = new Map<string, LedgerEntry>();
  const note = async (entry: LedgerEntry): Promise<void> => {
    await noteInLedger(prefix, entry);
    known.set(entry.record.id, entry);
  };
  const forget = async (id: string): Promise<void> => {
    await removeFromLedger(prefix, id);
    known.delete(id);
  };
  for (const entry of await readLedger(prefix)) known.set(entry.record.id, entry);
  for (const record of earlier) if (!known.has(record.id)) await note({ state: "applied", record });
  const atFirst = new Map(known);
  return {
    records: () => [...known.values()].map(({ record }) => record),
    forget,
    async journal({ state, record }) {
      if (state === "undone") {
        await forget(record.id);
        atFirst.delete(record.id);
      } else if (state === "taken-back") {
        const first = atFirst.get(record.id);
        await (first === undefined ? forget(record.id) : note(first));
      } else {
        const [merged = record] = mergeRecords(recordsOf(known.get(record.id)), [record]);
        await note({ state, record: merged });
      }
    },
  };
}

function recordsOf(entry: LedgerEntry | undefined): readonly HostRecord[] {
  return entry === undefined ? [] : [entry.record];
}
