/** Outputs of before their recipe demanded signatures. */
import type { ResolvedRecipe } from "../../recipe/index.ts";
import type { Receipt } from "../../store/index.ts";

/** A line for each source that an output was made from without the signature that its recipe demands now. A user's own file is told as such. */
export function unsignedWarnings(
  { sources: wanted }: Pick<ResolvedRecipe, "sources">,
  { recipe, version, sources }: Pick<Receipt, "recipe" | "version" | "sources">,
): readonly string[] {
  const demanded = new Set(wanted.flatMap(({ name, signature }) => (signature?.required === true ? [name] : [])));
  return sources
    .filter(({ name, verified, signature }) => verified && demanded.has(name) && !isPinned(signature))
    .map(
      ({ name, signature }) =>
        `${recipe} ${version} was built without the signature of ${name} that its recipe demands: ${whyNot(signature)}`,
    );
}

type Verdict = Receipt["sources"][number]["signature"];

function isPinned(signature: Verdict): boolean {
  return signature?.outcome === "observed" && signature.pinned;
}

function whyNot(signature: Verdict): string {
  if (signature === undefined) return "none was looked for";
  return signature.outcome === "observed" ? `it is by ${signature.signer}, whom no one had named` : signature.why;
}
