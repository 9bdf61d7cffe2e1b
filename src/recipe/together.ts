import type { Span } from "../errors.ts";
import { nearest } from "./nearest.ts";
import { refuse, type Problem } from "./problems.ts";
import { candidates, floorAbove } from "./resolve.ts";
import type { Recipe, Stack } from "./types.ts";
import { inRange } from "./versions.ts";

/**
 * Checks what no file can know alone: a stack against the recipes that there are. Unknown recipes and inputs, inputs that the stack leaves
 * out, cycles, ranges without a version that may be built. Throws one ForgeError `recipe-invalid` whose `details` hold every problem.
 */
export function checkTogether(recipes: readonly Recipe[], stack: Stack): void {
  const byName = new Map(recipes.map((recipe) => [recipe.name, recipe]));
  const problems = [...checkStack(stack, byName), ...checkInputs(stack, byName), ...checkCycles(stack, byName)];
  if (problems.length > 0) refuse("recipe-invalid", problems);
}

type Recipes = ReadonlyMap<string, Recipe>;

function checkStack(stack: Stack, recipes: Recipes): Problem[] {
  const problems: Problem[] = [];
  const names = Object.keys(stack.recipes);
  for (const [name, range] of Object.entries(stack.recipes)) {
    const span = stack.spans?.recipes[name] ?? unknownPlace(`stack ${stack.name}`);
    const recipe = recipes.get(name);
    if (recipe === undefined)
      problems.push(unknownName(`unknown recipe "${name}"`, { name, among: [...recipes.keys()], span }));
    else problems.push(...checkRange(recipe, { range, purpose: stack.purpose }, span));
  }
  for (const name of Object.keys(stack.lines).filter((line) => !names.includes(line)))
    problems.push(
      unknownName(`"${name}" is not a recipe of this stack`, {
        name,
        among: names,
        span: stack.spans?.lines[name] ?? unknownPlace(`stack ${stack.name}`),
      }),
    );
  for (const role of ["server", "openssl", "python"] as const) {
    const name = stack[role];
    if (names.includes(name)) continue;
    problems.push(
      unknownName(`"${name}" is not a recipe of this stack`, {
        name,
        among: names,
        span: stack.spans?.[role] ?? unknownPlace(`stack ${stack.name}`),
      }),
    );
  }
  return problems;
}

function checkRange(
  recipe: Recipe,
  { range, purpose }: { readonly range: string; readonly purpose: Stack["purpose"] },
  span: Span,
): Problem[] {
  if (candidates(recipe, range, purpose).length > 0) return [];
  const low = recipe.versions.filter(({ version }) => inRange(version, range));
  const floor = low[0] === undefined ? undefined : floorAbove(recipe, low[0].version);
  const message =
    low.length === 0
      ? `no version of ${recipe.name} lies in "${range}"`
      : floor === undefined
        ? `every version of ${recipe.name} in "${range}" has known holes: ${low[0]?.vulnerable.map((flaw) => flaw.name).join(", ") ?? ""}`
        : `every version of ${recipe.name} in "${range}" lies below its security floor`;
  const allowed = candidates(recipe, "*", purpose).map((entry) => entry.version);
  return [
    {
      message,
      span,
      expected: allowed.length === 0 ? undefined : `a range that holds one of ${allowed.join(", ")}`,
      hint:
        floor !== undefined
          ? `the floor is ${floor.version}: ${floor.reason}`
          : low.length === 0
            ? undefined
            : "only a stack whose purpose is reproduction takes it",
    },
  ];
}

function checkInputs(stack: Stack, recipes: Recipes): Problem[] {
  return Object.keys(stack.recipes).flatMap((name) => {
    const recipe = recipes.get(name);
    if (recipe === undefined) return [];
    return recipe.inputs.flatMap((input): Problem[] => {
      if (Object.hasOwn(stack.recipes, input)) return [];
      if (!recipes.has(input))
        return [
          unknownName(`unknown input "${input}"`, {
            name: input,
            among: [...recipes.keys()],
            span: inputSpan(recipe, input),
          }),
        ];
      return [
        {
          message: `missing input: ${name} is built against ${input}, which stack ${stack.name} does not have`,
          span: stack.spans?.recipes[name] ?? unknownPlace(`stack ${stack.name}`),
          expected: `"${input}" with its version range beside "${name}"`,
          hint: `add ${input}: "*" to the recipes of the stack`,
        },
      ];
    });
  });
}

/** Each cycle once, as the path that leads back to its first recipe. */
function checkCycles(stack: Stack, recipes: Recipes): Problem[] {
  const problems: Problem[] = [];
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    if (start >= 0) {
      problems.push(cycleProblem([...trail.slice(start), name], recipes));
      return;
    }
    if (done.has(name)) return;
    for (const input of recipes.get(name)?.inputs ?? []) visit(input, [...trail, name]);
    done.add(name);
  };
  for (const name of Object.keys(stack.recipes)) visit(name, []);
  return problems;
}

function cycleProblem(path: readonly string[], recipes: Recipes): Problem {
  const last = recipes.get(path.at(-2) ?? "");
  const span = last === undefined ? unknownPlace("recipe") : inputSpan(last, path.at(-1) ?? "");
  return {
    message: `cycle: ${path.join(" -> ")}`,
    span,
    expected: "inputs that do not lead back to the recipe",
    hint: "remove one of these inputs",
  };
}

function unknownName(message: string, about: { name: string; among: readonly string[]; span: Span }): Problem {
  const match = nearest(about.name, about.among);
  return {
    message,
    span: about.span,
    expected: `one of ${about.among.join(", ")}`,
    hint: match === undefined ? undefined : `did you mean "${match}"?`,
  };
}

function inputSpan(recipe: Recipe, input: string): Span {
  return recipe.spans?.inputs[input] ?? unknownPlace(`recipe ${recipe.name}`);
}

/** For a recipe or stack that was not parsed from a file. */
function unknownPlace(file: string): Span {
  return { file, line: 1, column: 1 };
}
