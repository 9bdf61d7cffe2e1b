/** What must be said of a stack that is only reproduced, wherever it is planned, made or served. */
import type { ResolvedRecipe } from "../recipe/index.ts";
import type { KnownFlaw } from "../server/index.ts";

/** The known holes of the versions that were chosen. */
export function flawsOf(
  recipes: readonly Pick<ResolvedRecipe, "name" | "version" | "vulnerable">[],
): readonly KnownFlaw[] {
  return recipes.flatMap(({ name: recipe, version, vulnerable }) =>
    vulnerable.map((flaw) => ({ recipe, version, ...flaw })),
  );
}

/** The warning, as lines of text; none for what has no known hole. */
export function vulnerableText(flaws: readonly KnownFlaw[]): readonly string[] {
  if (flaws.length === 0) return [];
  const wide = Math.max(...flaws.map((flaw) => title(flaw).length));
  return [
    "VULNERABLE: for reproduction only. Never let it serve anybody, never give it a key that matters. Known holes, among others:",
    ...flaws.map((flaw) => `  ${title(flaw).padEnd(wide)}  ${flaw.id}: ${flaw.name}`),
  ];
}

function title({ recipe, version }: KnownFlaw): string {
  return `${recipe} ${version}`;
}
