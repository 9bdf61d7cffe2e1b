import { ForgeError } from "../errors.ts";
import { kindOf } from "./resources/index.ts";
import type { Moment } from "./resources/index.ts";
import { blocked } from "./resources/kind.ts";
import type { Host, Resource, ResourcePlan } from "./types.ts";

/**
 * What would be done to the machine for each resource, in order. Only reads. What cannot be read is `blocked` with the reason,
 * and so is what needs a privilege that there is not.
 */
export async function planHost(host: Host, resources: readonly Resource[]): Promise<readonly ResourcePlan[]> {
  return Promise.all(resources.map((resource) => planResource(host, resource, "show")));
}

/** One resource's plan at a moment, with the question of privilege answered. */
export async function planResource(host: Host, resource: Resource, moment: Moment): Promise<ResourcePlan> {
  const plan = await readPlan(host, resource, moment);
  const needsRoot = plan.commands.some((command) => command.elevated);
  if (!needsRoot || host.privilege !== "none") return plan;
  return {
    ...plan,
    action: "blocked",
    reason: isDemanded(resource) ? "needs root, or sudo that asks for no password" : "needs root; skipped",
  };
}

/** Whether provisioning must not go on without it: packages always, the others when the site file asks for them. */
export function isDemanded(resource: Resource): boolean {
  return resource.kind === "package" || resource.demanded;
}

/** A plan as lines of text, for people. */
export function describePlan(plan: ResourcePlan): readonly string[] {
  const lines = [
    `${plan.action} ${plan.id}: ${plan.current ?? "nothing"} -> ${plan.desired ?? "nothing"}`,
    `  why: ${plan.why} (${plan.origin})`,
  ];
  if (plan.reason !== undefined) lines.push(`  blocked: ${plan.reason}`);
  for (const command of plan.commands)
    lines.push(`  ${command.elevated ? "as root" : "run"}: ${command.argv.join(" ")}`);
  if (plan.effect !== undefined) lines.push(`  effect: ${plan.effect}`);
  return plan.action === "none" && plan.effect === undefined ? lines.slice(0, 1) : lines;
}

async function readPlan(host: Host, resource: Resource, moment: Moment): Promise<ResourcePlan> {
  try {
    return await kindOf(resource.kind).plan(host, resource, moment);
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "host-failed") throw error;
    return blocked(resource, { current: null, desired: null, why: "its state is unknown", reason: error.message });
  }
}
