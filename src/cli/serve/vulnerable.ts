/** What must be said of a stack that is only reproduced, wherever it is planned, made or served. */
import { isLoopback } from "../../address.ts";
import type { ResolvedRecipe } from "../../recipe/index.ts";
import type { KnownFlaw } from "../../store/index.ts";

/** The known holes of the versions that were chosen. */
export function flawsOf(
  recipes: readonly Pick<ResolvedRecipe, "name" | "version" | "vulnerable">[],
): readonly KnownFlaw[] {
  return recipes.flatMap(({ name: recipe, version, vulnerable }) =>
    vulnerable.map((flaw) => ({ recipe, version, ...flaw })),
  );
}

/** The warning, as lines of text; none for what has no known hole. `listen`: where it serves. */
export function vulnerableText(flaws: readonly KnownFlaw[], listen: readonly string[] = []): readonly string[] {
  if (flaws.length === 0) return [];
  const reachable = listen.filter((address) => !isLoopback(address));
  const wide = Math.max(...flaws.map((flaw) => title(flaw).length));
  return [
    "VULNERABLE: for reproduction only. Never let it serve anybody, never give it a key that matters. Known holes, among others:",
    ...(reachable.length === 0 ? [] : [`  OTHERS REACH IT at ${reachable.join(", ")}, as its user has insisted.`]),
    ...flaws.map((flaw) => `  ${title(flaw).padEnd(wide)}  ${flaw.id}: ${flaw.name}`),
  ];
}

function title({ recipe, version }: KnownFlaw): string {
  return `${recipe} ${version}`;
}
