import { describe, expect, test } from "vitest";
import {
  lostRecords,
  memoryHost,
  mandatoryAccess,
  quickCheckHost,
  serviceDecision,
  undoHost,
} from "../../../src/host/index.ts";
import type { MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { changes, ignore, planOf, provide } from "./tools.ts";

const asked = { origin: "default", demanded: true } as const;
const freebsd = { os: "freebsd", arch: "x86_64", libc: "none" } as const;
const file = "/etc/systemd/system/tlsforge.service";
const unit: Resource & { kind: "unit" } = {
  ...asked,
  kind: "unit",
  id: "unit:tlsforge.service",
  name: "tlsforge",
  text: "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n",
  enabled: true,
};

function booted(more: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    ...more,
    programs: { systemctl: "/usr/bin/systemctl", ...more.programs },
    files: { "/run/systemd/system/x": "", ...more.files },
  });
}

describe("a unit", () => {
  test("is written, told to systemd and started at boot, in this order; undone it is stopped first", async () => {
    const host = booted();
    const { plan, records } = await provide(host, unit);
    expect(plan).toMatchObject({ current: null, desired: `${file}, started at boot` });
    expect(changes(host).slice(-3)).toEqual([
      `mv -f ${file}.tlsforge-new ${file}`,
      "systemctl daemon-reload",
      "systemctl enable tlsforge.service",
    ]);
    await undoHost(host, records, ignore);
    expect(changes(host).slice(-3)).toEqual([
      "systemctl disable --now tlsforge.service",
      `rm -f ${file}`,
      "systemctl daemon-reload",
    ]);
  });

  const keeping = { ...unit, text: unit.text.replace("[Install]", "StateDirectory=tlsforge\n[Install]") };
  const kept = { "/var/lib/tlsforge": { content: "private/tlsforge", kind: "link" } } as const;

  test("takes along what its server has kept, once it is stopped and before its file goes", async () => {
    const host = booted();
    const { records } = await provide(host, keeping);
    host.files.set("/var/lib/tlsforge", kept["/var/lib/tlsforge"]);
    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect(changes(host).slice(-4)).toEqual([
      "systemctl disable --now tlsforge.service",
      "rm -rf /var/lib/tlsforge /var/lib/private/tlsforge",
      `rm -f ${file}`,
      "systemctl daemon-reload",
    ]);
    expect([...host.files.keys()]).toEqual(["/run/systemd/system/x"]);
  });

  test("that somebody has removed leaves nothing of what was kept either", async () => {
    const host = booted();
    const { records } = await provide(host, { ...keeping, enabled: false });
    host.files.set("/var/lib/tlsforge", kept["/var/lib/tlsforge"]);
    host.files.delete(file);
    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect(host.files.has("/var/lib/tlsforge")).toBe(false);
  });

  test("back to an earlier text that keeps nothing, what was kept goes; to one that keeps it, it stays", async () => {
    for (const [earlier, stays] of [
      [unit, false],
      [{ ...keeping, text: `${keeping.text}# a\n` }, true],
    ] as const) {
      const host = booted();
      await provide(host, earlier);
      const { records } = await provide(host, keeping);
      host.files.set("/var/lib/tlsforge", kept["/var/lib/tlsforge"]);
      await undoHost(host, records, ignore);
      expect([host.files.has(file), host.files.has("/var/lib/tlsforge")]).toEqual([true, stays]);
    }
  });

  test("does not take a folder that is there for one of its own", async () => {
    expect(await planOf(booted({ files: kept }), keeping)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("/var/lib/tlsforge is there and was not made by tlsforge") as string,
    });
    expect(await planOf(booted({ files: kept }), unit)).toMatchObject({ action: "create" });
  });

  test("that is not to be started at boot is not", async () => {
    const host = booted();
    const { records } = await provide(host, { ...unit, enabled: false });
    expect(changes(host)).not.toContain("systemctl enable tlsforge.service");
    expect(await quickCheckHost(host, records)).toEqual([]);
    const again = await provide(host, unit);
    expect(again.plan.commands.map(({ argv }) => argv.join(" "))).toEqual(["systemctl enable tlsforge.service"]);
    expect((await planOf(host, { ...unit, enabled: false })).commands.map(({ argv }) => argv[1])).toEqual(["disable"]);
  });

  test("that systemd does not know yet is told again; when it does not answer, that blocks", async () => {
    const host = booted();
    await provide(host, unit);
    host.answers.set("systemctl show", { stdout: "LoadState=loaded\nNeedDaemonReload=yes\n" });
    expect((await planOf(host, unit)).commands.map(({ argv }) => argv.join(" "))).toEqual(["systemctl daemon-reload"]);
    host.answers.set("systemctl show", { exitCode: 1, stderr: "Failed to connect to bus\n" });
    expect(await planOf(host, unit)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("systemctl show") as string,
    });
  });

  test("of which only the link at boot is left goes whole", async () => {
    const host = booted();
    const { records } = await provide(host, unit);
    host.files.delete(file);
    expect(await undoHost(host, records, ignore)).toEqual([]);
    expect([...host.files.keys()]).toEqual(["/run/systemd/system/x"]);
  });

  test("whose file is somebody else's now loses our link at boot, and stands", async () => {
    const host = booted();
    const { records } = await provide(host, unit);
    const link = "/etc/systemd/system/multi-user.target.wants/tlsforge.service";
    expect(host.files.has(link)).toBe(true);
    host.files.set(file, { content: "[Service]\n" });
    expect(await lostRecords(host, records, [])).toEqual([]);
    expect(await undoHost(host, records, ignore)).toEqual(records);
    expect([host.files.has(link), host.files.get(file)?.content]).toEqual([false, "[Service]\n"]);
    expect(await lostRecords(host, records, [])).toEqual(records);
  });

  test("settings that somebody added are told, and left by undo", async () => {
    const host = booted({ files: { [`${file}.d/override.conf`]: "[Service]\n" } });
    const { records } = await provide(host, unit);
    expect((await planOf(host, unit)).current).toContain("with settings of yours (override.conf)");
    const events: unknown[] = [];
    await undoHost(host, records, { emit: (event) => events.push(event) });
    expect(host.files.has(`${file}.d/override.conf`)).toBe(true);
    expect(JSON.stringify(events)).toContain(`left: ${file}.d`);
  });

  test.each<[string, MemoryHost, Resource, string]>([
    ["no systemd", memoryHost(), unit, "this machine was not booted with systemd"],
    ["no systemctl", memoryHost({ files: { "/run/systemd/system/x": "" } }), unit, "systemctl is missing"],
    ["FreeBSD", booted({ platform: freebsd }), unit, "systemd is Linux's only"],
    ["a name that leaves the folder", booted(), { ...unit, name: "../x" }, '"../x" is no name for a service'],
    [
      "a text without an [Install]",
      booted(),
      { ...unit, text: "[Service]\n" },
      "its text does not say what it is wanted by",
    ],
    [
      "a package's unit of that name",
      booted({ files: { "/usr/lib/systemd/system/tlsforge.service": "" } }),
      unit,
      "/usr/lib/systemd/system/tlsforge.service is there and was not written by tlsforge",
    ],
  ])("is blocked by %s", async (_name, host, resource, reason) => {
    expect(await planOf(host, resource)).toMatchObject({ action: "blocked", reason });
  });
});

