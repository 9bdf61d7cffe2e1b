/** How each family lists, installs and removes packages. Sources: the manual pages apt-get(8), dpkg-query(1), dnf(8), yum(8), rpm(8), apk(8), zypper(8), pacman(8), pkg(8), pkg.conf(5), brew(1). */
import type { Host } from "../types.ts";
import { parseApk, parseApt, parseNames, type Simulated } from "./simulation.ts";
import { parseDnf, parsePkg, parseZypper } from "./summaries.ts";

/** One package manager, as argv. */
export interface PackageManager {
  /** Prints every installed package, one a line: its name, and for dpkg its status. */
  readonly list: readonly string[];
  /** Ends with 0 when something installed gives what a name asks for that is no package's own (`perl(FindBin)`, `/usr/bin/perl`). */
  provided?(name: string): readonly string[];
  /** Brings the lists up to date; null where that alone is not supported. */
  readonly refresh: readonly string[] | null;
  install(names: readonly string[]): readonly string[];
  /** What an installation would do, without doing it and without privilege. */
  readonly dryRun?: {
    argv(names: readonly string[]): readonly string[];
    /** Null when the answer was not understood to its end. */
    parse(text: string, installed: ReadonlySet<string>): Simulated | null;
    /** Exit codes with which the answer counts; default 0 alone. */
    readonly exitCodes?: readonly number[];
    /** Whether a dry run that fails means that the installation would as well. */
    readonly reliable?: boolean;
    /** Whether an answer is that only root is told. */
    needsRoot?(text: string): boolean;
    /** What it cannot know yet, as the end of a sentence. */
    readonly until?: string;
  };
  /** Removes without taking along what others need: refuses, or is simulated first. */
  remove(names: readonly string[]): readonly string[];
  /** For a manager that refuses all work after one that was killed: what prints something then, and what mends it. */
  readonly interrupted?: { readonly tells: readonly string[]; readonly mend: readonly string[] };
  /** Prints what a removal would take along (`Remv NAME`), where `remove` does not refuse by itself. */
  simulate?(names: readonly string[]): readonly string[];
  /** Ends with something else than 0 when a removal would be refused. */
  checkRemoval?(names: readonly string[]): readonly string[];
  /** How long we try again while its lock is held; left out where it waits by itself. */
  readonly lockWaitSeconds?: number;
  readonly elevated: boolean;
}

const wait = 120;
const quiet = ["env", "DEBIAN_FRONTEND=noninteractive"];
const lockWait = ["-o", `DPkg::Lock::Timeout=${wait}`];
const aptInstall = ["-y", "--no-install-recommends", "--no-upgrade"];
const zypper = ["env", `ZYPP_LOCK_TIMEOUT=${wait}`, "zypper", "--non-interactive"];
// pkg waits LOCK_WAIT seconds LOCK_RETRIES times; an option of the command line counts more than pkg.conf.
const pkg = ["env", "ASSUME_ALWAYS_YES=yes", "pkg", "-o", "LOCK_WAIT=1", "-o", `LOCK_RETRIES=${wait}`];
const rpmNames = ["rpm", "-qa", "--qf", "%{NAME}\\n"];
const rpmProvided = (name: string): readonly string[] => ["rpm", "-q", "--whatprovides", name];

