import { mkdir } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import { stepsOfCheck } from "../recipe/index.ts";
import { endOfLog, testedOutput } from "../store/index.ts";
import { runBuild } from "./build.ts";
import { readResults, type TestResults } from "./results.ts";
import type { BuildContext } from "./types.ts";

/** How a package's own tests went. */
export interface TestOutcome extends TestResults {
  readonly outcome: "pass" | "fail";
}

/** So much of a log's end is read for the results. */
const tailBytes = 4 * 1024 * 1024;

/**
 * Builds a package once more with its tests, in the scratch folder alone, and runs them: `named` ones, else the recipe's choice. What is built there
 * would be installed to a folder of the scratch folder and never is: the output in the store is neither written nor loaded. Tests that fail
 * are an outcome, as is that none ran; everything else that goes wrong is thrown as by `runBuild`.
 */
export async function runOwnTests(context: BuildContext, named: readonly string[]): Promise<TestOutcome> {
  const { derivation, scratch } = context;
  const { recipe } = derivation;
  const steps = stepsOfCheck(recipe, named);
  if (steps === null || recipe.check === undefined)
    throw new Error(`the recipe ${recipe.name} has no tests of its own`);
  const out = testedOutput(scratch);
  await mkdir(out, { recursive: true });
  const testing: BuildContext = {
    ...context,
    derivation: { ...derivation, out, recipe: { ...recipe, steps } },
    checking: true,
  };
  const failure = await runBuild(testing).then(() => null, asBuildFailure);
  const results = readResults(recipe.check.results, await endOfLog(context.log, tailBytes));
  if (failure !== null && (results === null || results.failed === 0)) throw failure;
  if (results === null) return { outcome: "fail", passed: 0, failed: 0, skipped: 0, failures: ["no test has run"] };
  return { outcome: results.failed === 0 && results.passed > 0 ? "pass" : "fail", ...results };
}

/** What is never the doing of a test, whatever the log says. */
const notOfTests: ReadonlySet<string> = new Set(["interrupted", "disk-full", "prefix-unusable", "recipe-invalid"]);

/** The failure of a step, which may be that of tests, whatever it was taken for; all others are thrown on. */
function asBuildFailure(error: unknown): ForgeError {
  if (error instanceof ForgeError && !notOfTests.has(error.code)) return error;
  throw error;
}
