import type { Emit } from "../events.ts";
import type { Location, SignatureVerdict, Source } from "../recipe/index.ts";

/** A source that is here and matches its digest. */
export interface FetchedSource {
  readonly source: Source;
  /** Absolute path in the content-addressed cache, or of the user's own file or folder. */
  readonly path: string;
  /** What delivered it: a location as text, `cache`, or `user` for `--source`. */
  readonly location: string;
  /** Of `cache`: where the bytes came from first; absent where that is not known. */
  readonly origin?: string;
  /** Digest of the bytes (of a folder: of its listing with content digests). */
  readonly sha256: string;
  readonly verified: boolean;
  readonly bytes: number;
  /** What its signature says. A wrong one, or a missing one that the recipe demands, never comes so far. */
  readonly signature: SignatureVerdict;
}

/** How the machine finds registries: read from its own configuration, never named in code. */
export interface RegistryBases {
  /** Base addresses of the Debian package archive, in the order of the machine's package configuration. */
  readonly debian: readonly string[];
  /** The simple index of Python packages: PIP_INDEX_URL, pip.conf, else the default that a pip at hand carries. Null when none is known. */
  readonly pypi: string | null;
  /** The registry of Rust crates: cargo's configuration, else the default that a cargo at hand carries; `sparse+https:`, `file:`. Null when none is known. */
  readonly crates?: string | null;
}

/** What every fetch needs to know. */
export interface FetchOptions {
  /** Folders `<cache>/<sha256>`, searched in order; the first is written. */
  readonly caches: readonly string[];
  readonly bases: RegistryBases;
  /** Content-addressed mirror, tried before the recipe's locations. */
  readonly mirror?: string;
  readonly offline: boolean;
  readonly emit: Emit;
  /** Ends everything. One signal is one run: what was learnt about hosts in a run is shared between the calls that carry it. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<FetchLimits>;
  /** Where proxy settings are read (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`); without it none is used. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** How long and how much a location may take. */
export interface FetchLimits {
  /** For each of: name lookup, TCP, TLS. */
  readonly connectSeconds: number;
  /** Longest wait for an answer, and the time within which at least 1 KiB has to arrive. */
  readonly stallSeconds: number;
  /** Whole time of one question of `availability`. */
  readonly checkSeconds: number;
  /** Tries for one location. */
  readonly attempts: number;
  /** Wait before the second try; doubled for each further one. */
  readonly backoffSeconds: number;
  readonly maxBytes: number;
  readonly parallel: number;
}

/** Whether a source could be had, without taking it. */
export type Availability =
  | { readonly state: "cached"; readonly path: string }
  | { readonly state: "available"; readonly location: Location }
  /** `down`: no location answered at all, so this says nothing about whether the source exists. */
  | { readonly state: "unavailable"; readonly reasons: readonly string[]; readonly down?: boolean };
