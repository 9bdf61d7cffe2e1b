import { join } from "node:path";

/** Where things are in a prefix (design, section 6), and where stable paths point. All absolute. */
export interface PrefixPaths {
  readonly path: string;
  readonly store: string;
  readonly generations: string;
  /** Link to the current generation. */
  readonly current: string;
  /** Site state, mode 0700; 0711 when it is root's. */
  readonly var: string;
  /** Certificates and keys, mode 0700. */
  readonly tls: string;
  readonly locks: string;
  /** Room for locks on a full disk, see `reserve.ts`. */
  readonly reserve: string;
  readonly cache: string;
  readonly sources: string;
  readonly log: string;
  /** Holds the layout version, from the first run on. */
  readonly layout: string;
  /** What was changed on the machine, see `ledger.ts`. */
  readonly ledger: string;
}

/** The folders of a generation's view, and the stable paths of that name in the prefix. */
export const viewFolders = ["bin", "lib", "include", "share"] as const;

/** Version of the layout that this program makes and understands. */
export const layoutVersion = 1;

/** The paths of a prefix; touches nothing. */
export function prefixPaths(path: string): PrefixPaths {
  return {
    path,
    store: `${path}/store`,
    generations: `${path}/generations`,
    current: `${path}/current`,
    var: `${path}/var`,
    tls: `${path}/var/tls`,
    locks: `${path}/var/locks`,
    reserve: `${path}/var/lock-reserve`,
    cache: `${path}/cache`,
    sources: `${path}/cache/sources`,
    log: `${path}/log`,
    layout: `${path}/layout`,
    ledger: `${path}/host.json`,
  };
}

/** The lock of a build, of its output and of everything that is done in its folder; by its key, or the name of what begins with that. */
export function buildLock(prefix: string, key: string): string {
  return join(prefixPaths(prefix).locks, key.slice(0, 16));
}

/** Whether a name begins with the digits of a build key. */
export function isKeyed(name: string): boolean {
  return /^[0-9a-f]{16}-/u.test(name);
}

/** Absolute path of the full log of a build. */
export function logPath(prefix: string, key: string): string {
  return `${prefix}/log/${key}.log`;
}
