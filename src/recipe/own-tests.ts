import type { SourceDocument } from "./document.ts";
import type { Problem } from "./problems.ts";
import type { WrittenRecipe } from "./recipe-schema.ts";
import type { OwnTests, Step } from "./types.ts";

/** What steps of `check` may use besides the variables of every step. */
export const checkVariables = ["check.tests", "check.tests.lines", "check.excluded", "check.excluded.lines"] as const;

/** What can be wrong with `check` beyond its schema: a word to leave out that no step has would leave the tests as they are, out. */
export function lintOwnTests(written: WrittenRecipe, document: SourceDocument): Problem[] {
  const words = new Set(written.steps.flatMap(wordsOf));
  return (written.check?.without ?? []).flatMap((word, index) =>
    words.has(word)
      ? []
      : [
          {
            message: `no step of this recipe has the word "${word}"`,
            span: document.locate(["check", "without", index]),
            expected: "a word of the argv of configure or run",
            hint: "take it out, or write it as the step does",
          },
        ],
  );
}

/**
 * The steps that build what is tested and test it: the recipe's own without installing and without the words that leave tests out, then those of
 * the check. Null for a recipe that has none.
 */
export function stepsOfCheck(recipe: { readonly steps: readonly Step[]; readonly check?: OwnTests }): Step[] | null {
  const { check, steps } = recipe;
  if (check === undefined) return null;
  const left = new Set(check.without);
  const own = steps
    .filter(({ kind }) => kind !== "install")
    .map((step) =>
      step.kind === "configure" || step.kind === "run"
        ? { ...step, argv: step.argv.filter((word) => !left.has(word)) }
        : step,
    );
  return [...own, ...check.steps];
}

/** Values of `checkVariables`: what is run (`named`, else the recipe's own choice), and what is left out. */
export function checkValues(check: OwnTests, named: readonly string[]): Readonly<Record<string, string>> {
  const tests = named.length > 0 ? named : check.tests;
  // Whoever names a test means it, excluded or not.
  const excluded = check.exclude
    .filter(({ test }) => !named.includes(test))
    .map(({ test }) => check.excludeAs.replace("{test}", test));
  return {
    "check.tests": tests.join(" "),
    "check.tests.lines": tests.join("\n"),
    "check.excluded": excluded.join(" "),
    "check.excluded.lines": excluded.join("\n"),
  };
}

function wordsOf(step: Step): readonly string[] {
  return step.kind === "configure" || step.kind === "run" ? step.argv : [];
}
