import type { Derivation, PlannedBuild } from "../../plan/index.ts";
import type { CheckRecord, Receipt } from "../../store/index.ts";

/** What `provision` and `build` are asked for. */
export interface BuildRequest {
  /** The stack named on the command line; else the site file's. */
  readonly stack: string | null;
  readonly sources: SourceOptions;
  readonly minGrade: string | null;
  /** `--check`: own tests of packages, run before anything is activated. */
  readonly tests?: TestRequest;
  /** Leave the folder of a build that fails, for `tlsforge shell`. */
  readonly keepFailed?: boolean;
}

/** Options of `provision`, `plan` and `build`. */
export interface SourceOptions {
  /** `--source NAME=FILE|DIR`, by name. */
  readonly sources: Readonly<Record<string, string>>;
  readonly mirror?: string;
  readonly offline: boolean;
  /** Builds that cannot be sealed are refused. */
  readonly requireSandbox?: boolean;
}

/** Which own tests are asked for: of every recipe that has some, or those named, by recipe. */
export interface TestRequest {
  readonly named: Readonly<Record<string, readonly string[]>>;
}

/**
 * A run's grip on its prefix. Builds need no more than the lock of their own store path, so that two runs share them; what only one run at a
 * time may do (host changes, generations, the server) is done in `alone`.
 */
export interface Grip {
  /** The command's name, as runs that wait for this one are told. */
  readonly what: string;
  /** Says what is planned: the outputs that nothing may remove while the run lasts. Before, all are held. */
  readonly needs: (planned: readonly PlannedBuild[]) => Promise<void>;
  /** Runs something while no other run changes the prefix or the machine for it. What was read before may have changed: read it again. */
  readonly alone: <T>(action: () => Promise<T>) => Promise<T>;
}

/** A build that is in the store, with what its receipt says. */
export interface Made {
  readonly derivation: Derivation;
  readonly receipt: Receipt;
  readonly cached: boolean;
  /** How its package's own tests went, when they have ever been asked for. */
  readonly check?: CheckRecord;
}
