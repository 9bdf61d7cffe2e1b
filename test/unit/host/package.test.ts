import { expect, test } from "vitest";
import { applyHost, memoryHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { Host, JournalEntry, MemoryHost, Resource } from "../../../src/host/index.ts";
import { managers } from "../../../src/host/packages/managers.ts";
import { changes, ignore, planOf, provide } from "./tools.ts";

const resource = (...names: string[]): Resource => ({
  kind: "package",
  id: "package:requirements",
  origin: "recipes",
  names,
  why: "gives cc",
});

interface Archive {
  installed: Set<string>;
  /** Candidate versions; what is not here is unknown until `fresh` replaces it by an update. */
  lists: Record<string, string>;
  fresh?: Record<string, string>;
  /** What comes along with a package. */
  needs?: Record<string, string[]>;
  /** What `find` prints of the things that dpkg had begun. */
  begun?: string;
  /** Packages that were cut off on the way, with their status. */
  halfway?: string;
  /** Lines that a simulated installation of these names adds. */
  besides?: (names: readonly string[]) => string;
}

/** A Debian whose apt works on an archive in memory. */
function debian(archive: Archive, privilege: Host["privilege"] = "root"): MemoryHost {
  const { installed } = archive;
  const names = (argv: readonly string[]): string[] => argv.slice(argv.indexOf("DPkg::Lock::Timeout=120") + 1);
  return memoryHost({
    privilege,
    answers: {
      "dpkg-query": () => ({
        stdout: `${[...installed].map((name) => `${name} installed\n`).join("")}halfway config-files\n${archive.halfway ?? ""}`,
      }),
      "find /var/lib/dpkg/updates -type f": () => ({ stdout: archive.begun ?? "" }),
      "env DEBIAN_FRONTEND=noninteractive dpkg": () => ((archive.begun = ""), (archive.halfway = ""), {}),
      "apt-cache policy": (argv) => ({
        stdout: argv
          .slice(2)
          .map((name) => `${name}:\n  Installed: (none)\n  Candidate: ${archive.lists[name] ?? "(none)"}\n`)
          .join(""),
      }),
      "env DEBIAN_FRONTEND=noninteractive apt-get update": () => ((archive.lists = archive.fresh ?? archive.lists), {}),
      "apt-get -s install": (argv) => {
        const wanted = argv.slice(argv.indexOf("--no-upgrade") + 1);
        const fresh = wanted.flatMap((name) => [name, ...(archive.needs?.[name] ?? [])]);
        const lines = fresh.map(
          (name) => `Inst ${name.split("=")[0] ?? ""} (${name.split("=")[1] ?? "1"} Debian:12 [amd64])\n`,
        );
        return { stdout: `${lines.join("")}${archive.besides?.(wanted) ?? ""}` };
      },
      "env DEBIAN_FRONTEND=noninteractive apt-get install": (argv) => {
        for (const name of names(argv).map((entry) => entry.split("=")[0] ?? entry)) {
          if (archive.lists[name] === undefined)
            return { exitCode: 100, stderr: `E: Unable to locate package ${name}\n` };
          for (const added of [name, ...(archive.needs?.[name] ?? [])]) installed.add(added);
        }
        return {};
      },
      "apt-get -s remove": (argv) => ({
        stdout: argv
          .slice(3)
          .flatMap((name) => [name, ...(name === "zlib1g-dev" && installed.has("tk-dev") ? ["tk-dev"] : [])])
          .map((name) => `Remv ${name} [1.0]\n`)
          .join(""),
      }),
      "env DEBIAN_FRONTEND=noninteractive apt-get remove": (argv) => (
        names(argv).forEach((name) => installed.delete(name)),
        {}
      ),
    },
  });
}

test("only what is missing is installed, with what a careful administrator would ask for", async () => {
  const archive: Archive = {
    installed: new Set(["make"]),
    lists: { gcc: "4:12.2.0-3", make: "4.3" },
    needs: { gcc: ["cpp", "gcc-12"] },
  };
  const host = debian(archive);
  const { plan, records } = await provide(host, resource("gcc", "make"));
  expect(plan).toMatchObject({ action: "update", current: "make", desired: "gcc make" });
  expect(changes(host)).toEqual([
    "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-upgrade -o DPkg::Lock::Timeout=120 gcc",
  ]);
  expect(records).toMatchObject([
    { kind: "package", before: "make", after: "gcc make", data: { names: "gcc make", added: "cpp gcc gcc-12" } },
  ]);

  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect([...archive.installed]).toEqual(["make"]);
  expect(await undoHost(host, records, ignore)).toEqual([]);
});

test("what is half removed is not there; what is there needs nothing", async () => {
  expect((await planOf(debian({ installed: new Set(), lists: { halfway: "1" } }), resource("halfway"))).action).toBe(
    "create",
  );
  const host = debian({ installed: new Set(["gcc"]), lists: {} });
  expect((await provide(host, resource("gcc"))).records).toEqual([]);
  expect(changes(host)).toEqual([]);
});

test.each([{ begun: "/var/lib/dpkg/updates/0001\n" }, { halfway: "cpp half-configured\n" }])(
  "an installation that was cut off is ended first: %j",
  async (state) => {
    const host = debian({ installed: new Set(), lists: { gcc: "1" }, ...state });
    await provide(host, resource("gcc"));
    expect(changes(host).map((line) => line.split(" ").slice(2, 4).join(" "))).toEqual([
      "dpkg --configure",
      "apt-get install",
    ]);
  },
);

test("with empty lists they are fetched first, and decide between alternatives", async () => {
  const archive: Archive = { installed: new Set(), lists: {}, fresh: { rustc: "1.85.0+dfsg3-1", gcc: "4:14" } };
  const host = debian(archive);
  const wanted = resource("gcc", "rustc>=1.83|rustc-web>=1.83");
  const shown = await planOf(host, wanted);
  expect(shown.commands.map(({ argv }) => argv[3])).toEqual(["update", "install"]);
  await provide(host, wanted);
  expect(changes(host).map((line) => line.split(" ").slice(3).join(" "))).toEqual([
    "update -o DPkg::Lock::Timeout=120",
    "install -y --no-install-recommends --no-upgrade -o DPkg::Lock::Timeout=120 gcc rustc",
  ]);
  expect([...archive.installed]).toEqual(["gcc", "rustc"]);
});

test("a name that even fresh lists do not have is told, and nothing is installed", async () => {
  const archive: Archive = { installed: new Set(), lists: {}, fresh: { rustc: "1.63.0" } };
  const host = debian(archive);
  await expect(provide(host, resource("rustc>=1.83|rustc-web>=1.83"))).rejects.toMatchObject({
    code: "host-failed",
    message: expect.stringContaining("no package list has rustc>=1.83|rustc-web>=1.83") as string,
  });
  expect(archive.installed.size).toBe(0);
});

test("an installation that fails is tried once more with fresh lists", async () => {
  const archive: Archive = { installed: new Set(), lists: { gcc: "1" } };
  const host = debian(archive);
  const works = host.answers.get(install);
  let failed = false;
  host.answers.set(install, (argv, options) => {
    if (failed && typeof works === "function") return works(argv, options);
    failed = true;
    return { exitCode: 100, stderr: "E: Failed to fetch 404 Not Found\n" };
  });
  await provide(host, resource("gcc"));
  expect(changes(host).map((line) => line.split(" ")[3])).toEqual(["install", "update", "install"]);

  const stubborn = debian({ installed: new Set(), lists: { gcc: "1" } });
  stubborn.answers.set(install, { exitCode: 100, stderr: "E: Could not get lock\n" });
  await expect(provide(stubborn, resource("gcc"))).rejects.toMatchObject({
    code: "host-failed",
    details: ["E: Could not get lock"],
    hint: expect.stringContaining("by hand") as string,
  });
});

test("packages that others need by now stay", async () => {
  const archive: Archive = { installed: new Set(), lists: { "zlib1g-dev": "1" } };
  const host = debian(archive);
  const { records } = await provide(host, resource("zlib1g-dev"));
  archive.installed.add("tk-dev");
  expect(await undoHost(host, records, ignore)).toEqual(records);
  expect([...archive.installed]).toEqual(["zlib1g-dev", "tk-dev"]);
});

test("without privilege nothing is run", async () => {
  const host = debian({ installed: new Set(), lists: { gcc: "1" } }, "none");
  expect(await planOf(host, resource("gcc"))).toMatchObject({
    action: "blocked",
    reason: "needs root, or sudo that asks for no password",
  });
  await expect(provide(host, resource("gcc"))).rejects.toMatchObject({ code: "host-refused" });
  expect(changes(host)).toEqual([]);
});

test("blocked when the machine does not tell what is installed, or has no known manager", async () => {
  expect(await planOf(memoryHost(), resource("gcc"))).toMatchObject({
    action: "blocked",
    reason: "dpkg-query does not tell what is installed",
  });
  expect(await planOf(memoryHost({ packageFamily: "unknown" }), resource("gcc"))).toMatchObject({
    action: "blocked",
    reason: "no package manager is known for this machine",
  });
});

test("quick check reads dpkg's own files and starts nothing", async () => {
  const host = memoryHost({
    files: { "/var/lib/dpkg/info/make.list": "", "/var/lib/dpkg/info/zlib1g-dev:amd64.list": "" },
  });
  const record = (names: string): Parameters<typeof quickCheckHost>[1][number] => ({
    id: names,
    kind: "package",
    before: null,
    after: names,
    data: { names },
  });
  expect(await quickCheckHost(host, [record("make zlib1g-dev"), record("make gcc")])).toEqual([
    { id: "make gcc", stands: false },
  ]);
  expect(host.commands).toEqual([]);
});

test.each([
  ["dnf", "rpm -qa", "dnf install -y --setopt=install_weak_deps=False gcc", "rpm -e gcc"],
  ["apk", "apk info", "apk add --wait 120 gcc", "apk del --wait 120 gcc"],
  ["zypper", "rpm -qa", "env ZYPP_LOCK_TIMEOUT=120 zypper --non-interactive install --no-recommends gcc", "rpm -e gcc"],
  ["pacman", "pacman -Qq", "pacman -S --needed --noconfirm gcc", "pacman -R --noconfirm gcc"],
  [
    "pkg",
    "pkg query",
    "env ASSUME_ALWAYS_YES=yes pkg -o LOCK_WAIT=1 -o LOCK_RETRIES=120 install -y gcc",
    "env ASSUME_ALWAYS_YES=yes pkg -o LOCK_WAIT=1 -o LOCK_RETRIES=120 set -y -A 1 gcc",
  ],
  [
    "brew",
    "brew list",
    "env HOMEBREW_NO_AUTO_UPDATE=1 HOMEBREW_NO_INSTALL_UPGRADE=1 HOMEBREW_NO_INSTALLED_DEPENDENTS_CHECK=1 brew install gcc",
    "brew uninstall gcc",
  ],
] as const)("%s installs and takes back", async (family, list, install, remove) => {
  const installed = new Set(["bash"]);
  const host = memoryHost({
    packageFamily: family,
    answers: {
      [list]: () => ({ stdout: [...installed].join("\n") }),
      [install]: () => (installed.add("gcc"), {}),
      [remove]: () => (installed.delete("gcc"), {}),
      "rpm -e --test": {},
      "pacman -R --print": {},
    },
  });
  const { records } = await provide(host, resource("gcc"));
  expect(records[0]?.data["added"]).toBe("gcc");
  expect(await undoHost(host, records, ignore)).toEqual([]);
  const run = host.commands.filter(({ argv }) => [install, remove].some((line) => line === argv.join(" ")));
  expect(run.map(({ argv, elevated }) => [argv.join(" "), elevated])).toEqual([
    [install, managers[family].elevated],
    [remove, managers[family].elevated],
  ]);
  expect(managers.brew.elevated).toBe(false);
});

const install = "env DEBIAN_FRONTEND=noninteractive apt-get install";

test("an installation that would upgrade or remove what nobody asked for is refused, with the list", async () => {
  const archive: Archive = {
    installed: new Set(["libc6", "nano"]),
    lists: { gcc: "12" },
    besides: () => "Inst libc6 [2.35-1] (2.36-9 Debian:12 [amd64])\nRemv nano [7.2-1]\n",
  };
  const host = debian(archive);
  const reason =
    "it would also upgrade libc6 and remove nano, which nobody asked for: do that yourself first (apt-get install --only-upgrade libc6), or install gcc yourself";
  expect(await planOf(host, resource("gcc"))).toMatchObject({ action: "blocked", reason });
  await expect(provide(host, resource("gcc"))).rejects.toMatchObject({
    code: "host-refused",
    message: `package:requirements cannot be applied: ${reason}`,
  });
  expect(changes(host)).toEqual([]);
});

test("a new package is taken in the version of its sibling that is there, rather than upgrade the sibling", async () => {
  const archive: Archive = {
    installed: new Set(["libc6"]),
    lists: { gcc: "12", "libc6-dev": "2.36-9+u14" },
    besides: (names) =>
      names.includes("libc6-dev=2.36-9+u13")
        ? ""
        : "Inst libc6 [2.36-9+u13] (2.36-9+u14 Debian:12 [amd64])\nInst libc6-dev (2.36-9+u14 Debian:12 [amd64])\n",
  };
  const host = debian(archive);
  const { records } = await provide(host, resource("gcc"));
  expect(changes(host)).toEqual([
    `${install} -y --no-install-recommends --no-upgrade -o DPkg::Lock::Timeout=120 gcc libc6-dev=2.36-9+u13`,
  ]);
  expect(records[0]?.data["added"]).toBe("gcc libc6-dev");
});

test("the plan names everything that would come, and says that nothing else changes", async () => {
  const host = debian({ installed: new Set(), lists: { gcc: "12" }, needs: { gcc: ["cpp"] } });
  expect((await planOf(host, resource("gcc"))).effect).toBe(
    "installs gcc cpp, for everyone on this machine; upgrades and removes nothing",
  );
});

test("an installation that cannot be done is told in apt's words before anything is run", async () => {
  const host = debian({ installed: new Set(), lists: { gcc: "12" } });
  host.answers.set("apt-get -s install", {
    exitCode: 100,
    stderr: "E: Unable to correct problems, you have held broken packages.\n",
  });
  expect((await planOf(host, resource("gcc"))).reason).toBe(
    "apt-get install says: E: Unable to correct problems, you have held broken packages.",
  );
});

test("of what came, exactly that is removed which nothing else needs", async () => {
  const archive: Archive = { installed: new Set(), lists: { gcc: "1", "zlib1g-dev": "1" } };
  const host = debian(archive);
  const { records } = await provide(host, resource("gcc", "zlib1g-dev"));
  archive.installed.add("tk-dev");
  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect([...archive.installed]).toEqual(["zlib1g-dev", "tk-dev"]);
});

test("a cut off installation is taken back from what it said that it would bring", async () => {
  const archive: Archive = { installed: new Set(["make"]), lists: { gcc: "1" }, needs: { gcc: ["cpp", "as"] } };
  const host = debian(archive);
  const told: JournalEntry[] = [];
  host.answers.set(install, () => {
    for (const name of ["cpp", "gcc"]) archive.installed.add(name);
    return { exitCode: 137, stderr: "" };
  });
  const plan = await planOf(host, resource("gcc"));
  const journal = async (entry: JournalEntry): Promise<void> => void told.push(await Promise.resolve(entry));
  host.answers.set("env DEBIAN_FRONTEND=noninteractive apt-get update", { exitCode: 1 });
  await applyHost(host, [plan], { ...ignore, journal });
  const intended = told.filter(({ state }) => state === "intended").map(({ record }) => record);
  archive.installed.add("vim");
  expect(await undoHost(host, intended, ignore)).toEqual([]);
  expect([...archive.installed]).toEqual(["make", "vim"]);
});

test("what came of an installation that told nothing beforehand is not guessed", async () => {
  const record = { id: "p", kind: "package", before: null, after: "gcc", data: { present: "make" } };
  const host = debian({ installed: new Set(["make", "vim"]), lists: {} });
  expect(await undoHost(host, [record], ignore)).toEqual([record]);
  expect(changes(host)).toEqual([]);
  const untouched = debian({ installed: new Set(["make"]), lists: {} });
  expect(await undoHost(untouched, [record], ignore)).toEqual([]);
});

test.each(["pacman", "zypper"] as const)("%s does not wait for its lock, so we do", async (family) => {
  const installed = new Set<string>();
  let tries = 0;
  const list = family === "pacman" ? "pacman -Qq" : "rpm -qa";
  const program =
    family === "pacman"
      ? "pacman -S --needed --noconfirm"
      : "env ZYPP_LOCK_TIMEOUT=120 zypper --non-interactive install --no-recommends";
  const host = memoryHost({
    packageFamily: family,
    answers: {
      [list]: () => ({ stdout: [...installed].join("\n") }),
      [program]: () => {
        tries += 1;
        if (tries < 4)
          return { exitCode: 1, stderr: "error: failed to synchronize all databases (unable to lock database)" };
        installed.add("gcc");
        return {};
      },
    },
  });
  const { events } = await provide(host, resource("gcc"));
  expect(host.commands.filter(({ argv }) => argv[0] === "sleep")).toHaveLength(3);
  expect(events.filter(({ type }) => type === "lock-wait")).toHaveLength(1);
});

test("a lock that is never released ends after two minutes' tries, and once more", async () => {
  const host = memoryHost({
    packageFamily: "pacman",
    answers: { "pacman -Qq": {}, "pacman -S": { exitCode: 1, stderr: "error: unable to lock database" } },
  });
  await expect(provide(host, resource("gcc"))).rejects.toMatchObject({ code: "host-failed" });
  expect(host.commands.filter(({ argv }) => argv[0] === "sleep")).toHaveLength(80);
});

test("yum installs where there is no dnf", async () => {
  const installed = new Set<string>();
  const host = memoryHost({
    packageFamily: "dnf",
    programs: { yum: "/usr/bin/yum" },
    answers: {
      "rpm -qa": () => ({ stdout: [...installed].join("\n") }),
      "yum install -y gcc": () => (installed.add("gcc"), {}),
    },
  });
  await provide(host, resource("gcc"));
  expect(changes(host)).toEqual(["yum install -y gcc"]);
});

test("what a package provides counts as there, whatever the package is called", async () => {
  const provided = new Set<string>();
  const host = memoryHost({
    packageFamily: "dnf",
    programs: { dnf: "/usr/bin/dnf" },
    answers: {
      "rpm -qa": { stdout: "bash\nperl\n" },
      "rpm -q --whatprovides": (argv) => ({ exitCode: provided.has(argv.at(-1) ?? "") ? 0 : 1 }),
      "dnf install -y": (argv) => (provided.add(argv.at(-1) ?? ""), {}),
    },
  });
  const { records } = await provide(host, resource("perl(FindBin)"));
  expect(await quickCheckHost(host, records)).toEqual([]);
  expect((await planOf(host, resource("perl(FindBin)"))).action).toBe("none");
});

test("a removal that rpm would refuse is not begun", async () => {
  const record = { id: "p", kind: "package", before: null, after: "gcc", data: { names: "gcc", added: "gcc" } };
  const host = memoryHost({
    packageFamily: "dnf",
    answers: {
      "rpm -qa": { stdout: "gcc\n" },
      "rpm -e --test": { exitCode: 1, stderr: "error: Failed dependencies:\n\tgcc is needed by (installed) gcc-c++" },
    },
  });
  expect(await undoHost(host, [record], ignore)).toEqual([record]);
  expect(changes(host)).toEqual([]);
});

test.each(Object.keys(managers) as (keyof typeof managers)[])(
  "%s: each of its commands that fails is told",
  async (family) => {
    const host = memoryHost({
      packageFamily: family,
      answers: {
        "dpkg-query": {},
        "rpm -qa": {},
        "apk info": {},
        "pacman -Qq": {},
        "pkg query": {},
        "brew list": {},
        "apt-cache policy": { stdout: "gcc:\n  Candidate: 1\n" },
        "apt-get -s install": { stdout: "Inst gcc (1 Debian [amd64])\n" },
        [managers[family].install(["gcc"]).join(" ")]: { exitCode: 7, stderr: "no" },
      },
    });
    await expect(provide(host, resource("gcc"))).rejects.toMatchObject({
      code: "host-failed",
      message: expect.stringContaining(
        `${managers[family].install(["gcc"]).join(" ")}" failed with exit code 7`,
      ) as string,
      details: ["no"],
    });
    const unlisted = memoryHost({
      packageFamily: family,
      answers: { [managers[family].list.join(" ")]: { exitCode: 1 } },
    });
    expect((await planOf(unlisted, resource("gcc"))).reason).toContain("does not tell what is installed");
  },
);
