import type { ResolvedRecipe } from "../../recipe/index.ts";

/**
 * A line for each recipe whose chosen version gets no fixes any more: the recipe says that support has ended, or `now` is after its last day
 * (UTC). The recipe's word counts also before that day.
 */
export function supportWarnings(
  resolved: readonly Pick<ResolvedRecipe, "name" | "version" | "support">[],
  now: Date,
): readonly string[] {
  const today = now.toISOString().slice(0, 10);
  return resolved.flatMap(({ name, version, support: { status, until } }) => {
    const past = until !== undefined && until < today;
    if (status !== "ended" && !past) return [];
    return [
      `${name} ${version}: upstream's support has ended${past ? ` (${until})` : ""}, new flaws are not fixed; choose a newer branch in the stack file`,
    ];
  });
}
