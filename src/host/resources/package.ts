import { alternativesOf, candidateVersions, decide } from "../packages/candidates.ts";
import { managers } from "../packages/managers.ts";
import type { PackageManager } from "../packages/managers.ts";
import type { Host, HostCommand, Resource } from "../types.ts";
import { blocked, planBase } from "./kind.ts";
import type { ResourceKind } from "./kind.ts";

type Package = Extract<Resource, { kind: "package" }>;

/**
 * Packages of the machine's own manager. Nothing that is there is upgraded, nothing recommended is added.
 * A name may be alternatives with versions (`rustc>=1.83|rustc-web>=1.83`), decided by the package lists, which are fetched first when they do not know an answer.
 */
export const packages: ResourceKind<Package> = {
  async plan(host, resource, moment) {
    const desired = resource.names.join(" ");
    const manager = managerOf(host);
    if (manager === null)
      return blocked(resource, {
        current: null,
        desired,
        why: resource.why,
        reason: "no package manager is known for this machine",
      });
    const listed = await listPackages(host, manager);
    if (listed === null)
      return blocked(resource, {
        current: null,
        desired,
        why: resource.why,
        reason: `${manager.list[0] ?? ""} does not tell what is installed`,
      });
    const { installed } = listed;
    const missing = resource.names.filter((wanted) => !alternativesOf(wanted).some(({ name }) => installed.has(name)));
    const state = {
      current: resource.names.filter((wanted) => !missing.includes(wanted)).join(" ") || null,
      desired,
      why: resource.why,
    };
    if (missing.length === 0) return { ...planBase(resource), ...state, action: "none", commands: [] };

    const { names, unknown } = await chooseNames(host, missing);
    if (unknown.length > 0 && moment === "again") {
      return blocked(resource, { ...state, reason: `no package list has ${unknown.join(", ")}` });
    }
    const mend = await mendingOf(host, manager, listed.broken);
    const refresh = unknown.length === 0 || manager.refresh === null ? [] : [command(manager, manager.refresh)];
    // Before a change, fresh lists come first and decide the names; shown are the likely ones.
    const install = refresh.length > 0 && moment === "change" ? [] : [command(manager, manager.install(names))];
    return {
      ...planBase(resource),
      ...state,
      action: state.current === null ? "create" : "update",
      commands: [...mend, ...refresh, ...install],
      effect: `installs ${names.join(" ")} and what they need, for everyone on this machine; upgrades nothing`,
    };
  },

  async remember(host) {
    const manager = managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    return { before: [...(installed ?? [])].join(" ") };
  },

  async settle(host, resource, remembered) {
    const manager = managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    const before = new Set((remembered["before"] ?? "").split(" "));
    return {
      names: resource.names.join(" "),
      added: [...(installed ?? [])]
        .filter((name) => !before.has(name))
        .toSorted()
        .join(" "),
    };
  },

  async undo(host, record) {
    const manager = managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    if (manager === null || installed === null)
      return { action: "blocked", commands: [], detail: "the installed packages cannot be read" };
    const added = (record.data["added"] ?? "").split(" ").filter((name) => name !== "");
    const present = added.filter((name) => installed.has(name));
    if (present.length === 0) return { action: "none", commands: [], detail: "the packages are gone already" };
    const others = await takenAlong(host, manager, present);
    if (others === null)
      return { action: "blocked", commands: [], detail: "what else a removal would take along cannot be told" };
    if (others.length > 0)
      return {
        action: "blocked",
        commands: [],
        detail: `${present.join(" ")} stay: ${others.join(", ")} came later and need them`,
      };
    return {
      action: "delete",
      commands: [command(manager, manager.remove(present))],
      detail: `${present.join(" ")} are removed`,
    };
  },

  async quickCheck(host, record) {
    const wanted = (record.data["names"] ?? "").split(" ").filter((name) => name !== "");
    if (host.packageFamily === "apt") return every(wanted, (name) => recordedByDpkg(host, name));
    const manager = managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    return installed === null ? null : wanted.every((name) => installed.has(name));
  },

  beforeRetry(host, argv) {
    // The usual reason is a list that is older than the pool it describes.
    const manager = managerOf(host);
    if (
      manager?.refresh === undefined ||
      manager.refresh === null ||
      argv.includes("update") ||
      argv.includes("remove")
    )
      return null;
    return command(manager, manager.refresh);
  },

  remedy(argv) {
    return `run it by hand to see the whole answer (${argv.join(" ")}), then run tlsforge again`;
  },
};

