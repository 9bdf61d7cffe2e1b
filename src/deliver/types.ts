import type { signatureExtensions } from "../fetch/index.ts";
import type { Platform } from "../recipe/index.ts";

/** One source in a bundle, by its digest; several recipes may share it. Sizes in bytes, digests in lower-case hex. */
export interface BundledSource {
  readonly name: string;
  readonly recipe: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** What lies beside it in the cache: its publisher's signatures, by the ending of their names. */
  readonly signatures: readonly BundledSignature[];
}

export interface BundledSignature {
  readonly ending: (typeof signatureExtensions)[number];
  readonly sha256: string;
  readonly bytes: number;
}

/** The first member of a bundle, `index.json`: what the others are, in their order. */
export interface BundleIndex {
  readonly schema: "tlsforge.bundle/1";
  readonly stack: string;
  readonly platform: Platform;
  readonly sources: readonly BundledSource[];
}
