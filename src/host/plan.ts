import { ForgeError } from "../errors.ts";
import { readOnlyReason, remedyFor } from "./mounts.ts";
import { kindOf } from "./resources/index.ts";
import type { Moment } from "./resources/index.ts";
import { blocked } from "./resources/kind.ts";
import type { Host, Resource, ResourcePlan } from "./types.ts";

/**
 * What would be done to the machine for each resource, in order. Only reads. What cannot be read is `blocked` with the reason,
 * and so is what needs a privilege that there is not, or writes to a file system that is mounted read-only.
 */
export async function planHost(host: Host, resources: readonly Resource[]): Promise<readonly ResourcePlan[]> {
  return Promise.all(resources.map((resource) => planResource(host, resource, "show")));
}

/** One resource's plan at a moment, with the questions answered that are the same for every kind. */
export async function planResource(host: Host, resource: Resource, moment: Moment): Promise<ResourcePlan> {
  const plan = await readPlan(host, resource, moment);
  if (plan.commands.length === 0) return plan;
  const needsRoot = plan.commands.some((command) => command.elevated);
  const reason =
    needsRoot && host.privilege === "none"
      ? `needs root${isDemanded(resource) ? `, ${host.noPrivilege}` : "; skipped"}`
      : await readOnlyReason(host, plan.commands);
  return reason === null ? plan : { ...plan, action: "blocked", reason };
}

/** Whether provisioning must not go on without it: packages always, the others when the site file asks for them. */
export function isDemanded(resource: Resource): boolean {
  return resource.kind === "package" || resource.demanded;
}

/** Throws `host-refused`, with every reason, when something demanded is blocked. */
export function refuseDemanded(plans: readonly ResourcePlan[]): void {
  const [first, ...others] = plans.filter((plan) => plan.action === "blocked" && isDemanded(plan.resource));
  if (first === undefined) return;
  throw new ForgeError("host-refused", `${first.id} cannot be applied: ${reasonOf(first)}`, {
    hint: remedyOf(first),
    details: [
      ...first.commands.map((command) => command.argv.join(" ")),
      ...others.map((plan) => `${plan.id} cannot be applied either: ${reasonOf(plan)}`),
    ],
  });
}

/** The same before anything is built: what only waits for a build is no reason to refuse. */
export function refuseEarly(plans: readonly ResourcePlan[]): void {
  refuseDemanded(plans.filter(({ unbuilt }) => unbuilt !== true));
}

function reasonOf(plan: ResourcePlan): string {
  return plan.reason ?? "its state is unknown";
}

function remedyOf(plan: ResourcePlan): string {
  const mounted = / is on the file system (.+), which is mounted read-only$/.exec(plan.reason ?? "")?.[1];
  if (mounted !== undefined) return remedyFor(mounted);
  return plan.commands.length === 0
    ? `asked for by ${plan.origin}: change that, or what stands in the way`
    : "run tlsforge as root, or as a user whose sudo asks for no password or on a terminal";
}

/**
 * A plan as lines of text, for people: what would change, why and who asks for it, which command with which privilege, and what it means for
 * others on the machine.
 */
export function describePlan(plan: ResourcePlan): readonly string[] {
  const lines = [
    `${plan.action} ${plan.id}: ${plan.current ?? "nothing"} -> ${plan.desired ?? "nothing"}`,
    `  why: ${plan.why} (${plan.origin})`,
  ];
  if (plan.reason !== undefined) lines.push(`  blocked: ${plan.reason}`);
  for (const command of plan.commands)
    lines.push(`  ${command.elevated ? "as root" : "as you"}: ${command.argv.join(" ")}`);
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