function managerOf(host: Host): PackageManager | null {
  return host.packageFamily === "unknown" ? null : managers[host.packageFamily];
}

function command(manager: PackageManager, argv: readonly string[]): HostCommand {
  return { argv, elevated: manager.elevated };
}

async function installedPackages(host: Host, manager: PackageManager): Promise<ReadonlySet<string> | null> {
  return (await listPackages(host, manager))?.installed ?? null;
}

/** `broken`: an installation was cut off, and some package is neither there nor gone. Null when the list cannot be had. */
async function listPackages(
  host: Host,
  manager: PackageManager,
): Promise<{ installed: ReadonlySet<string>; broken: boolean } | null> {
  const answer = await host.exec(manager.list, { timeoutSeconds: 60 });
  if (answer.exitCode !== 0) return null;
  const lines = answer.stdout.split("\n").map((line) => line.trim().split(" "));
  const installed = lines.flatMap(([name = "", status]) =>
    name !== "" && (status === undefined || status === "installed") ? [name] : [],
  );
  const halfway = /^(?:half-installed|unpacked|half-configured|triggers-awaited|triggers-pending)$/;
  return { installed: new Set(installed), broken: lines.some(([, status = ""]) => halfway.test(status)) };
}

/** What a manager has to do before it takes new work: nothing, unless an earlier installation was cut off. */
async function mendingOf(host: Host, manager: PackageManager, broken: boolean): Promise<readonly HostCommand[]> {
  if (manager.interrupted === undefined) return [];
  const { tells, mend } = manager.interrupted;
  const cutOff = broken || (await host.exec(tells, { timeoutSeconds: 60 })).stdout.trim() !== "";
  return cutOff ? [command(manager, mend)] : [];
}

/** One name for each wanted one. `unknown`: those that no package list knows; their last alternative stands in. */
async function chooseNames(
  host: Host,
  wanted: readonly string[],
): Promise<{ names: readonly string[]; unknown: readonly string[] }> {
  if (host.packageFamily !== "apt") return { names: wanted, unknown: [] };
  const candidates = await candidateVersions(
    host,
    wanted.flatMap((entry) => alternativesOf(entry).map(({ name }) => name)),
  );
  const chosen = await Promise.all(wanted.map(async (entry) => ({ entry, name: await decide(entry, candidates) })));
  return {
    names: chosen.map(({ entry, name }) => name ?? alternativesOf(entry).at(-1)?.name ?? entry),
    unknown: chosen.flatMap(({ entry, name }) => (name === null ? [entry] : [])),
  };
}

/** What a removal would take along besides `names`; null when that cannot be told. Empty where the remover refuses by itself. */
async function takenAlong(
  host: Host,
  manager: PackageManager,
  names: readonly string[],
): Promise<readonly string[] | null> {
  if (manager.simulate === undefined) return [];
  const answer = await host.exec(manager.simulate(names), { timeoutSeconds: 60 });
  if (answer.exitCode !== 0) return null;
  const removed = [...answer.stdout.matchAll(/^Remv (\S+)/gm)].map((match) => (match[1] ?? "").split(":")[0] ?? "");
  return removed.filter((name) => !names.includes(name));
}

/** dpkg keeps a file list of each installed package, named with the architecture when it may be there for several. */
async function recordedByDpkg(host: Host, wanted: string): Promise<boolean> {
  const arch = { x86_64: "amd64", aarch64: "arm64" }[host.platform.arch];
  const paths = alternativesOf(wanted).flatMap(({ name }) => [
    `/var/lib/dpkg/info/${name}.list`,
    `/var/lib/dpkg/info/${name}:${arch}.list`,
  ]);
  return (await Promise.all(paths.map((path) => host.facts(path)))).some((facts) => facts !== null);
}

async function every(names: readonly string[], check: (name: string) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(names.map(check))).every(Boolean);
}
