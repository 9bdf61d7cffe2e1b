import type { SignatureVerdict } from "../recipe/index.ts";

/** What one build left behind, written last: an output exists when its receipt exists. Times in seconds, dates in ISO 8601 UTC. */
export interface Receipt {
  readonly schema: "tlsforge.receipt/1";
  readonly recipe: string;
  readonly version: string;
  readonly key: string;
  readonly out: string;
  readonly inputs: readonly { readonly name: string; readonly version: string; readonly key: string }[];
  readonly sources: readonly {
    readonly name: string;
    readonly file: string;
    readonly sha256: string;
    readonly location: string;
    /** Of `cache`: where the bytes came from first. Absent where that is not known. */
    readonly origin?: string;
    readonly verified: boolean;
    /** Not in receipts of before signatures were looked at. */
    readonly signature?: SignatureVerdict;
  }[];
  readonly tools: Readonly<Record<string, string>>;
  readonly steps: readonly string[];
  readonly gates: readonly { readonly name: string; readonly detail: string }[];
  readonly fallback?: { readonly wanted: string; readonly reasons: readonly string[] };
  /**
   * How far the build was kept to itself, in a sentence, the steps that had the network, and what its commands left running, in a sentence for
   * each. Absent in receipts of before there were seals.
   */
  readonly seal?: {
    readonly grade: "full" | "namespaces" | "landlock" | "none";
    readonly text: string;
    readonly network: readonly string[];
    readonly leftBehind?: readonly string[];
  };
  /** What the output holds: see `contents.ts`. Absent in receipts of an older tlsforge. */
  readonly contents?: { readonly sha256: string; readonly entries: number; readonly bytes: number };
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly finished: string;
  /** What the build's programs saw, for `tlsforge shell`; without addresses and proxies of the machine. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A host change as it was applied, with what was there before, so that it can be undone. */
export interface HostRecord {
  readonly id: string;
  readonly kind: string;
  readonly before: string | null;
  readonly after: string | null;
  /** Data that the resource kind needs to undo or to look again; secret-safe. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * What the ledger of a prefix knows of one resource. `intended`: commands for it were about to run, so that the machine is as `before`, as
 * `after` or between; `applied`: it was found in place as `after` says.
 */
export interface LedgerEntry {
  readonly state: "intended" | "applied";
  readonly record: HostRecord;
}

/** A generation's manifest. */
export interface Manifest {
  readonly schema: "tlsforge.manifest/1";
  /** Layout version of the prefix; a newer one is refused. */
  readonly layout: 1;
  readonly generation: number;
  readonly stack: string;
  readonly created: string;
  readonly builds: readonly {
    readonly recipe: string;
    readonly version: string;
    readonly key: string;
    readonly out: string;
    readonly location: string;
  }[];
  readonly host: readonly HostRecord[];
  /** Digest over everything the generation was made from, for the quick answer that there is nothing to do. */
  readonly fingerprint: string;
  /** What the fingerprint and the quick check stand on: compilers by path, size and time. */
  readonly tools: readonly { readonly path: string; readonly size: number; readonly mtimeMs: number }[];
  /** The server configuration this generation was launched with; null for `build`. */
  readonly server: { readonly configDigest: string; readonly listen: readonly string[] } | null;
  /** Whether its server came up and met the wanted grade. Only such a generation comes back after a failure, or lets a run say that there is nothing to do. */
  readonly accepted: boolean;
  /** Grade per rulebook at activation, and the path of the full report. */
  readonly report: {
    readonly grade: string | null;
    readonly gradeTrustIgnored: string | null;
    /** What `gradeTrustIgnored` lies between when it cannot be said. */
    readonly bounds?: { readonly best: string; readonly worst: string };
    readonly path: string;
  } | null;
  readonly warnings: readonly string[];
  /** The known holes of a stack that is for reproduction only. */
  readonly vulnerable?: readonly KnownFlaw[];
  /** Addresses beyond loopback that whoever provisioned it has insisted on, holes and all. */
  readonly exposed?: readonly string[];
}

/** A known hole, and the version that has it. */
export interface KnownFlaw {
  readonly recipe: string;
  readonly version: string;
  readonly id: string;
  readonly name: string;
}
