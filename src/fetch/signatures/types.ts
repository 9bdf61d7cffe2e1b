import type { SignatureVerdict } from "../../recipe/index.ts";

/** The file whose signature is looked at. */
export interface SignedFile {
  readonly path: string;
  /** The name that upstream knows it by. */
  readonly file: string;
  /** As it was found to be, lower-case hex. */
  readonly sha256: string;
}

/** A good signature, without where it was had. */
export type Observed = Omit<Extract<SignatureVerdict, { readonly outcome: "observed" }>, "from">;

/**
 * What one copy of a signature says. `untestable`: neither good nor bad can be told, as when the trust root does not know the
 * log, or the signature was made after the end of our copy of the key.
 */
export type Judgement =
  | Observed
  | {
      readonly outcome: "failed" | "untestable";
      readonly why: string;
      /** What to do first, where that is not to distrust whoever gave it. */
      readonly remedy?: string;
    };
