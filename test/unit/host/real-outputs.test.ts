/** What we conclude from what programs printed on machines that cannot be booted here. Where each text is from: `outputs/README.md`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { memoryHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryAnswer, MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { hintFolders } from "../../../src/host/loader/freebsd.ts";
import { accountsIn, findAccount, isNoLogin } from "../../../src/host/resources/accounts.ts";
import { changes, ignore, planOf, provide } from "./tools.ts";

const freebsd = { os: "freebsd", arch: "x86_64", libc: "none" } as const;
const folder = join(import.meta.dirname, "outputs");

function printed(name: string): string {
  return readFileSync(join(folder, `${name}.txt`), "utf8");
}

/** Both streams have the text: which one a program took is not told by who recorded it. */
function said(name: string, exitCode = 0): MemoryAnswer {
  return { exitCode, stdout: printed(name), stderr: printed(name) };
}

test("every text has its source in the table, and names no machine that packages come from", () => {
  const table = readFileSync(join(folder, "README.md"), "utf8");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".txt"));
  expect(names.length).toBeGreaterThan(40);
  for (const name of names) {
    expect(table).toContain(`| \`${name.replaceAll("\\", "/")}\` |`);
    expect(readFileSync(join(folder, name), "utf8")).not.toMatch(/https?:|ftp:|mirror/i);
  }
});

type Family = NonNullable<MemoryInitial["packageFamily"]>;

const dryRuns: Readonly<Record<string, readonly [Family, string, MemoryInitial["programs"]?]>> = {
  dnf: ["dnf", "dnf install --assumeno", { dnf: "/usr/bin/dnf" }],
  yum: ["dnf", "yum install --assumeno", { yum: "/usr/bin/yum" }],
  zypper: ["zypper", "env ZYPP_LOCK_TIMEOUT=120 zypper --non-interactive install --dry-run"],
  apk: ["apk", "apk add --simulate"],
  pacman: ["pacman", "pacman -S --needed --print"],
  pkg: ["pkg", "pkg install -n"],
};

/** A machine of the family that a text is of, which answers with it to a dry run. */
function packaged(name: string, answer: MemoryAnswer): MemoryHost {
  const [packageFamily, dryRun, programs] = dryRuns[name.split("/")[0] ?? ""] ?? ["unknown", ""];
  return memoryHost({
    packageFamily,
    ...(programs === undefined ? {} : { programs }),
    answers: {
      [dryRun]: answer,
      "rpm -qa": { stdout: "bash\n" },
      "apk info": { stdout: "busybox\n" },
      "pacman -Qq": { stdout: "bash\n" },
      "pkg query": { stdout: "pkg\n" },
    },
  });
}

const wanted: Resource = {
  kind: "package",
  id: "package:requirements",
  origin: "recipes",
  names: ["wanted"],
  why: "gives cc",
};

