import { stepTitle } from "../build/index.ts";
import type { PlannedBuild } from "../plan/index.ts";
import type { ResolvedRecipe } from "../recipe/index.ts";

/** The builds of a plan as lines of text, and which versions could not be had. */
export function planText(planned: readonly PlannedBuild[], resolved: readonly ResolvedRecipe[]): readonly string[] {
  const width = Math.max(...planned.map(({ derivation }) => title(derivation.recipe).length));
  return [
    ...planned.map(
      ({ derivation, action, why }) =>
        `${action === "build" ? "build" : "have "}  ${title(derivation.recipe).padEnd(width)}  ${why}`,
    ),
    ...resolved.flatMap((recipe) =>
      recipe.fallback === undefined
        ? []
        : [`       ${recipe.name} ${recipe.fallback.wanted} cannot be had; ${recipe.version} is the newest that can`],
    ),
  ];
}

/** The steps of a build, one line each. */
export function stepLines(planned: PlannedBuild): readonly string[] {
  return planned.derivation.recipe.steps.map((step) => `         ${stepTitle(step)}`);
}

function title(recipe: ResolvedRecipe): string {
  return `${recipe.name} ${recipe.version}`;
}