describe("a start script", () => {
  const script: Resource & { kind: "rc-script" } = {
    ...asked,
    kind: "rc-script",
    id: "rc-script:tlsforge",
    system: "openrc",
    name: "tlsforge",
    path: "/etc/init.d/tlsforge",
    text: "#!/sbin/openrc-run\n",
    enabled: true,
    settings: { a: '1 "2" $3 `4`' },
  };

  test("of OpenRC: settings quoted, in the default runlevel, stopped only when it runs", async () => {
    const host = memoryHost({ programs: { "rc-update": "/sbin/rc-update" } });
    const { records } = await provide(host, script);
    expect(host.files.get("/etc/conf.d/tlsforge")?.content).toMatch(/\na="1 \\"2\\" \\\$3 \\`4\\`"\n$/);
    expect(host.files.get("/etc/init.d/tlsforge")).toMatchObject({ mode: 0o755 });
    expect(changes(host).at(-1)).toBe("rc-update add tlsforge default");
    host.answers.set("rc-service tlsforge", {});
    await undoHost(host, records, ignore);
    expect(changes(host)).toContain("rc-service tlsforge stop");
  });

  test("of FreeBSD: the folder of settings is made where it is not there, and goes again", async () => {
    const host = memoryHost({
      platform: freebsd,
      answers: { "service tlsforge onestatus": {}, "service tlsforge onestop": {} },
    });
    const { records } = await provide(host, {
      ...script,
      system: "rc.d",
      path: "/usr/local/etc/rc.d/tlsforge",
      text: "#!/bin/sh\n",
    });
    expect(changes(host)).toContain("mkdir -p /etc/rc.conf.d");
    await undoHost(host, records, ignore);
    expect(changes(host)).toContain("service tlsforge onestop");
    expect([...host.files.keys()]).toEqual([]);
  });

  test.each<[string, Partial<typeof script>, string]>([
    ["no OpenRC", {}, "rc-update is missing: this machine has no OpenRC"],
    ["rc.d on Linux", { system: "rc.d" }, "rc.d is FreeBSD's"],
    ["a name", { name: "a b" }, '"a b" is no name for a start script'],
    ["a setting", { settings: { "a b": "1" } }, "a b cannot be a setting"],
    ["a line end in a setting", { settings: { a: "1\n2" } }, "a cannot be a setting"],
  ])("is blocked by %s", async (_name, part, reason) => {
    expect(await planOf(memoryHost(), { ...script, ...part })).toMatchObject({ action: "blocked", reason });
  });
});

