import { ForgeError } from "../../errors.ts";
import { compareLoader, comparisonText } from "../loader/compare.ts";
import { entryWays } from "../loader/entries/index.ts";
import type { EntryWay } from "../loader/entries/types.ts";
import { loaderSystemOf } from "../loader/entry.ts";
import type { LoaderComparison } from "../loader/types.ts";
import type { Host, Resource, ResourcePlan } from "../types.ts";
import { blocked, planBase } from "./kind.ts";
import type { ResourceKind } from "./kind.ts";

type LoaderPath = Extract<Resource, { kind: "loader-path" }>;

/**
 * Our library folder among those that the machine's loader knows. Our own programs have absolute run paths and do not need it; it is for what is
 * compiled against the prefix without one. Refused when any program or library of the system would load anything else, or when that is not known.
 */
export const loaderPath: ResourceKind<LoaderPath> = {
  async plan(host, resource, moment) {
    const told = { current: null, desired: resource.library, why: "the loader finds our libraries by their names" };
    const way = wayOf(host);
    if (way === null) return blocked(resource, { ...told, reason: "this system's loader has no list of folders" });
    if (!/^\/[^\s:#,=]+$/.test(resource.library))
      return blocked(resource, { ...told, reason: `${resource.library} cannot stand in a loader configuration` });
    const found = await way.look(host, resource);
    const state = { ...told, current: found.current, why: `${found.file} names our libraries for the loader` };
    if (found.reason !== null) return blocked(resource, { ...state, reason: found.reason });
    if (found.commands.length === 0) return { ...planBase(resource), ...state, action: "none", commands: [] };

    const libraries = host.tree.entries(resource.library);
    if (libraries === null && moment !== "show")
      return blocked(resource, { ...state, reason: `${resource.library} is not there yet` });
    // Who may not write it need not know what it would change.
    const compare = libraries !== null && host.privilege !== "none";
    const comparison = compare ? await recentComparison(host, resource) : null;
    const reason = comparison === null ? null : reasonIn(comparison);
    if (reason !== null) return blocked(resource, { ...state, reason });
    const names = libraries === null || libraries === "unreadable" ? [] : libraries.map((entry) => entry.name);
    const effects = [
      ...gains(names),
      comparison === null ? later : comparisonText(comparison),
      ...(found.effect === undefined ? [] : [found.effect]),
    ];
    return {
      ...planBase(resource),
      ...state,
      action: found.current === null ? "create" : "update",
      commands: found.commands,
      effect: effects.join("; "),
    } satisfies ResourcePlan;
  },

  async remember(host, resource) {
    return {
      ...(await wayOrFail(host).remember(host, resource)),
      ...(resource.newNames === true ? { newNames: "true" } : {}),
    };
  },
  settle: (host, _resource, remembered) => wayOrFail(host).settle?.(host, remembered) ?? Promise.resolve(remembered),
  async adopt(host, resource) {
    const data = await this.remember(host, resource);
    return (await wayOrFail(host).settle?.(host, data)) ?? data;
  },
  undo: (host, record) => wayOrFail(host).undo(host, record),
  quickCheck: (host, record) => wayOf(host)?.stands(host, record) ?? Promise.resolve(null),

  remedy(argv) {
    return argv[0] === "ldconfig"
      ? "run ldconfig as root to see what is wrong, or set host.loader-path: false"
      : "see whether /etc can be written, or set host.loader-path: false";
  },
};

const later = "what the system's programs load is compared before anything is written";

/** What the entry is for. A name without a version is for the link editor. */
function gains(names: readonly string[]): readonly string[] {
  const asked = names.filter((name) => /^lib[^/]+\.so\.\d[\d.]*$/.test(name));
  return asked.length === 0 ? [] : [`every program of this machine can load ${asked.join(", ")}`];
}

function wayOf(host: Host): EntryWay | null {
  const system = loaderSystemOf(host);
  return system === null ? null : entryWays[system];
}

function wayOrFail(host: Host): EntryWay {
  const way = wayOf(host);
  if (way === null) throw new ForgeError("host-refused", "this system's loader has no list of folders");
  return way;
}

/** Why a comparison forbids the entry; null when it does not. */
function reasonIn(comparison: LoaderComparison): string | null {
  const harmless = comparison.outcome === "observed" && comparison.count === 0 && comparison.shadowed.length === 0;
  return harmless ? null : comparisonText(comparison);
}

interface Remembered {
  readonly key: string;
  readonly until: number;
  readonly comparison: Promise<LoaderComparison>;
}

const recent = new WeakMap<Host, Remembered>();

/** A comparison takes a second, and apply looks at everything twice before it changes anything: for a few seconds, and the same cache, one will do. */
function recentComparison(host: Host, { library, name, newNames = false }: LoaderPath): Promise<LoaderComparison> {
  const cache = host.tree.facts("/etc/ld.so.cache");
  const key = JSON.stringify([library, name, newNames, cache]);
  const known = recent.get(host);
  if (known !== undefined && known.key === key && Date.now() < known.until) return known.comparison;
  const comparison = compareLoader(host, { library, name, newNames });
  recent.set(host, { key, until: Date.now() + 10_000, comparison });
  return comparison;
}