describe("a dry run", () => {
  test.each<[string, number, string]>([
    ["dnf/group", 1, "info"],
    ["dnf/install-5", 1, "crowdsec cronie cronie-anacron crontabs"],
    ["zypper/install", 0, "emacs emacs-info emacs-nox etags libgpm2 libjansson4 liblcms2-2 system-user-games"],
    ["apk/install", 0, "block-mount"],
    ["pkg/install", 1, "apache24 jansson"],
  ])("%s: only what is new comes, and that is said", async (name, exitCode, coming) => {
    const plan = await planOf(packaged(name, said(name, exitCode)), wanted);
    expect(plan.action).toBe("create");
    expect(plan.effect).toContain(`installs ${coming}, for everyone on this machine; upgrades and removes nothing`);
  });

  test.each<[string, number, string]>([
    ["dnf/upgrade-4", 1, "upgrade cryptsetup, cryptsetup-libs"],
    ["dnf/upgrade-5", 1, "upgrade curl, libcurl, libdrm"],
    ["yum/replacing", 1, "remove mariadb-libs"],
    ["zypper/vendor", 0, "upgrade icinga2, icinga2-bin, icinga2-common"],
    ["zypper/removed", 0, "systemd-presets-branding-ALP-transactional, openSUSE Leap Micro 6.1"],
    ["apk/upgrade", 0, "upgrade musl"],
    ["pkg/reinstall", 1, "upgrade libXt"],
    ["pkg/remove", 1, "remove musicpd, ffmpeg"],
  ])("%s: a change of something else is refused, and named", async (name, exitCode, change) => {
    const host = packaged(name, said(name, exitCode));
    const plan = await planOf(host, wanted);
    expect(plan).toMatchObject({ action: "blocked", reason: expect.stringContaining(`${change}, which`) as string });
    await expect(provide(host, wanted)).rejects.toMatchObject({ code: "host-refused" });
    expect(changes(host)).toEqual([]);
  });

  test.each<[string, number]>([
    ["dnf/nothing-4", 0],
    ["dnf/nothing-5", 0],
    ["zypper/nothing", 0],
    ["apk/nothing", 0],
    ["pkg/nothing", 0],
  ])("%s: nothing would come", async (name, exitCode) => {
    const plan = await planOf(packaged(name, said(name, exitCode)), wanted);
    expect(plan.effect).toMatch(/^installs nothing new, for everyone on this machine; upgrades and removes nothing/);
  });

  test.each<[string, number]>([
    ["dnf/no-match-4", 1],
    ["dnf/not-root-4", 1],
    ["dnf/no-match-5", 1],
    ["dnf/problem-5", 0],
    ["pacman/providers", 0],
    ["pkg/affected", 1],
    ["pkg/old", 1],
    ["pkg/missing", 1],
  ])("%s: what would happen besides is not known, and so nothing is installed", async (name, exitCode) => {
    const host = packaged(name, said(name, exitCode));
    expect(await planOf(host, wanted)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining(" says: ") as string,
    });
    await expect(provide(host, wanted)).rejects.toMatchObject({ code: "host-refused" });
    expect(changes(host)).toEqual([]);
  });

  test.each<[string, number]>([
    ["apk/missing", 1],
    ["pacman/missing", 1],
  ])("%s: the dry run failed, and nothing is claimed", async (name, exitCode) => {
    const plan = await planOf(packaged(name, said(name, exitCode)), wanted);
    expect(plan.effect).toBe("installs wanted and what they need, for everyone on this machine");
  });

  test("what dnf tells to root alone is asked of it as root, before anything is changed", async () => {
    const host = packaged("dnf/not-root-4", said("dnf/not-root-4", 1));
    const user = { ...host, uid: 1000 };
    expect((await planOf(user, wanted)).effect).toContain("is told to root alone, who is asked first");
    await expect(provide(user, wanted)).rejects.toMatchObject({ code: "host-refused" });
  });

  test("pkg has not looked into the packages yet, and that is said", async () => {
    const plan = await planOf(packaged("pkg/install", said("pkg/install", 1)), wanted);
    expect(plan.effect).toMatch(/; upgrades and removes nothing, as far as pkg tells before it has fetched them$/);
  });

  test("pacman's names, here with the repository that they are of: what is there already would be replaced", async () => {
    const names = printed("pacman/print").replaceAll(/^\w+\//gm, "");
    const host = packaged("pacman/print", { stdout: names });
    expect((await planOf(host, wanted)).effect).toContain("installs 0ad-data gloox 0ad, for everyone");
    host.answers.set("pacman -Qq", { stdout: "gloox\n" });
    expect((await planOf(host, wanted)).reason).toContain("upgrade gloox");
  });
});

test.each<[Family, string, string]>([
  ["dnf", "rpm -e --test", "rpm/erase-refused"],
  ["zypper", "rpm -e --test", "rpm/erase-refused"],
  ["pacman", "pacman -R --print", "pacman/remove-refused"],
])("%s: what others need by now stays: %s", async (packageFamily, command, name) => {
  const list = packageFamily === "pacman" ? "pacman -Qq" : "rpm -qa";
  const host = memoryHost({ packageFamily, answers: { [list]: { stdout: "made\n" }, [command]: said(name, 1) } });
  const data = { names: "made", added: "made", present: "bash" };
  const record = { id: "package:x", kind: "package", before: null, after: "made", data } as const;
  expect(await undoHost(host, [record], ignore)).toEqual([record]);
  expect(changes(host)).toEqual([]);
});

describe("start scripts", () => {
  const script = (system: "openrc" | "rc.d"): Resource => ({
    kind: "rc-script",
    id: "rc-script:tlsforge",
    origin: "default",
    demanded: true,
    name: "tlsforge",
    system,
    path: system === "openrc" ? "/etc/init.d/tlsforge" : "/usr/local/etc/rc.d/tlsforge",
    text: "#!/bin/sh\n",
    settings: {},
    enabled: true,
  });

  test.each<["openrc" | "rc.d", string, number, boolean]>([
    ["openrc", "openrc/started", 0, true],
    ["openrc", "openrc/missing", 1, false],
    ["rc.d", "freebsd/onestatus-stopped", 1, false],
    ["rc.d", "freebsd/service-missing", 1, false],
  ])("%s, %s: is stopped only when it runs", async (system, name, exitCode, stopped) => {
    const host = memoryHost({
      ...(system === "openrc" ? { programs: { "rc-update": "/sbin/rc-update" } } : { platform: freebsd }),
      answers: { "rc-service tlsforge": {}, "service tlsforge": {} },
    });
    const { records } = await provide(host, script(system));
    const status = system === "openrc" ? "rc-service tlsforge status" : "service tlsforge onestatus";
    host.answers.set(status, said(name, exitCode));
    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect(changes(host).some((line) => / (?:one)?stop$/.test(line))).toBe(stopped);
  });

  test("FreeBSD is asked with onestatus: status ends with 0 for what is not enabled", async () => {
    const host = memoryHost({
      platform: freebsd,
      answers: { "service tlsforge status": said("freebsd/status-disabled") },
    });
    const { records } = await provide(host, script("rc.d"));
    host.answers.set("service tlsforge onestatus", said("freebsd/onestatus-stopped", 1));
    await undoHost(host, records, ignore);
    expect(host.commands.map(({ argv }) => argv.join(" "))).not.toContain("service tlsforge status");
    expect(changes(host)).not.toContain("service tlsforge onestop");
  });

  test("what rc-update prints is for people: that a link is there already is told by the link", async () => {
    const host = memoryHost({ programs: { "rc-update": "/sbin/rc-update" } });
    host.files.set("/etc/runlevels/default/tlsforge", { content: "/etc/init.d/tlsforge", kind: "link" });
    const first = (await planOf(host, script("openrc"))).commands.map(({ argv }) => argv[0]);
    expect(first).not.toContain("rc-update");
    host.files.delete("/etc/runlevels/default/tlsforge");
    host.answers.set("rc-update", (argv) => {
      host.files.set("/etc/runlevels/default/tlsforge", { content: "/etc/init.d/tlsforge", kind: "link" });
      return { stdout: printed(argv[1] === "add" ? "openrc/update-add" : "openrc/update-del") };
    });
    const { records } = await provide(host, script("openrc"));
    expect(changes(host)).toContain("rc-update add tlsforge default");
    host.answers.set("rc-service tlsforge status", said("openrc/missing", 1));
    expect(await undoHost(host, records, ignore)).toEqual([]);
  });
});