describe("who runs the server", () => {
  const decide = (host: MemoryHost, choice: Parameters<typeof serviceDecision>[1]["choice"] = "auto") =>
    serviceDecision(host, { choice, prefix: "/opt/tlsforge" });
  const openrc = { programs: { "rc-update": "/sbin/rc-update" }, files: { "/run/openrc/softlevel": "default" } };

  test("what runs the machine", async () => {
    expect(await decide(booted())).toEqual({ manager: "systemd", reasons: ["systemd runs this machine"] });
    expect(await decide(memoryHost(openrc))).toEqual({
      manager: "openrc",
      reasons: ["not systemd: this machine was not booted with it", "openrc runs this machine"],
    });
    expect((await decide(memoryHost({ platform: freebsd }))).manager).toBe("rc.d");
  });

  test("nobody for an ordinary user and in a container, and why", async () => {
    expect(await decide(booted({ privilege: "sudo" }))).toMatchObject({
      manager: "none",
      reasons: expect.arrayContaining(["not systemd: only root may add a service to the machine"]) as string[],
    });
    expect(await decide(memoryHost())).toEqual({
      manager: "none",
      reasons: [
        "not systemd: this machine was not booted with it",
        "not openrc: this machine was not booted with it",
        "not rc.d: it is FreeBSD's",
      ],
    });
    expect(await decide(booted(), "none")).toEqual({ manager: "none", reasons: ["host.service is none"] });
  });

  test("what is asked for and cannot be had is refused", async () => {
    expect((await decide(booted(), "systemd")).manager).toBe("systemd");
    await expect(decide(memoryHost(), "systemd")).rejects.toMatchObject({
      code: "host-refused",
      message: "no service of systemd for /opt/tlsforge: this machine was not booted with it",
    });
    await expect(decide(booted(), "rc.d")).rejects.toMatchObject({
      message: expect.stringContaining("FreeBSD") as string,
    });
    await expect(decide(memoryHost({ files: openrc.files }), "openrc")).rejects.toMatchObject({
      message: expect.stringContaining("rc-update is missing") as string,
    });
    await expect(decide(booted({ privilege: "none" }), "systemd")).rejects.toMatchObject({
      message: expect.stringContaining("only root") as string,
    });
  });
});

