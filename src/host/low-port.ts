import { ownerOf } from "./resources/managed-file.ts";
import { sysctl } from "./resources/sysctl.ts";
import type { Host, Resource } from "./types.ts";

/** What the choice of a way to low ports stands on. */
export interface LowPortOptions {
  /** Every port that the server shall listen on. */
  readonly ports: readonly number[];
  /** `host.low-port` of the site file. */
  readonly choice: "auto" | "sysctl" | "file-capability" | "none";
  /** The interpreter that runs the server. */
  readonly interpreter: string;
  /** Where a private copy of it would be, in a folder of its own: `<folder>/bin/python3`. */
  readonly copy: string;
  /** The service's group, when the server does not run as who provisions. */
  readonly group?: string;
  /** Which line or default asks for these ports. */
  readonly origin: string;
}

/** The way that was chosen, and why the others were not. */
export interface LowPortDecision {
  readonly method: "not-needed" | "root" | "file-capability" | "sysctl" | "none";
  readonly resources: readonly Resource[];
  /** What the server is to be started with. */
  readonly interpreter: string;
  readonly reasons: readonly string[];
}

/**
 * How the server gets at its ports with the least privilege: nothing when they are free for everyone or it runs as root; else as the site file says.
 * `auto` is a file capability where the machine allows one, else the sysctl.
 */
export async function lowPortResources(host: Host, options: LowPortOptions): Promise<LowPortDecision> {
  const decide = (
    method: LowPortDecision["method"],
    reasons: readonly string[],
    resources: readonly Resource[] = [],
  ): LowPortDecision => ({
    method,
    resources,
    interpreter: method === "file-capability" ? options.copy : options.interpreter,
    reasons,
  });
  const first = await firstFreePort(host);
  const lowest = Math.min(...options.ports);
  if (lowest >= first && (await openedByUs(host, lowest, options)))
    return decide(
      "sysctl",
      [`port ${lowest} is open to every user by our own sysctl`],
      [sysctlResource(host, lowest, options.origin)],
    );
  if (lowest >= first) return decide("not-needed", [`every port from ${first} up is free for every user`]);
  if (host.uid === 0 && options.group === undefined)
    return decide("root", [`port ${lowest} is below ${first}; the server is started by root`]);
  if (options.choice === "none") return decide("none", [`port ${lowest} is below ${first}, and host.low-port is none`]);
  if (options.choice === "sysctl")
    return decide("sysctl", ["host.low-port is sysctl"], [sysctlResource(host, lowest, options.origin)]);
  if (options.choice === "file-capability")
    return decide("file-capability", ["host.low-port is file-capability"], [capabilityResource(options)]);
  const obstacle = await capabilityObstacle(host, options.copy);
  if (obstacle === null)
    return decide("file-capability", ["file capabilities work here"], [capabilityResource(options)]);
  return decide("sysctl", [`no file capability: ${obstacle}`], [sysctlResource(host, lowest, options.origin)]);
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

/** Whether a port is free for everyone because an earlier run set the sysctl: then it is still needed, or the next run would take it back. */
async function openedByUs(host: Host, port: number, { choice, group, origin }: LowPortOptions): Promise<boolean> {
  if (!["auto", "sysctl"].includes(choice) || (host.uid === 0 && group === undefined)) return false;
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

/** Why a file capability would not work for a file at `path`; null when nothing speaks against it. */
async function capabilityObstacle(host: Host, path: string): Promise<string | null> {
  if (host.platform.os !== "linux") return "Linux only";
  if ((await host.which("setcap")) === null || (await host.which("getcap")) === null) return "setcap is missing";
  const status = (await host.readFile("/proc/self/status")) ?? "";
  if (/^NoNewPrivs:\s*1$/m.test(status)) return "no-new-privileges is set here, which voids it";
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const netBindService = 10n;
  if (((bounding >> netBindService) & 1n) === 0n) return "this container lacks cap_net_bind_service";
  return mountObstacle((await host.readFile("/proc/self/mountinfo")) ?? "", path);
}

/** File systems that are known to keep the extended attribute that a file capability is. */
const withAttributes = new Set(["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "tmpfs", "bcachefs"]);

/** What the mount that holds `path` has against capabilities (proc(5), mountinfo: mount point is field 5, options 6, type after the dash). */
export function mountObstacle(mountinfo: string, path: string): string | null {
  const mounts = mountinfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , , point, flags = ""] = left.split(" ");
    return point === undefined
      ? []
      : [{ point: point.replaceAll("\\040", " "), flags: flags.split(","), type: right.split(" ")[0] ?? "" }];
  });
  const holding = mounts.filter(({ point }) => point === "/" || path === point || path.startsWith(`${point}/`));
  const mount = holding.toSorted((a, b) => a.point.length - b.point.length).at(-1);
  if (mount === undefined) return "the file system is unknown";
  if (mount.flags.includes("nosuid")) return `${mount.point} is mounted nosuid, which voids it`;
  return withAttributes.has(mount.type) ? null : `${mount.point} is ${mount.type}, which may not keep it`;
}
