import type { Emit } from "../events.ts";
import type { FetchedSource } from "../fetch/index.ts";
import type { Derivation } from "../plan/index.ts";
import type { Receipt } from "../store/index.ts";
import type { Seal } from "./seal/seal.ts";
import type { Lack } from "./diagnosis/index.ts";

/** What a build needs besides its derivation. Paths absolute. */
export interface BuildContext {
  readonly derivation: Derivation;
  /** All sources of the recipe and its locked packages, already here and checked. */
  readonly sources: readonly FetchedSource[];
  /** Empty folder that belongs to this build alone; removed afterwards unless `keepFailed` and it failed. */
  readonly scratch: string;
  readonly log: string;
  readonly jobs: number;
  /** Folders put before the standard PATH: toolchains that live elsewhere. */
  readonly toolFolders: readonly string[];
  /** Absolute paths of required programs, for `${tool.NAME}`. */
  readonly toolPaths: Readonly<Record<string, string>>;
  /** The base addresses that pip and cargo need, and certificates and proxies; nothing else of the caller's environment. */
  readonly passThrough: Readonly<Record<string, string>>;
  /** The caller's cargo home (`CARGO_HOME`, else `~/.cargo`): what its configuration says about where crates come from reaches the build. */
  readonly cargoHome?: string;
  /** What this machine gives to seal builds with, see `findSeal`. */
  readonly seal: Seal;
  /** Refuse to build without a whole seal. */
  readonly requireSandbox?: boolean;
  /** Steps that are declared to need the network do not get it either. */
  readonly offline?: boolean;
  /** The package's own tests are built and run: nothing comes out that gates could look at. */
  readonly checking?: true;
  /** Leave the folder of a failed build with what `tlsforge shell` needs (`readFailed`). */
  readonly keepFailed: boolean;
  /** The package of this machine that has something which a build turns out to lack, as an instruction. */
  readonly packageAdvice?: (lacks: Lack) => string | null;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** What a finished build tells its receipt. */
export interface BuildOutcome {
  readonly steps: readonly string[];
  readonly gates: readonly { readonly name: string; readonly detail: string }[];
  readonly cpuSeconds: number;
  readonly seal: NonNullable<Receipt["seal"]>;
  /** What its programs saw, without what the caller's environment gave. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a gate found: a line for the receipt when it holds, the finding and what to do when it does not. */
export type GateResult =
  | {
      readonly outcome: "pass";
      readonly detail: string;
      /** What could not be judged on this machine, and why. It is no part of the pass. */
      readonly untestable?: readonly string[];
    }
  | { readonly outcome: "fail"; readonly detail: string; readonly findings: readonly string[]; readonly hint: string };
