import type { HostRecord } from "../../../store/types.ts";
import type { RecordData, UndoPlan } from "../../resources/kind.ts";
import type { Host, HostCommand } from "../../types.ts";
import type { LoaderEntry } from "../types.ts";

/** How an entry stands on the machine, on disk and for the programs that run now. */
export interface EntryState {
  readonly file: string;
  /** The library folder that is entered, or what is there in its place; null: nothing. */
  readonly current: string | null;
  /** Why nothing must be changed; null when it may. */
  readonly reason: string | null;
  /** What is to be run for the entry to stand. Empty: it does. */
  readonly commands: readonly HostCommand[];
  /** What else these commands do. */
  readonly effect?: string;
}

/** The way in which one kind of loader is told of a folder. */
export interface EntryWay {
  look(host: Host, entry: LoaderEntry): Promise<EntryState>;
  remember(host: Host, entry: LoaderEntry): Promise<RecordData>;
  settle?(host: Host, data: RecordData): Promise<RecordData>;
  undo(host: Host, record: HostRecord): Promise<UndoPlan>;
  /** Whether a recorded entry stands; null: cannot tell. */
  stands(host: Host, record: HostRecord): Promise<boolean | null>;
}
