/** How each family lists, installs and removes packages. Sources: the manual pages apt-get(8), dpkg-query(1), dnf(8), rpm(8), apk(8), zypper(8), pacman(8), pkg(8), brew(1). */
import type { Host } from "../types.ts";

/** One package manager, as argv. */
export interface PackageManager {
  /** Prints every installed package, one a line: its name, and for dpkg its status. */
  readonly list: readonly string[];
  /** Brings the lists up to date; null where that alone is not supported. */
  readonly refresh: readonly string[] | null;
  install(names: readonly string[]): readonly string[];
  /** Removes without taking along what others need: refuses, or is simulated first. */
  remove(names: readonly string[]): readonly string[];
  /** For a manager that refuses all work after one that was killed: what prints something then, and what mends it. */
  readonly interrupted?: { readonly tells: readonly string[]; readonly mend: readonly string[] };
  /** Prints what a removal would take along (`Remv NAME`), where `remove` does not refuse by itself. */
  simulate?(names: readonly string[]): readonly string[];
  readonly elevated: boolean;
}

const quiet = ["env", "DEBIAN_FRONTEND=noninteractive"];
const lockWait = ["-o", "DPkg::Lock::Timeout=120"];

/** The package manager of each family. */
export const managers: Readonly<Record<Exclude<Host["packageFamily"], "unknown">, PackageManager>> = {
  apt: {
    list: ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n"],
    refresh: [...quiet, "apt-get", "update", ...lockWait],
    install: (names) => [
      ...quiet,
      "apt-get",
      "install",
      "-y",
      "--no-install-recommends",
      "--no-upgrade",
      ...lockWait,
      ...names,
    ],
    remove: (names) => [...quiet, "apt-get", "remove", "-y", ...lockWait, ...names],
    simulate: (names) => ["apt-get", "-s", "remove", ...names],
    interrupted: {
      // What dpkg had begun and not written down (dpkg(1), "updates"), as apt itself looks for it.
      tells: ["find", "/var/lib/dpkg/updates", "-type", "f"],
      mend: [...quiet, "dpkg", "--configure", "-a", "--force-confold"],
    },
    elevated: true,
  },
  dnf: {
    list: ["rpm", "-qa", "--qf", "%{NAME}\\n"],
    refresh: ["dnf", "makecache"],
    install: (names) => ["dnf", "install", "-y", "--setopt=install_weak_deps=False", ...names],
    remove: (names) => ["rpm", "-e", ...names],
    elevated: true,
  },
  apk: {
    list: ["apk", "info"],
    refresh: ["apk", "update", "--wait", "120"],
    install: (names) => ["apk", "add", "--wait", "120", ...names],
    remove: (names) => ["apk", "del", "--wait", "120", ...names],
    elevated: true,
  },
  zypper: {
    list: ["rpm", "-qa", "--qf", "%{NAME}\\n"],
    refresh: ["zypper", "--non-interactive", "refresh"],
    install: (names) => [
      "env",
      "ZYPP_LOCK_TIMEOUT=120",
      "zypper",
      "--non-interactive",
      "install",
      "--no-recommends",
      ...names,
    ],
    remove: (names) => ["rpm", "-e", ...names],
    elevated: true,
  },
  pacman: {
    list: ["pacman", "-Qq"],
    // Fresh lists without an upgrade of everything are not supported on Arch (wiki, "System maintenance", partial upgrades).
    refresh: null,
    install: (names) => ["pacman", "-S", "--needed", "--noconfirm", ...names],
    remove: (names) => ["pacman", "-R", "--noconfirm", ...names],
    elevated: true,
  },
  pkg: {
    list: ["pkg", "query", "%n"],
    refresh: ["pkg", "update"],
    install: (names) => ["pkg", "install", "-y", ...names],
    // Marks them as installed automatically, for the next `pkg autoremove`: `pkg delete` would take along what needs them.
    remove: (names) => ["pkg", "set", "-y", "-A", "1", ...names],
    elevated: true,
  },
  brew: {
    list: ["brew", "list", "--formula", "-1"],
    refresh: ["brew", "update"],
    install: (names) => ["env", "HOMEBREW_NO_AUTO_UPDATE=1", "brew", "install", ...names],
    remove: (names) => ["brew", "uninstall", ...names],
    elevated: false,
  },
};
