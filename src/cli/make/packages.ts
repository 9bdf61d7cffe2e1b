import { ForgeError } from "../../errors.ts";
import {
  applyHost,
  describePlan,
  packageResource,
  planHost,
  requirementError,
  type Host,
  type RequirementResult,
  type ResourcePlan,
} from "../../host/index.ts";
import type { ResolvedRecipe, Site } from "../../recipe/index.ts";
import type { Context } from "../context.ts";
import { openLedger } from "../machine/ledger.ts";
import { tryRequirements } from "./prepare.ts";

/**
 * Makes sure that the machine has what the builds need: installs what is missing when that is allowed (the site file, `--yes` or an answer
 * on the terminal, and root or sudo), else names all of it at once (`requirement-missing`). What is only wanted is reported when it stays
 * missing. Gives the requirements as they are afterwards.
 */
export async function satisfyRequirements(
  context: Context,
  work: {
    readonly host: Host;
    readonly site: Site;
    readonly resolved: readonly ResolvedRecipe[];
    /** The recipes that are to be built: what only the others would need is not asked for. */
    readonly pending: readonly ResolvedRecipe[];
    readonly requirements: readonly RequirementResult[];
    /** With `--offline` nothing is installed either. */
    readonly options: { readonly offline: boolean };
    /** Runs something while no other run changes the machine for this prefix. */
    readonly alone: <T>(action: () => Promise<T>) => Promise<T>;
  },
): Promise<readonly RequirementResult[]> {
  const { host, site, resolved, pending } = work;
  let { requirements } = work;
  const before = { host, site, requirements: neededFor(pending, requirements) };
  const lacking = before.requirements.some((result) => result.provides.length > 0);
  const plan =
    lacking && !work.options.offline && (await mayInstall(context, before))
      ? await installation(context, before)
      : null;
  if (plan !== null) {
    for (const line of describePlan(plan)) context.emit({ type: "notice", message: line });
    context.emit({ type: "phase", phase: "packages", state: "start", detail: plan.desired ?? "" });
    await work.alone(async () => {
      const { journal } = await openLedger(context.options.prefix);
      await applyHost(host, [plan], { emit: context.emit, journal });
    });
    requirements = await tryRequirements(host, resolved);
    context.emit({ type: "phase", phase: "packages", state: "done" });
  }
  const needed = neededFor(pending, requirements);
  const problem = requirementError(host, needed);
  if (problem !== null) throw problem;
  for (const result of needed.filter((entry) => entry.outcome !== "met")) {
    const { requirement, provides } = result;
    context.emit({
      type: "warning",
      message: `${requirement.name} is not there${requirement.why === undefined ? "" : `: ${requirement.why} is left out`}`,
      ...(provides.length === 0 ? {} : { hint: `install ${provides.join(" ")} and provision again` }),
    });
  }
  return requirements;
}

/** What is to be installed. Packages that are only wanted are left out where they would stand in the way. */
async function installation(
  context: Context,
  {
    host,
    site,
    requirements,
  }: { readonly host: Host; readonly site: Site; readonly requirements: readonly RequirementResult[] },
): Promise<ResourcePlan | null> {
  const origin =
    site.host.packages === "ask"
      ? "default: host.packages is ask"
      : `site file: host.packages is ${site.host.packages}`;
  const planFor = async (results: readonly RequirementResult[]): Promise<ResourcePlan | null> => {
    const resource = packageResource(results, origin);
    return resource === null ? null : ((await planHost(host, [resource]))[0] ?? null);
  };
  const whole = await planFor(requirements);
  const demanded = requirements.filter(({ requirement }) => requirement.wanted !== true);
  if (whole?.action !== "blocked" || demanded.length === requirements.length) return whole;
  context.emit({ type: "warning", message: `packages that are only wanted are left out: ${whole.reason ?? ""}` });
  return planFor(demanded);
}

/** The requirements of some recipes, as they were tried. What is built already needs no compiler any more. */
export function neededFor(
  recipes: readonly ResolvedRecipe[],
  results: readonly RequirementResult[],
): readonly RequirementResult[] {
  const wanted = new Set(recipes.flatMap(({ requirements }) => requirements.map((each) => JSON.stringify(each))));
  return results.filter(({ requirement }) => wanted.has(JSON.stringify(requirement)));
}

/** Whether packages may be installed now. What is only wanted is never worth a question. */
async function mayInstall(
  context: Context,
  {
    host,
    site,
    requirements,
  }: { readonly host: Host; readonly site: Site; readonly requirements: readonly RequirementResult[] },
): Promise<boolean> {
  if (site.host.packages === "never" || host.privilege === "none") return false;
  if (site.host.packages === "install" || context.options.yes) return true;
  if (requirementError(host, requirements) === null) return false;
  if (!context.interactive) return false;
  const names = requirements.flatMap((result) => result.provides);
  if (await context.confirm(`Install ${[...new Set(names)].toSorted().join(" ")}?`)) return true;
  throw new ForgeError("requirement-missing", "the packages were not installed, as you said", {
    hint: "install them yourself, or say yes",
  });
}
