import { ForgeError } from "../errors.ts";

interface Node {
  readonly name: string;
  readonly inputs: readonly string[];
}

/**
 * Names of the recipes, each after all its inputs; among those that could come next, the alphabetically first. The order in
 * which the recipes are given does not matter. Throws `recipe-invalid` for an input that is not among them, and for a circle.
 */
export function orderRecipes(recipes: readonly Node[]): string[] {
  const waiting = new Map(recipes.map((recipe) => [recipe.name, recipe]));
  refuseMissing(waiting);
  const done: string[] = [];
  while (waiting.size > 0) {
    const ready = [...waiting.values()]
      .filter((recipe) => !recipe.inputs.some((input) => waiting.has(input)))
      .map((recipe) => recipe.name)
      .toSorted();
    const next = ready[0];
    if (next === undefined) throw circle(waiting);
    waiting.delete(next);
    done.push(next);
  }
  return done;
}

function refuseMissing(recipes: ReadonlyMap<string, Node>): void {
  for (const recipe of recipes.values()) {
    const missing = recipe.inputs.find((input) => !recipes.has(input));
    if (missing === undefined) continue;
    throw new ForgeError("recipe-invalid", `${recipe.name} needs ${missing}, which the stack does not name`, {
      hint: `Add ${missing} to the stack's recipes`,
    });
  }
}

/** Every recipe that waits has an input that waits, so following one from anywhere ends in a circle. */
function circle(waiting: ReadonlyMap<string, Node>): ForgeError {
  const path: string[] = [];
  let name = [...waiting.keys()].toSorted()[0];
  while (name !== undefined && !path.includes(name)) {
    path.push(name);
    name = waiting.get(name)?.inputs.find((input) => waiting.has(input));
  }
  const round = [...path.slice(path.indexOf(name ?? "")), name].join(" -> ");
  return new ForgeError("recipe-invalid", `The inputs of these recipes go round in a circle: ${round}`, {
    hint: "Take one of these inputs out",
  });
}
