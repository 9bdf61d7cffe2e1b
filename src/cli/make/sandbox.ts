/** How far builds are sealed on this machine, and the refusal of `--require-sandbox`. */
import { userInfo } from "node:os";
import path from "node:path";
import {
  findSeal,
  isWhole,
  onlineSteps,
  requireNoNetwork,
  requireSeal,
  sealText,
  type Seal,
} from "../../build/index.ts";
import { ForgeError } from "../../errors.ts";
import { stepsOfCheck, type ResolvedRecipe } from "../../recipe/index.ts";
import type { Receipt } from "../../store/index.ts";
import type { Check } from "../checks.ts";
import type { Context } from "../context.ts";
import type { SourceOptions, TestRequest } from "./types.ts";

/** The seal that builds of this run get. */
export function sealOf({ code, environment, home, signal }: Context): Promise<Seal> {
  const script = path.join(code, "build", "seal", "seal.pl");
  return findSeal({ script, path: environment["PATH"] ?? "", homes: [home, ...accountHome()] }, signal);
}

/** Throws `sandbox-missing` where a seal is required and cannot be had. `perlToCome`: packages are about to be installed, and it may be one of them. */
export async function refuseUnsealed(context: Context, required: boolean, perlToCome: boolean): Promise<void> {
  if (!required) return;
  const seal = await sealOf(context);
  if (!perlToCome || !seal.perlMissing) requireSeal(seal);
}

/** The steps of recipes that have the network, as people read them. */
export function onlineText(recipes: readonly Pick<ResolvedRecipe, "name" | "steps">[], offline: boolean): string[] {
  return recipes.flatMap(({ name, steps }) => onlineSteps(steps, offline).map((step) => `${name}: ${step}`));
}

/**
 * Throws `sandbox-missing` where a seal is required and a step would have the network: of what is built (`pending`), or of own tests that are
 * asked for of any in the `stack`.
 */
export function refuseOnline(
  recipes: { readonly pending: readonly ResolvedRecipe[]; readonly stack: readonly ResolvedRecipe[] },
  tests: TestRequest | undefined,
  { requireSandbox, offline }: SourceOptions,
): void {
  if (requireSandbox !== true) return;
  const wanted = ({ name }: ResolvedRecipe): boolean =>
    tests !== undefined && (Object.keys(tests.named).length === 0 || name in tests.named);
  const tested = recipes.stack.filter(wanted).map((recipe) => ({
    name: `tests of ${recipe.name}`,
    steps: stepsOfCheck(recipe, []) ?? [],
  }));
  requireNoNetwork(onlineText([...recipes.pending, ...tested], offline));
}

/** Throws `sandbox-missing` where a seal is required and outputs that are there already were made without a whole one, or do not say. */
export function refuseMadeUnsealed(receipts: readonly Receipt[], required: boolean): void {
  const found = required ? receipts.filter(({ seal }) => !isWhole(seal)) : [];
  if (found.length === 0) return;
  const details = found.map(
    ({ recipe, version, out, seal }) =>
      `${recipe} ${version} (${out}): ${seal?.text ?? "its receipt tells of no seal"}`,
  );
  const names = found.map(({ recipe, version }) => `${recipe} ${version}`).join(", ");
  throw new ForgeError(
    "sandbox-missing",
    `already built, and not sealed whole, while --require-sandbox was given: ${names}`,
    {
      details,
      hint: "build into another prefix with --prefix; tlsforge gc removes an output that no generation uses any more, and then it is built anew here",
    },
  );
}

/** What `doctor` says of it: nothing that stands rests on it. */
export async function sandboxCheck(context: Context): Promise<Check> {
  const seal = await sealOf(context).catch((error: unknown) => {
    if (error instanceof ForgeError && error.code === "build-failed") return error;
    throw error;
  });
  if (seal instanceof ForgeError)
    return { id: "sandbox", outcome: "unknown", message: seal.message, fix: seal.hint ?? null };
  return {
    id: "sandbox",
    outcome: seal.grade === "full" ? "pass" : "info",
    message: `builds would be ${sealText(seal)}`,
    fix: seal.remedy,
  };
}

/** What must not be overlooked about an output that was not kept to itself while it was made; none for one that was. */
export function unsealedWarning({ recipe, version, seal }: Receipt): readonly string[] {
  return seal === undefined || isWhole(seal) ? [] : [`${recipe} ${version} was built ${seal.text}`];
}

/** What must not be overlooked about a build that left something running: it may have been meant to go on, or its output may lack what it was to do. */
export function leftBehindWarnings({ recipe, version, seal }: Receipt): readonly string[] {
  return (seal?.leftBehind ?? []).map((text) => `${recipe} ${version}: ${text}`);
}

/** Warnings for the end of a run without those of what its own builds left running: they were told when that happened. */
export function notToldYet(
  warnings: readonly string[],
  made: readonly { readonly receipt: Receipt; readonly cached: boolean }[],
): readonly string[] {
  const told = new Set(made.flatMap(({ receipt, cached }) => (cached ? [] : leftBehindWarnings(receipt))));
  return warnings.filter((warning) => !told.has(warning));
}

/** The account's home, whatever the environment calls one. */
function accountHome(): readonly string[] {
  try {
    return [userInfo().homedir];
  } catch {
    // An account without an entry has no home to hide.
    return [];
  }
}
