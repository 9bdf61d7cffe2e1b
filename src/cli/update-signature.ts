/** The one place where a proposal asks whether a new source is signed by who signs its predecessors. */
import type { FetchOptions } from "../fetch/index.ts";
import type { Recipe } from "../recipe/index.ts";

/** What a signature said. A wrong one is no finding: it is thrown, and nothing is proposed. */
export interface SignatureFinding {
  readonly state: "checked" | "not-checked";
  /** Who signed, or why it was not looked at. */
  readonly detail: string;
}

/** A source that is about to be proposed. */
export interface SignatureQuestion {
  readonly recipe: Recipe;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  /** Where its bytes are. */
  readonly path: string;
  readonly fetch: FetchOptions;
}

/** Checks the signature of a new source. No recipe names signers yet, so that there is nothing to check it by. */
export async function signatureOf(question: SignatureQuestion): Promise<SignatureFinding> {
  return { state: "not-checked", detail: `the recipe of ${question.recipe.name} names no signer` };
}