describe("FreeBSD's ports", () => {
  const portacl: Resource = {
    kind: "portacl",
    id: "portacl:ports",
    origin: "default",
    demanded: true,
    user: "tlsforge",
    ports: [443],
  };

  /** The values in a text of sysctl's, as `sysctl -n` prints them: without their names. */
  function values(name: string): Readonly<Record<string, MemoryAnswer>> {
    const lines = printed(name).trim().split("\n");
    return Object.fromEntries(
      lines.map((line) => {
        const [, key = "", value = ""] = /^([\w.]+): ?(.*)$/.exec(line) ?? [];
        return [`sysctl -n ${key}`, { stdout: `${value.split(" -> ")[0] ?? ""}\n` }];
      }),
    );
  }

  function machine(answers: MemoryInitial["answers"]): MemoryHost {
    return memoryHost({
      platform: freebsd,
      packageFamily: "pkg",
      files: { "/etc/passwd": "tlsforge:*:997:997::/nonexistent:/usr/sbin/nologin\n" },
      answers: { ...values("freebsd/reservedhigh"), ...answers },
    });
  }

  const setting = async (host: MemoryHost): Promise<string | undefined> =>
    (await planOf(host, portacl)).commands.map(({ argv }) => argv.join(" ")).find((line) => line.includes("rules="));

  test("a module without rules is loaded already, and gets ours", async () => {
    const host = machine(values("freebsd/portacl"));
    expect((await planOf(host, portacl)).action).toBe("update");
    expect((await planOf(host, portacl)).commands.map(({ argv }) => argv[0])).not.toContain("kldload");
    expect(await setting(host)).toBe("sysctl security.mac.portacl.rules=uid:997:tcp:443");
  });

  test("rules of somebody else's stay, also after a comma too many", async () => {
    expect(await setting(machine(values("freebsd/portacl-rules")))).toBe(
      "sysctl security.mac.portacl.rules=uid:999:tcp:25,uid:999:tcp:587,uid:999:tcp:465,uid:997:tcp:443",
    );
    expect(await setting(machine(values("freebsd/portacl-set")))).toBe(
      "sysctl security.mac.portacl.rules=uid:999:tcp:25,uid:997:tcp:443",
    );
  });

  test("a jail that may not load the module is told what to do", async () => {
    const host = machine({ "sysctl -n security.mac": { exitCode: 1 }, kldload: said("freebsd/kldload-jail", 1) });
    await expect(provide(host, portacl)).rejects.toMatchObject({
      code: "host-failed",
      details: [printed("freebsd/kldload-jail").trim()],
      hint: expect.stringContaining("host.low-port: sysctl") as string,
    });
  });
});

test("the folders in ldconfig -r, and none in anything else", () => {
  expect(hintFolders(printed("freebsd/ldconfig"))).toEqual(["/lib", "/usr/lib", "/usr/lib/compat"]);
  expect(hintFolders(printed("freebsd/portacl"))).toBeNull();
});

test("Alpine's accounts, whose programs that are no shells let nobody log in, as far as we say", async () => {
  const text = printed("alpine/passwd");
  expect(accountsIn(text)).toHaveLength(text.trim().split("\n").length);
  const open = accountsIn(text).filter(({ shell }) => !isNoLogin(shell));
  expect(open.map(({ name }) => name)).toEqual(["root", "sync", "halt", "operator"]);
  const host = memoryHost({ programs: { getent: "/usr/bin/getent" }, answers: { getent: { exitCode: 2 } } });
  host.files.set("/etc/passwd", { content: text });
  expect(await findAccount(host, "man")).toMatchObject({ uid: 13, gid: 15, home: "/usr/man", shell: "/sbin/nologin" });
  expect(await findAccount(host, "tlsforge")).toBeNull();
});
