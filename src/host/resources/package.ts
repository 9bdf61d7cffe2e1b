import { alternativesOf, candidateVersions, decide } from "../packages/candidates.ts";
import { changesOthers, listPackages, lookAhead, missingOf, removable, type Outlook } from "../packages/inventory.ts";
import { managerIn, managerOf, type PackageManager } from "../packages/managers.ts";
import type { Host, HostCommand, Resource } from "../types.ts";
import { blocked, planBase } from "./kind.ts";
import type { ResourceKind } from "./kind.ts";

type Package = Extract<Resource, { kind: "package" }>;

/**
 * Packages of the machine's own manager. Nothing that is there is upgraded or removed, nothing recommended is added: an installation that would
 * is refused, with what it would change. A name may be alternatives with versions (`rustc>=1.83|rustc-web>=1.83`), decided by the
 * package lists, which are fetched first when they do not know an answer.
 */
export const packages: ResourceKind<Package> = {
  async plan(host, resource, moment) {
    const known = { current: null, desired: resource.names.join(" "), why: resource.why };
    const manager = await managerOf(host);
    if (manager === null)
      return blocked(resource, { ...known, reason: "no package manager is known for this machine" });
    const listed = await listPackages(host, manager);
    if (listed === null)
      return blocked(resource, { ...known, reason: `${manager.list[0] ?? ""} does not tell what is installed` });
    const { installed } = listed;
    const missing = await missingOf(host, manager, { wanted: resource.names, installed });
    const state = { ...known, current: resource.names.filter((wanted) => !missing.includes(wanted)).join(" ") || null };
    if (missing.length === 0) return { ...planBase(resource), ...state, action: "none", commands: [] };

    const { names, unknown } = await chooseNames(host, missing);
    if (unknown.length > 0 && moment === "again")
      return blocked(resource, { ...state, reason: `no package list has ${unknown.join(", ")}` });
    const first = [
      ...(await mendingOf(host, manager, listed.broken)),
      ...(unknown.length === 0 || manager.refresh === null ? [] : [command(manager, manager.refresh)]),
    ];
    // What has to come first decides what is installed; shown are the likely names.
    const outlook =
      first.length > 0
        ? { names, simulated: null }
        : await lookAhead(host, manager, { names, installed, certain: moment === "change" });
    const reason = refusalOf(host, outlook);
    if (reason !== null) return blocked(resource, { ...state, reason });
    const install = first.length > 0 && moment === "change" ? [] : [command(manager, manager.install(outlook.names))];
    return {
      ...planBase(resource),
      ...state,
      action: state.current === null ? "create" : "update",
      commands: [...first, ...install],
      effect: effectOf(manager, outlook),
    };
  },

  async remember(host, resource) {
    const manager = await managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    if (manager === null || installed === null) return {};
    const coming = await comingOf(host, manager, { wanted: resource.names, installed });
    return { present: [...installed].join(" "), ...(coming === null ? {} : { coming: coming.join(" ") }) };
  },

  async settle(host, resource, remembered) {
    const manager = await managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    const before = new Set(namesIn(remembered["present"]));
    const added = [...(installed ?? [])].filter((name) => !before.has(name)).toSorted();
    return { names: resource.names.join(" "), added: added.join(" ") };
  },

  async undo(host, record) {
    const manager = await managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    const stays = (detail: string) => ({ action: "blocked", commands: [], detail }) as const;
    if (manager === null || installed === null) return stays("the installed packages cannot be read");
    const { added, coming, present: before } = record.data;
    if (added === undefined && coming === undefined && before !== undefined) {
      const since = [...installed].filter((name) => !namesIn(before).includes(name));
      if (since.length > 0)
        return stays(`an installation was cut off, and which of ${since.join(", ")} it brought is not known`);
    }
    const ours = [...new Set([...namesIn(added), ...namesIn(coming)])].filter((name) => installed.has(name)).toSorted();
    if (ours.length === 0) return { action: "none", commands: [], detail: "the packages are gone already" };
    const found = await removable(host, manager, ours);
    if (found === null) return stays(`what else the removal of ${ours.join(" ")} would take along cannot be told`);
    const staying = ours.filter((name) => !found.names.includes(name));
    const kept = `${staying.join(" ")} stay: ${found.others.join(", ")} came later and need them`;
    if (found.names.length === 0) return stays(kept);
    const gone = `${found.names.join(" ")} are removed`;
    return {
      action: "delete",
      commands: [command(manager, manager.remove(found.names))],
      detail: staying.length === 0 ? gone : `${gone}; ${kept}`,
    };
  },

  async quickCheck(host, record) {
    const wanted = namesIn(record.data["names"]);
    if (host.packageFamily === "apt") return every(wanted, (name) => recordedByDpkg(host, name));
    const manager = await managerOf(host);
    const installed = manager === null ? null : await installedPackages(host, manager);
    if (manager === null || installed === null) return null;
    return (await missingOf(host, manager, { wanted, installed })).length === 0;
  },

  beforeRetry(host, argv) {
    // The usual reason is a list that is older than the pool it describes.
    const manager = managerIn(host, argv);
    const installs = argv.includes("install") || argv.includes("add");
    return manager === null || manager.refresh === null || !installs ? null : command(manager, manager.refresh);
  },

  remedy(argv) {
    return `run it by hand to see the whole answer (${argv.join(" ")}), then run tlsforge again`;
  },
};