describe("a firewall is only told", () => {
  const firewall: Resource = {
    origin: "default",
    demanded: false,
    kind: "firewall",
    id: "firewall:ports",
    ports: [443, 80],
  };
  const onUfw = { "/etc/ufw/ufw.conf": "# x\nENABLED=yes\n" };
  /** `ufw status` as ufw(8) prints it. */
  const status =
    "Status: active\n\nTo                         Action      From\n--                         ------      ----\n443/tcp                    ALLOW       Anywhere\n";

  test.each<[string, MemoryInitial, string, string | undefined]>([
    ["none", {}, "no firewall that tlsforge knows", undefined],
    [
      "ufw that is off",
      { files: { "/etc/ufw/ufw.conf": "ENABLED=no\n" } },
      "no firewall that tlsforge knows",
      undefined,
    ],
    [
      "ufw",
      { files: onUfw, answers: { "ufw status": { stdout: status } } },
      "ufw is on",
      "ufw does not let it in; tlsforge changes no firewall, this would: ufw allow 80/tcp",
    ],
    [
      "ufw, asked by a user",
      { files: onUfw, privilege: "sudo" },
      "ufw is on",
      "whether ufw lets it in is not known; tlsforge changes no firewall, this would: ufw allow 443/tcp; ufw allow 80/tcp",
    ],
    [
      "firewalld",
      {
        programs: { "firewall-cmd": "/usr/bin/firewall-cmd" },
        answers: {
          "firewall-cmd --state": { stdout: "running\n" },
          "firewall-cmd --query-port=443/tcp": { stdout: "yes\n" },
          "firewall-cmd --query-port=80/tcp": { exitCode: 1, stdout: "no\n" },
        },
      },
      "firewalld is on",
      "firewalld does not let it in; tlsforge changes no firewall, this would: firewall-cmd --permanent --add-port=80/tcp && firewall-cmd --reload",
    ],
    [
      "firewalld that does not run",
      { programs: { "firewall-cmd": "/usr/bin/firewall-cmd" }, answers: { "firewall-cmd --state": { exitCode: 252 } } },
      "no firewall that tlsforge knows",
      undefined,
    ],
    [
      "nftables",
      {
        programs: { nft: "/usr/sbin/nft" },
        answers: {
          "nft list ruleset": {
            stdout:
              "table inet f {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n",
          },
        },
      },
      "nftables is on",
      'whether nftables lets it in is not known; tlsforge changes no firewall, this would: "tcp dport { 443, 80 } accept" in its input chain',
    ],
    [
      "nftables without rules",
      { programs: { nft: "/usr/sbin/nft" }, answers: { "nft list ruleset": {} } },
      "no firewall that tlsforge knows",
      undefined,
    ],
    [
      "pf",
      { platform: freebsd, files: { "/etc/rc.conf": 'pf_enable="YES"\n' } },
      "pf is on",
      expect.stringContaining("pass in proto tcp to port { 443 80 }") as string,
    ],
  ])("%s", async (_name, initial, current, effect) => {
    const host = memoryHost(initial);
    const { plan, records } = await provide(host, firewall);
    expect(plan).toMatchObject({ action: "none", current, desired: "tcp 443, 80 let in", commands: [] });
    expect(plan.effect).toEqual(effect);
    expect(records).toEqual([]);
    expect(changes(host)).toEqual([]);
  });
});

