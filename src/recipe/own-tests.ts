import type { SourceDocument } from "./document.ts";
import type { Problem } from "./problems.ts";
import type { WrittenRecipe } from "./recipe-schema.ts";
import type { OwnTests } from "./package-types.ts";
import type { Step } from "./types.ts";

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
 * The steps that build what is tested and test it: the recipe's own until it installs (what comes after that works on what is installed, and nothing
 * is), without the words that leave tests out, then those of the check, with `checkVariables` replaced. `named`: the tests to run instead of the recipe's own choice. Null for a recipe that has none.
 */
export function stepsOfCheck(
  recipe: { readonly steps: readonly Step[]; readonly check?: OwnTests },
  named: readonly string[],
): Step[] | null {
  const { check, steps } = recipe;
  if (check === undefined) return null;
  const left = new Set(check.without);
  const installs = steps.findIndex(({ kind }) => kind === "install");
  const own = (installs === -1 ? steps : steps.slice(0, installs)).map((step) =>
    step.kind === "configure" || step.kind === "run"
      ? { ...step, argv: step.argv.filter((word) => !left.has(word)) }
      : step,
  );
  const values = checkValues(check, named);
  return [...own, ...check.steps.map((step) => withValues(step, values))];
}

/** Whoever names a test means it, excluded or not. */
export function excludedFrom(check: OwnTests, named: readonly string[]): OwnTests["exclude"] {
  return check.exclude.filter(({ test }) => !named.includes(test));
}

function checkValues(check: OwnTests, named: readonly string[]): Readonly<Record<string, string>> {
  const tests = named.length > 0 ? named : check.tests;
  const excluded = excludedFrom(check, named).map(({ test }) => check.excludeAs.replace("{test}", test));
  return {
    "check.tests": tests.join(" "),
    "check.tests.lines": tests.join("\n"),
    "check.excluded": excluded.join(" "),
    "check.excluded.lines": excluded.join("\n"),
  };
}

/** Every text of a step with the given variables replaced; other variables stay, and so do theirs: a value's own `${` is kept as text. */
function withValues(step: Step, values: Readonly<Record<string, string>>): Step {
  const replaced = (text: string): string =>
    text.replaceAll(/\$\$\{|\$\{([^{}]*)\}/g, (whole, name: string | undefined) =>
      name !== undefined && Object.hasOwn(values, name) ? (values[name] ?? "").replaceAll("${", "$${") : whole,
    );
  const inside = (value: unknown): unknown => {
    if (typeof value === "string") return replaced(value);
    if (Array.isArray(value)) return value.map(inside);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inside(inner)]));
  };
  return inside(step) as Step;
}

function wordsOf(step: Step): readonly string[] {
  return step.kind === "configure" || step.kind === "run" ? step.argv : [];
}
