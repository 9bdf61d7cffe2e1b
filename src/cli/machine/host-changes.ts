import { splitAddress } from "../../address.ts";
import type { Emit } from "../../events.ts";
import {
  applyHost,
  describePlan,
  lowPortResources,
  planHost,
  lostRecords,
  undoHost,
  type Host,
  type HostRecord,
  type LowPortDecision,
  type Resource,
  type ResourcePlan,
} from "../../host/index.ts";
import type { Site } from "../../recipe/index.ts";
import { supervisorOf } from "../../server/index.ts";
import { openLedger } from "./ledger.ts";
import type { HostFields } from "../result.ts";
import type { ServiceChange } from "../serve/serve.ts";
import {
  accountOf,
  accountResources,
  firewallResources,
  reloadCommand,
  serviceOf,
  serviceResources,
  type HostMoment,
  type ReloadContext,
  type Service,
} from "../serve/service.ts";
import { interpreterOf, type Runner, type ServerOutputs } from "../serve/setup.ts";

/** What the machine has to give for a set of outputs to serve as the site file says. */
export interface HostWishes {
  readonly resources: readonly Resource[];
  readonly lowPort: LowPortDecision;
  readonly service: Service;
}

/** What wishes are made from. */
export interface WishRequest {
  readonly site: Site;
  readonly host: Host;
  readonly outputs: Pick<ServerOutputs, "openssl" | "pythonTls" | "purpose">;
}

/**
 * Resources of a generation, in the order in which they are made: the service's account, the loader entry for its OpenSSL's library folder,
 * what the low ports need, the service.
 * Throws `host-refused` for what the site file asks for and this machine cannot have.
 */
export async function hostWishes(context: ReloadContext, { site, host, outputs }: WishRequest): Promise<HostWishes> {
  const { prefix } = context.options;
  const decided =
    outputs.purpose === "reproduction" ? await unsupervised(host, site, prefix) : await serviceOf(host, site, prefix);
  const { account } = decided;
  const reload = reloadCommand(context);
  const told = decided.manager === "none" || reload.reason === null ? [] : [reload.reason];
  const service = { ...decided, reasons: [...decided.reasons, ...told] };
  const lowPort = await lowPortResources(host, {
    ports: [...site.server.listen, ...site.server.redirect].map((address) => splitAddress(address).port),
    choice: site.host.lowPort,
    manager: service.manager,
    interpreter: interpreterOf(outputs),
    copy: `${prefix}/var/low-port/bin/python3`,
    ...(account === null ? {} : { user: account, group: account }),
    origin:
      site.host.lowPort === "auto"
        ? "default: host.low-port is auto"
        : `site file: host.low-port is ${site.host.lowPort}`,
  });
  const resources = [
    ...accountResources(service),
    ...loaderResources(site, host, outputs),
    ...lowPort.resources,
    ...(await serviceResources({ site, prefix, service, lowPort, reload: reload.command })),
    ...firewallResources(site),
  ];
  return { resources, lowPort, service };
}

/** What is only reproduced is started by hand, and never at boot. */
async function unsupervised(host: Host, site: Site, prefix: string): Promise<Service> {
  const service = await serviceOf(host, { ...site, host: { ...site.host, service: "none" } }, prefix);
  return { ...service, reasons: ["the stack is for reproduction only, and no service of this machine"] };
}

function loaderResources(site: Site, host: Host, { openssl, purpose }: WishRequest["outputs"]): readonly Resource[] {
  const { loaderPath } = site.host;
  if (loaderPath === false || host.platform.os === "darwin") return [];
  return [
    {
      kind: "loader-path",
      id: "loader-path:tlsforge",
      origin: loaderPath === true ? "site file: host.loader-path is true" : "default: host.loader-path is auto",
      library: `${openssl}/lib`,
      name: "tlsforge",
      demanded: loaderPath === true,
      ...(loaderPath === true && purpose === "reproduction" ? { newNames: true } : {}),
    },
  ];
}

/** Who runs the server once the wishes are fulfilled. Throws as `accountOf` does, which takes the wishes for fulfilled unless told otherwise. */
export async function runnerOf(
  host: Host,
  { lowPort, service }: HostWishes,
  moment: HostMoment = "applied",
): Promise<Runner> {
  const { manager, name } = service;
  return {
    interpreter: lowPort.interpreter,
    supervisor: manager === "none" ? null : supervisorOf(host, manager, name),
    user: await accountOf(host, service, moment),
  };
}

