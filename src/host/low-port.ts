import { ForgeError } from "../errors.ts";
import { ambientObstacle, capabilityObstacle, portaclObstacle, sysctlObstacle } from "./low-port-obstacles.ts";
import { ownerOf } from "./resources/managed-file.ts";
import { overruledReason, sysctl } from "./resources/sysctl.ts";
import type { ServiceManager } from "./service/decide.ts";
import type { Host, Resource } from "./types.ts";

/** A way to ports that not every user may bind. The order is the order of preference: the least privilege first. */
export type LowPortMethod = "socket" | "ambient" | "sysctl" | "file-capability" | "portacl";

/** What the choice of a way to low ports stands on. */
export interface LowPortOptions {
  /** Every port that the server shall listen on. */
  readonly ports: readonly number[];
  /** `host.low-port` of the site file. */
  readonly choice: "auto" | LowPortMethod | "none";
  /** Who runs the server (`serviceDecision`). */
  readonly manager: ServiceManager;
  /** The interpreter that runs the server. */
  readonly interpreter: string;
  /** Where a private copy of it would be, in a folder of its own: `<folder>/bin/python3`. */
  readonly copy: string;
  /** The service's group, when the server does not run as who provisions. */
  readonly group?: string;
  /** The service's user by name: portacl's rules are for one. */
  readonly user?: string;
  /** Which line or default asks for these ports. */
  readonly origin: string;
}

/** The way that was chosen, and why the others were not. */
export interface LowPortDecision {
  /**
   * `socket`: systemd's socket unit. `ambient`: the service unit or our launcher hands on the one capability.
   * `sysctl` also is FreeBSD's reservedhigh. `none`: nothing is done, and a low port will be refused.
   */
  readonly method: "not-needed" | LowPortMethod | "none";
  readonly resources: readonly Resource[];
  /** What the server is to be started with. */
  readonly interpreter: string;
  readonly reasons: readonly string[];
}

/**
 * How the server gets at its ports with the least privilege. `auto` is the first way that works here, and the reasons say why no earlier one does;
 * under systemd that is its socket unit for every port, since a socket that outlives the server is never closed by a restart.
 * Throws `host-refused` for a way without a resource that the site file asks for and that cannot work here.
 */
export async function lowPortResources(host: Host, options: LowPortOptions): Promise<LowPortDecision> {
  const { choice, manager } = options;
  const lowest = Math.min(...options.ports);
  if (manager === "systemd" && (choice === "auto" || choice === "socket"))
    return decided(options, "socket", [choice === "auto" ? "systemd holds the ports" : "host.low-port is socket"]);
  const first = await firstFreePort(host);
  const opened = lowest >= first && (await openedByUs(host, lowest, options.origin));
  if (lowest >= first && !opened)
    return decided(options, "not-needed", [`every port from ${first} up is free for every user`]);
  if (choice === "none") {
    const state = opened ? "is open by our own sysctl only" : `is below ${first}`;
    return decided(options, "none", [`port ${lowest} ${state}, and host.low-port is none`]);
  }
  if (choice === "auto") return firstThatWorks(host, options, { lowest, opened });
  await demand(host, options, { lowest, method: choice });
  return decided(
    options,
    choice,
    [`host.low-port is ${choice}`],
    resourcesOf(host, options, { lowest, method: choice }),
  );
}

/** A way to ports from `lowest` up. */
interface Way {
  readonly lowest: number;
  readonly method: LowPortMethod;
}

async function firstThatWorks(
  host: Host,
  options: LowPortOptions,
  { lowest, opened }: { readonly lowest: number; readonly opened: boolean },
): Promise<LowPortDecision> {
  const reasons: string[] = [];
  for (const method of methodsOf(host)) {
    if (method === "sysctl" && opened) {
      const resources = resourcesOf(host, options, { lowest, method });
      return decided(
        options,
        method,
        [...reasons, `port ${lowest} is open to every user by our own sysctl`],
        resources,
      );
    }
    const obstacle = await obstacleTo(host, options, { lowest, method });
    if (obstacle === null) {
      const resources = resourcesOf(host, options, { lowest, method });
      return decided(options, method, [...reasons, `${method} works here`], resources);
    }
    reasons.push(`no ${method}: ${obstacle}`);
  }
  // What would do with privilege is planned, and told as blocked with its command.
  const method = host.platform.os === "freebsd" ? "portacl" : "sysctl";
  return decided(options, method, reasons, resourcesOf(host, options, { lowest, method }));
}

function methodsOf(host: Host): readonly LowPortMethod[] {
  return host.platform.os === "freebsd" ? ["portacl", "sysctl"] : ["socket", "ambient", "sysctl", "file-capability"];
}

