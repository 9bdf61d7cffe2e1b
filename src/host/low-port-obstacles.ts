/** What speaks against each way to a low port on a machine, in words; null when nothing does. Only reads. */
import type { Host } from "./types.ts";

const netBindService = 10n;

/** A process that root starts keeps the capability while it becomes the service's user. */
export async function ambientObstacle(host: Host): Promise<string | null> {
  if (host.platform.os !== "linux") return "capabilities are Linux's";
  if (host.uid !== 0) return "only root can hand the capability on, and tlsforge was not started by root";
  return boundingObstacle((await host.readFile("/proc/self/status")) ?? "");
}

/** The kernel's first unprivileged port. */
export async function sysctlObstacle(host: Host): Promise<string | null> {
  if (host.privilege === "none") return "it needs root, or sudo that asks for no password";
  if ((await host.which("sysctl")) === null) return "the program sysctl is missing";
  const mount = mountOf((await host.readFile("/proc/self/mountinfo")) ?? "", "/proc/sys/net");
  return mount?.flags.includes("ro") === true ? `${mount.point} is mounted read-only, as in a container` : null;
}

/** A file capability on a file at `path`. */
export async function capabilityObstacle(host: Host, path: string): Promise<string | null> {
  if (host.platform.os !== "linux") return "file capabilities are Linux's";
  if (host.privilege === "none") return "it needs root, or sudo that asks for no password";
  if ((await host.which("setcap")) === null || (await host.which("getcap")) === null) return "setcap is missing";
  const status = (await host.readFile("/proc/self/status")) ?? "";
  if (/^NoNewPrivs:\s*1$/m.test(status)) return "no-new-privileges is set here, which voids it";
  return boundingObstacle(status) ?? mountObstacle((await host.readFile("/proc/self/mountinfo")) ?? "", path);
}

/** FreeBSD's rules for single users. */
export async function portaclObstacle(host: Host): Promise<string | null> {
  if (host.platform.os !== "freebsd") return "mac_portacl is FreeBSD's";
  if (host.privilege === "none") return "it needs root, or sudo that asks for no password";
  const jailed = await host.exec(["sysctl", "-n", "security.jail.jailed"], { timeoutSeconds: 10 });
  if (jailed.exitCode === 0 && jailed.stdout.trim() === "1") return "a jail cannot load mac_portacl";
  const loaded = await host.exec(["sysctl", "-n", "security.mac.portacl.enabled"], { timeoutSeconds: 10 });
  if (loaded.exitCode === 0 || (await host.facts("/boot/kernel/mac_portacl.ko")) !== null) return null;
  return "this kernel has no mac_portacl";
}

/** No process can get what the bounding set lacks, not even root (capabilities(7)). */
function boundingObstacle(status: string): string | null {
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return ((bounding >> netBindService) & 1n) === 0n ? "this container lacks cap_net_bind_service" : null;
}

/** File systems that are known to keep the extended attribute that a file capability is. */
const withAttributes = new Set(["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "tmpfs", "bcachefs"]);

/** What the mount that holds `path` has against capabilities. */
export function mountObstacle(mountinfo: string, path: string): string | null {
  const mount = mountOf(mountinfo, path);
  if (mount === null) return "the file system is unknown";
  if (mount.flags.includes("nosuid")) return `${mount.point} is mounted nosuid, which voids it`;
  return withAttributes.has(mount.type) ? null : `${mount.point} is ${mount.type}, which may not keep it`;
}

/** The mount that holds a path (proc(5), mountinfo: mount point is field 5, options 6, type after the dash); of several on one place the last. */
function mountOf(
  mountinfo: string,
  path: string,
): { readonly point: string; readonly flags: readonly string[]; readonly type: string } | null {
  const mounts = mountinfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , , point, flags = ""] = left.split(" ");
    return point === undefined
      ? []
      : [{ point: point.replaceAll("\\040", " "), flags: flags.split(","), type: right.split(" ")[0] ?? "" }];
  });
  const holding = mounts.filter(({ point }) => point === "/" || path === point || path.startsWith(`${point}/`));
  return holding.toSorted((a, b) => a.point.length - b.point.length).at(-1) ?? null;
}