/**
 * Recorded changes that nothing asks for any more, to be taken back. Packages stay: they are asked for by what is built, not by what serves,
 * and others may have come to rely on them.
 */
export function unwished(records: readonly HostRecord[], resources: readonly Resource[]): readonly HostRecord[] {
  const wished = new Set(resources.map((resource) => resource.id));
  return records.filter((record) => record.kind !== "package" && !wished.has(record.id));
}

/** What changes of the units under which a server runs: by what is to be applied, and by what is no longer wished for. */
export function serviceChange(plans: readonly ResourcePlan[], over: readonly HostRecord[]): ServiceChange {
  const changes = (kind: "unit" | "socket"): boolean =>
    plans.some(({ resource, action }) => resource.kind === kind && action !== "none");
  return { unit: changes("unit"), socket: changes("socket") || over.some(({ kind }) => kind === "socket") };
}

/** Changes of the machine for a generation. */
interface WishWork {
  readonly prefix: string;
  readonly resources: readonly Resource[];
  readonly emit: Emit;
}

/**
 * Applies what is wished for, and gives the plans that were followed and the records that stand then. What is no longer wished for stays: the
 * server that still serves may need it. Every step is in the prefix's ledger before it is taken. `earlier`: the generation's
 * records; what the ledger says of the same resource counts more. Throws as `applyHost` does.
 */
export async function applyWishes(
  host: Host,
  { prefix, resources, earlier, emit }: WishWork & { readonly earlier: readonly HostRecord[] },
): Promise<{ readonly plans: readonly ResourcePlan[]; readonly records: readonly HostRecord[] }> {
  const ledger = await openLedger(prefix, earlier);
  const known = ledger.records();
  const plans = await planHost(host, resources);
  await applyHost(host, plans, { emit, journal: ledger.journal });
  // What is certainly not there, and may not be made again, is no change of ours any more: it would never be "as we left it".
  for (const { id } of await lostRecords(host, known, plans))
    if (plans.some((plan) => plan.id === id && plan.action === "blocked")) await ledger.forget(id);
  return { plans, records: ledger.records() };
}

/**
 * Takes back what is no longer wished for after `applyWishes`, which leaves every record in the ledger and none of what is lost, and gives the records that stand then. What cannot be taken back is left alone and told as blocked;
 * it stays ours unless nothing of ours is there any more. Throws as `undoHost` does.
 */
export async function takeBackUnwished(
  host: Host,
  { prefix, resources, emit }: WishWork,
): Promise<readonly HostRecord[]> {
  const ledger = await openLedger(prefix);
  const over = unwished(ledger.records(), resources);
  const standing = await undoHost(host, over, { emit, journal: ledger.journal });
  for (const { id } of await lostRecords(host, standing, [])) await ledger.forget(id);
  return ledger.records();
}

/** Takes the service of a prefix back from the machine: what must not be started at the next boot. */
export async function withdrawService(host: Host, prefix: string, emit: Emit): Promise<void> {
  const ledger = await openLedger(prefix);
  const service = ledger.records().filter(({ kind }) => ["unit", "socket", "rc-script"].includes(kind));
  await undoHost(host, service, { emit, journal: ledger.journal });
}

/** What `--json` tells of changes that would be taken back. */
export function undoFields(records: readonly HostRecord[]): readonly HostFields[] {
  return records.map(({ id, before, after }) => ({
    id,
    action: "delete",
    current: after,
    desired: before,
    origin: "site file: no longer asked for",
    why: "an earlier generation made it",
    commands: [],
  }));
}

/** What `--json` tells of host changes. */
export function hostFields(plans: readonly ResourcePlan[]): readonly HostFields[] {
  return plans.map(({ id, action, current, desired, origin, why, effect, reason, commands }) => ({
    id,
    action,
    current,
    desired,
    origin,
    why,
    ...(effect === undefined ? {} : { effect }),
    ...(reason === undefined ? {} : { reason }),
    commands: commands.map(({ argv, elevated }) => ({ argv, elevated })),
  }));
}

/** Host changes as lines of text. */
export function hostText(plans: readonly ResourcePlan[]): readonly string[] {
  return plans.flatMap(describePlan);
}