function namesIn(list: string | undefined): readonly string[] {
  return (list ?? "").split(" ").filter((name) => name !== "");
}

function command(manager: PackageManager, argv: readonly string[]): HostCommand {
  const { elevated, lockWaitSeconds } = manager;
  return { argv, elevated, ...(lockWaitSeconds === undefined ? {} : { lockWaitSeconds }) };
}

/** Why an installation must not be made; null when it may. */
function refusalOf(host: Host, { names, simulated, problem }: Outlook): string | null {
  if (problem !== undefined) return problem;
  const others = changesOthers(simulated);
  if (others === null) return null;
  const upgrade =
    host.packageFamily === "apt" && simulated !== null && simulated.upgrades.length > 0
      ? ` (apt-get install --only-upgrade ${simulated.upgrades.join(" ")})`
      : "";
  return `it would also ${others}, which nobody asked for: do that yourself first${upgrade}, or install ${names.join(" ")} yourself`;
}

function effectOf({ dryRun }: PackageManager, { names, simulated, later }: Outlook): string {
  if (later === true)
    return `installs ${names.join(" ")} and what they need, for everyone on this machine; whether it would upgrade or remove anything is told to root alone, who is asked first`;
  if (simulated === null) return `installs ${names.join(" ")} and what they need, for everyone on this machine`;
  const all = simulated.installs.length === 0 ? ["nothing new"] : simulated.installs;
  const until = dryRun?.until === undefined ? "" : `, ${dryRun.until}`;
  return `installs ${all.join(" ")}, for everyone on this machine; upgrades and removes nothing${until}`;
}

async function installedPackages(host: Host, manager: PackageManager): Promise<ReadonlySet<string> | null> {
  return (await listPackages(host, manager))?.installed ?? null;
}

/** What a manager has to do before it takes new work: nothing, unless an earlier installation was cut off. */
async function mendingOf(host: Host, manager: PackageManager, broken: boolean): Promise<readonly HostCommand[]> {
  if (manager.interrupted === undefined) return [];
  const { tells, mend } = manager.interrupted;
  const cutOff = broken || (await host.exec(tells, { timeoutSeconds: 60 })).stdout.trim() !== "";
  return cutOff ? [command(manager, mend)] : [];
}

/** Every package that the installation will bring, as the manager tells; null when it does not. */
async function comingOf(
  host: Host,
  manager: PackageManager,
  { wanted, installed }: { readonly wanted: readonly string[]; readonly installed: ReadonlySet<string> },
): Promise<readonly string[] | null> {
  const missing = await missingOf(host, manager, { wanted, installed });
  const { names, unknown } = await chooseNames(host, missing);
  return unknown.length > 0
    ? null
    : ((await lookAhead(host, manager, { names, installed, certain: true })).simulated?.installs ?? null);
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