/** Why a way does not work here; null when it does. */
async function obstacleTo(host: Host, options: LowPortOptions, { lowest, method }: Way): Promise<string | null> {
  switch (method) {
    case "socket":
      return options.manager === "systemd" ? null : "systemd does not run this server";
    case "ambient":
      return ambientObstacle(host);
    case "sysctl":
      return (await sysctlObstacle(host)) ?? overruledReason(host, sysctlResource(host, lowest, options.origin));
    case "file-capability":
      return options.manager === "systemd"
        ? "its unit lets nothing gain privileges"
        : capabilityObstacle(host, options.copy);
    case "portacl":
      return options.user === undefined ? "its rules are for one user, and none is known" : portaclObstacle(host);
  }
}

/** Refuses a way that the site file asks for and that no resource's plan would tell to be blocked. */
async function demand(host: Host, options: LowPortOptions, { lowest, method }: Way): Promise<void> {
  const planned =
    method === "sysctl" || method === "portacl" || (method === "file-capability" && options.manager !== "systemd");
  const obstacle = planned ? null : await obstacleTo(host, options, { lowest, method });
  if (obstacle === null) return;
  throw new ForgeError("host-refused", `host.low-port is ${method}, which does not work here: ${obstacle}`, {
    hint: "use host.low-port: auto, which says why each way does not work",
  });
}

function decided(
  options: LowPortOptions,
  method: LowPortDecision["method"],
  reasons: readonly string[],
  resources: readonly Resource[] = [],
): LowPortDecision {
  const interpreter = method === "file-capability" ? options.copy : options.interpreter;
  return { method, resources, interpreter, reasons };
}

function resourcesOf(host: Host, options: LowPortOptions, { lowest, method }: Way): readonly Resource[] {
  switch (method) {
    case "socket":
    case "ambient":
      return [];
    case "sysctl":
      return [sysctlResource(host, lowest, options.origin)];
    case "file-capability":
      return [capabilityResource(options)];
    case "portacl":
      return [portaclResource(options)];
  }
}

const linuxFile = "/etc/sysctl.d/50-tlsforge.conf";

/** The lowest port that every user may bind. */
async function firstFreePort(host: Host): Promise<number> {
  if (host.platform.os === "linux")
    return Number((await host.readFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"))?.trim() ?? 1024);
  // macOS opened them all with 10.14.
  if (host.platform.os === "darwin") return 0;
  const answer = await host.exec(["sysctl", "-n", "net.inet.ip.portrange.reservedhigh"], { timeoutSeconds: 10 });
  return answer.exitCode === 0 ? Number(answer.stdout.trim()) + 1 : 1024;
}

/** Whether a port is free for everyone because an earlier run made it so: then a way to it is still needed, or the next run would take it back. */
async function openedByUs(host: Host, port: number, origin: string): Promise<boolean> {
  if (host.platform.os === "freebsd") {
    // The line has one value only, and what it was before is the last port that was kept from users.
    const ours = await sysctl.adopt?.(host, sysctlResource(host, port, origin));
    return ours !== null && ours !== undefined && port <= Number(ours["live"]);
  }
  if (host.platform.os !== "linux") return false;
  const text = await host.readFile(linuxFile);
  const before = /^# It was (\d+)$/m.exec(text ?? "")?.[1];
  return ownerOf(text) === "ours" && before !== undefined && port < Number(before);
}

function capabilityResource(options: LowPortOptions): Resource {
  return {
    kind: "capability",
    id: "capability:interpreter",
    origin: options.origin,
    source: options.interpreter,
    copy: options.copy,
    capability: "cap_net_bind_service",
    demanded: true,
    ...(options.group === undefined ? {} : { group: options.group }),
  };
}

function portaclResource({ origin, ports, user }: LowPortOptions): Resource {
  const low = ports.filter((port) => port < 1024);
  return { kind: "portacl", id: "portacl:ports", origin, demanded: true, user: user ?? "", ports: low };
}

function sysctlResource(host: Host, lowest: number, origin: string): Extract<Resource, { kind: "sysctl" }> {
  const common = { kind: "sysctl", origin, demanded: true } as const;
  if (host.platform.os === "freebsd") {
    return {
      ...common,
      id: "sysctl:net.inet.ip.portrange.reservedhigh",
      key: "net.inet.ip.portrange.reservedhigh",
      value: "0",
      file: "/etc/sysctl.conf",
    };
  }
  return {
    ...common,
    id: "sysctl:net.ipv4.ip_unprivileged_port_start",
    key: "net.ipv4.ip_unprivileged_port_start",
    value: String(lowest),
    file: linuxFile,
  };
}
