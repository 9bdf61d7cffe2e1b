import { ForgeError } from "../errors.ts";
import {
  applyHost,
  describePlan,
  packageResource,
  planHost,
  requirementError,
  type Host,
  type RequirementResult,
} from "../host/index.ts";
import type { ResolvedRecipe, Site } from "../recipe/index.ts";
import type { Context } from "./context.ts";
import { openLedger } from "./ledger.ts";
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
  },
): Promise<readonly RequirementResult[]> {
  const { host, site, resolved, pending } = work;
  let { requirements } = work;
  const resource = packageResource(
    neededFor(pending, requirements),
    site.host.packages === "ask"
      ? "default: host.packages is ask"
      : `site file: host.packages is ${site.host.packages}`,
  );
  if (
    resource !== null &&
    (await mayInstall(context, { host, site, requirements: neededFor(pending, requirements) }))
  ) {
    const plans = await planHost(host, [resource]);
    for (const line of plans.flatMap(describePlan)) context.emit({ type: "notice", message: line });
    context.emit({ type: "phase", phase: "packages", state: "start", detail: resource.names.join(" ") });
    const { journal } = await openLedger(context.options.prefix);
    await applyHost(host, plans, { emit: context.emit, journal });
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