/** The package manager of each family. */
export const managers: Readonly<Record<Exclude<Host["packageFamily"], "unknown">, PackageManager>> = {
  apt: {
    list: ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n"],
    refresh: [...quiet, "apt-get", "update", ...lockWait],
    install: (names) => [...quiet, "apt-get", "install", ...aptInstall, ...lockWait, ...names],
    dryRun: {
      argv: (names) => ["apt-get", "-s", "install", ...aptInstall, ...names],
      parse: parseApt,
      reliable: true,
    },
    remove: (names) => [...quiet, "apt-get", "remove", "-y", ...lockWait, ...names],
    simulate: (names) => ["apt-get", "-s", "remove", ...names],
    interrupted: {
      // What dpkg had begun and not written down (dpkg(1), "updates"), as apt itself looks for it.
      tells: ["find", "/var/lib/dpkg/updates", "-type", "f"],
      mend: [...quiet, "dpkg", "--configure", "-a", "--force-confold"],
    },
    elevated: true,
  },
  // dnf waits for its lock by itself; rpm, which removes, does not.
  dnf: {
    list: rpmNames,
    provided: rpmProvided,
    refresh: ["dnf", "makecache"],
    install: (names) => ["dnf", "install", "-y", "--setopt=install_weak_deps=False", ...names],
    dryRun: {
      argv: (names) => ["dnf", "install", "--assumeno", "--setopt=install_weak_deps=False", ...names],
      parse: parseDnf,
      needsRoot: (text) => /superuser privileges|root privileges|must be root|need to be root/i.test(text),
      exitCodes: [0, 1],
    },
    remove: (names) => ["rpm", "-e", ...names],
    checkRemoval: (names) => ["rpm", "-e", "--test", ...names],
    lockWaitSeconds: wait,
    elevated: true,
  },
  apk: {
    list: ["apk", "info"],
    refresh: ["apk", "update", "--wait", String(wait)],
    install: (names) => ["apk", "add", "--wait", String(wait), ...names],
    dryRun: { argv: (names) => ["apk", "add", "--simulate", ...names], parse: parseApk },
    remove: (names) => ["apk", "del", "--wait", String(wait), ...names],
    elevated: true,
  },
  zypper: {
    list: rpmNames,
    provided: rpmProvided,
    refresh: [...zypper, "refresh"],
    install: (names) => [...zypper, "install", "--no-recommends", ...names],
    dryRun: {
      argv: (names) => [...zypper, "install", "--dry-run", "--no-recommends", ...names],
      parse: parseZypper,
    },
    remove: (names) => ["rpm", "-e", ...names],
    checkRemoval: (names) => ["rpm", "-e", "--test", ...names],
    lockWaitSeconds: wait,
    elevated: true,
  },
  pacman: {
    list: ["pacman", "-Qq"],
    // Fresh lists without an upgrade of everything are not supported on Arch (wiki, "System maintenance", partial upgrades).
    refresh: null,
    install: (names) => ["pacman", "-S", "--needed", "--noconfirm", ...names],
    dryRun: {
      argv: (names) => ["pacman", "-S", "--needed", "--print", "--print-format", "%n", ...names],
      parse: parseNames,
    },
    remove: (names) => ["pacman", "-R", "--noconfirm", ...names],
    checkRemoval: (names) => ["pacman", "-R", "--print", ...names],
    lockWaitSeconds: wait,
    elevated: true,
  },
  pkg: {
    list: ["pkg", "query", "%n"],
    refresh: [...pkg, "update"],
    install: (names) => [...pkg, "install", "-y", ...names],
    dryRun: {
      argv: (names) => ["pkg", "install", "-n", ...names],
      parse: parsePkg,
      exitCodes: [0, 1],
      // Which packages have the same file shows only in the packages, and then the one that is there gives way (freebsd/pkg, issues 1318 and 1428).
      until: "as far as pkg tells before it has fetched them",
    },
    // Marks them as installed automatically, for the next `pkg autoremove`: `pkg delete` would take along what needs them.
    remove: (names) => [...pkg, "set", "-y", "-A", "1", ...names],
    elevated: true,
  },
  brew: {
    list: ["brew", "list", "--formula", "-1"],
    refresh: ["brew", "update"],
    // By itself brew would also upgrade what depends on something that it upgrades.
    install: (names) => [
      "env",
      "HOMEBREW_NO_AUTO_UPDATE=1",
      "HOMEBREW_NO_INSTALL_UPGRADE=1",
      "HOMEBREW_NO_INSTALLED_DEPENDENTS_CHECK=1",
      "brew",
      "install",
      ...names,
    ],
    remove: (names) => ["brew", "uninstall", ...names],
    lockWaitSeconds: wait,
    elevated: false,
  },
};

/** yum, where there is no dnf yet: it knows no weak dependencies. */
const yum: PackageManager = {
  ...managers.dnf,
  refresh: ["yum", "makecache"],
  install: (names) => ["yum", "install", "-y", ...names],
  dryRun: { argv: (names) => ["yum", "install", "--assumeno", ...names], parse: parseDnf, exitCodes: [0, 1] },
};

/** The package manager of a machine; null when none is known. */
export async function managerOf(host: Host): Promise<PackageManager | null> {
  if (host.packageFamily === "unknown") return null;
  const older =
    host.packageFamily === "dnf" && (await host.which("dnf")) === null && (await host.which("yum")) !== null;
  return older ? yum : managers[host.packageFamily];
}

/** The manager that a command line is of, on a machine of this family. */
export function managerIn({ packageFamily }: Host, argv: readonly string[]): PackageManager | null {
  if (packageFamily === "unknown") return null;
  return argv[0] === "yum" ? yum : managers[packageFamily];
}