describe("mandatory access control", () => {
  const options = { prefix: "/opt/tls.forge", outputs: ["/opt/tls.forge/store/a"] };
  const enforcing = { "/sys/fs/selinux/enforce": "1" };
  const label = (context: string) => ({ "stat -c %C": { stdout: `${context}\n` } });

  test.each<[string, MemoryInitial, object]>([
    ["none", {}, { system: "none", enforcing: false, messages: [] }],
    ["FreeBSD", { platform: freebsd, files: enforcing }, { system: "none" }],
    [
      "SELinux, permissive",
      { files: { "/sys/fs/selinux/enforce": "0" } },
      { system: "selinux", enforcing: false, commands: [] },
    ],
    ["SELinux, unreadable", { files: { "/sys/fs/selinux/enforce": "" } }, { system: "selinux", enforcing: null }],
    [
      "SELinux, programs labelled",
      { files: enforcing, answers: label("system_u:object_r:bin_t:s0") },
      { system: "selinux", enforcing: true, commands: [] },
    ],
    [
      "SELinux, with semanage",
      {
        files: enforcing,
        answers: label("unconfined_u:object_r:user_home_t:s0"),
        programs: { semanage: "/usr/sbin/semanage" },
      },
      {
        enforcing: true,
        messages: expect.arrayContaining([expect.stringContaining("user_home_t")]) as string[],
        commands: [
          ["semanage", "fcontext", "-a", "-t", "bin_t", String.raw`/opt/tls\.forge/store/[^/]+/bin(/.*)?`],
          ["semanage", "fcontext", "-a", "-t", "lib_t", String.raw`/opt/tls\.forge/store/[^/]+/lib(/.*)?`],
          ["restorecon", "-RF", "/opt/tls.forge/store"],
        ],
      },
    ],
    [
      "SELinux, without semanage, a context that cannot be read",
      { files: enforcing, answers: { stat: { stdout: "?\n" } } },
      {
        messages: expect.arrayContaining([expect.stringContaining("a context that cannot be read")]) as string[],
        commands: [
          ["chcon", "-R", "-t", "bin_t", "/opt/tls.forge/store/a/bin"],
          ["chcon", "-R", "-t", "lib_t", "/opt/tls.forge/store/a/lib"],
        ],
      },
    ],
    ["AppArmor, off", { files: { "/sys/module/apparmor/parameters/enabled": "N\n" } }, { system: "none" }],
    [
      "AppArmor without a profile for us",
      {
        files: {
          "/sys/module/apparmor/parameters/enabled": "Y\n",
          "/sys/kernel/security/apparmor/profiles": "/usr/bin/man (enforce)\n",
          "/etc/apparmor.d/x": "# /opt/tls.forge/bin is fine\n/usr/bin/man {\n}\n",
        },
      },
      {
        system: "apparmor",
        enforcing: true,
        messages: ["AppArmor is on; no profile names /opt/tls.forge, so our programs are unconfined"],
      },
    ],
    [
      "AppArmor, profiles root's to read",
      { files: { "/sys/module/apparmor/parameters/enabled": "Y\n" } },
      { enforcing: null, messages: [expect.stringContaining("only root may see")] },
    ],
    [
      "AppArmor with a profile for us",
      {
        files: {
          "/sys/module/apparmor/parameters/enabled": "Y\n",
          "/sys/kernel/security/apparmor/profiles": "/opt/tls.forge/store/** (enforce)\n",
          "/etc/apparmor.d/y": "/opt/tls.forge/store/** {\n}\n",
        },
      },
      {
        enforcing: true,
        messages: [
          expect.stringContaining("/etc/apparmor.d/y, /opt/tls.forge/store/** (enforce)"),
          expect.stringContaining("DENIED"),
        ],
      },
    ],
  ])("%s", async (_name, initial, expected) => {
    expect(await mandatoryAccess(memoryHost(initial), options)).toMatchObject(expected);
  });
});
