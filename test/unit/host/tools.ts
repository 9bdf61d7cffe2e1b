import type { ForgeEvent } from "../../../src/events.ts";
import { applyHost, planHost } from "../../../src/host/index.ts";
import type { Host, HostRecord, MemoryHost, Resource, ResourcePlan } from "../../../src/host/index.ts";

/** Plans and applies one resource; gives the plan, the records and the events. */
export async function provide(
  host: Host,
  resource: Resource,
): Promise<{ plan: ResourcePlan; records: readonly HostRecord[]; events: ForgeEvent[] }> {
  const events: ForgeEvent[] = [];
  const plan = await planOf(host, resource);
  return { plan, records: await applyHost(host, [plan], { emit: (event) => events.push(event) }), events };
}

export async function planOf(host: Host, resource: Resource): Promise<ResourcePlan> {
  const [plan] = await planHost(host, [resource]);
  if (plan === undefined) throw new Error("no plan");
  return plan;
}

/** Everything that a change of the machine would show in. */
export function snapshot(host: MemoryHost): Record<string, unknown> {
  return Object.fromEntries([...host.files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Commands that change something, as text. */
export function changes(host: MemoryHost): string[] {
  return host.commands.filter(({ argv, elevated }) => elevated || argv[0] === "brew").map(({ argv }) => argv.join(" "));
}

export const ignore = { emit: (): void => undefined };
