import { expect, test } from "vitest";
import { memoryHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { Host, MemoryHost, Resource } from "../../../src/host/index.ts";
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
      "env DEBIAN_FRONTEND=noninteractive dpkg": () => ((archive.begun = ""), {}),
      "apt-cache policy": (argv) => ({
        stdout: argv
          .slice(2)
          .map((name) => `${name}:\n  Installed: (none)\n  Candidate: ${archive.lists[name] ?? "(none)"}\n`)
          .join(""),
      }),
      "env DEBIAN_FRONTEND=noninteractive apt-get update": () => ((archive.lists = archive.fresh ?? archive.lists), {}),
      "env DEBIAN_FRONTEND=noninteractive apt-get install": (argv) => {
        for (const name of names(argv)) {
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
  const install = "env DEBIAN_FRONTEND=noninteractive apt-get install";
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
  expect(await quickCheckHost(host, [record("make zlib1g-dev"), record("make gcc")])).toEqual(["make gcc"]);
  expect(host.commands).toEqual([]);
});

test.each([
  ["dnf", "rpm", "dnf install -y --setopt=install_weak_deps=False gcc", "rpm -e gcc"],
  ["apk", "apk info", "apk add --wait 120 gcc", "apk del --wait 120 gcc"],
  ["zypper", "rpm", "env ZYPP_LOCK_TIMEOUT=120 zypper --non-interactive install --no-recommends gcc", "rpm -e gcc"],
  ["pacman", "pacman -Qq", "pacman -S --needed --noconfirm gcc", "pacman -R --noconfirm gcc"],
  ["pkg", "pkg query", "pkg install -y gcc", "pkg set -y -A 1 gcc"],
  ["brew", "brew list", "env HOMEBREW_NO_AUTO_UPDATE=1 brew install gcc", "brew uninstall gcc"],
] as const)("%s installs and takes back", async (family, list, install, remove) => {
  const installed = new Set(["bash"]);
  const host = memoryHost({
    packageFamily: family,
    answers: {
      [list]: () => ({ stdout: [...installed].join("\n") }),
      [install]: () => (installed.add("gcc"), {}),
      [remove]: () => (installed.delete("gcc"), {}),
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
