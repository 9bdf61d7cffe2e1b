import { expect, test } from "vitest";
import { lowPortResources, memoryHost } from "../../../src/host/index.ts";
import { managedText } from "../../../src/host/resources/managed-file.ts";
import type { LowPortDecision, LowPortOptions, MemoryHost, MemoryInitial } from "../../../src/host/index.ts";
import { mountObstacle } from "../../../src/host/low-port-obstacles.ts";

const options: LowPortOptions = {
  ports: [443, 80],
  choice: "auto",
  interpreter: "/p/bin/python3",
  copy: "/p/var/low-port/bin/python3",
  manager: "none",
  origin: "default",
};
const status = "NoNewPrivs:\t0\nCapBnd:\t000001ffffffffff\n";
const mounts = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n30 27 0:3 / /p rw,relatime shared:1 - xfs /dev/vdb rw\n";

const programs = { setcap: "/usr/sbin/setcap", getcap: "/usr/sbin/getcap", sysctl: "/usr/sbin/sysctl" };
const freebsd = { platform: { os: "freebsd", arch: "x86_64", libc: "none" } } as const;

function machine(files: MemoryInitial["files"] = {}, more: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    privilege: "sudo",
    programs,
    ...more,
    files: {
      "/proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
      "/proc/self/status": status,
      "/proc/self/mountinfo": mounts,
      ...files,
    },
  });
}

const readOnly = { "/proc/self/mountinfo": `${mounts}31 27 0:5 / /proc/sys ro,nosuid - proc proc rw\n` };
const bounded = { "/proc/self/status": "NoNewPrivs:\t0\nCapBnd:\t00000000a80421fb\n".replace("a80421fb", "a80420fb") };
const byUser = "only root can hand the capability on, and tlsforge was not started by root";

const decide = (host: MemoryHost, more: Partial<LowPortOptions> = {}): Promise<LowPortDecision> =>
  lowPortResources(host, { ...options, ...more });

test("nothing is needed for ports that are free for everyone", async () => {
  expect(await decide(machine(), { ports: [8443] })).toEqual({
    method: "not-needed",
    resources: [],
    interpreter: options.interpreter,
    reasons: ["every port from 1024 up is free for every user"],
  });
  expect(await decide(machine({ "/proc/sys/net/ipv4/ip_unprivileged_port_start": "80\n" }))).toMatchObject({
    method: "not-needed",
  });
  expect(await decide(machine({}, { platform: { os: "darwin", arch: "aarch64", libc: "none" } }))).toMatchObject({
    method: "not-needed",
  });
});

test("under systemd its socket holds every port, high ones too", async () => {
  const host = machine({}, { privilege: "root" });
  for (const ports of [[443], [8443]])
    expect(await decide(host, { manager: "systemd", ports })).toEqual({
      method: "socket",
      resources: [],
      interpreter: options.interpreter,
      reasons: ["systemd holds the ports"],
    });
  expect(await decide(host, { manager: "systemd", choice: "socket" })).toMatchObject({ method: "socket" });
  expect(await decide(host, { manager: "systemd", choice: "ambient" })).toMatchObject({
    method: "ambient",
    resources: [],
  });
});

test("what root starts elsewhere keeps the capability alone", async () => {
  expect(await decide(machine({}, { privilege: "root" }))).toEqual({
    method: "ambient",
    resources: [],
    interpreter: options.interpreter,
    reasons: ["no socket: systemd does not run this server", "ambient works here"],
  });
});

test("an ordinary user with sudo gets the sysctl, and is told why nothing earlier", async () => {
  expect(await decide(machine())).toEqual({
    method: "sysctl",
    interpreter: options.interpreter,
    reasons: ["no socket: systemd does not run this server", `no ambient: ${byUser}`, "sysctl works here"],
    resources: [
      {
        kind: "sysctl",
        id: "sysctl:net.ipv4.ip_unprivileged_port_start",
        origin: "default",
        key: "net.ipv4.ip_unprivileged_port_start",
        value: "80",
        file: "/etc/sysctl.d/50-tlsforge.conf",
        demanded: true,
      },
    ],
  });
});

test("a port that our own sysctl has opened still needs it, or for root something less", async () => {
  const text = managedText("# It was 1024\nnet.ipv4.ip_unprivileged_port_start = 80\n");
  const files = { "/etc/sysctl.d/50-tlsforge.conf": text, "/proc/sys/net/ipv4/ip_unprivileged_port_start": "80\n" };
  expect(await decide(machine(files))).toMatchObject({
    method: "sysctl",
    resources: [{ kind: "sysctl", value: "80" }],
  });
  expect(await decide(machine(files, { privilege: "root" }))).toMatchObject({ method: "ambient", resources: [] });
  expect(await decide(machine(files), { choice: "none" })).toMatchObject({
    method: "none",
    resources: [],
    reasons: ["port 80 is open by our own sysctl only, and host.low-port is none"],
  });
});

test("where kernel settings are read-only, a file capability on a private copy", async () => {
  expect(await decide(machine(readOnly))).toEqual({
    method: "file-capability",
    interpreter: options.copy,
    reasons: [
      "no socket: systemd does not run this server",
      `no ambient: ${byUser}`,
      "no sysctl: /proc/sys is mounted read-only, as in a container",
      "file-capability works here",
    ],
    resources: [
      {
        kind: "capability",
        id: "capability:interpreter",
        origin: "default",
        source: options.interpreter,
        copy: options.copy,
        capability: "cap_net_bind_service",
        demanded: true,
      },
    ],
  });
  expect((await decide(machine(readOnly), { group: "web" })).resources).toMatchObject([
    { kind: "capability", group: "web" },
  ]);
});

test.each<[string, MemoryInitial["files"], MemoryInitial, string]>([
  ["without setcap", readOnly, { programs: { sysctl: "/usr/sbin/sysctl" } }, "no file-capability: setcap is missing"],
  [
    "under no-new-privileges",
    { ...readOnly, "/proc/self/status": status.replace("\t0", "\t1") },
    {},
    "no file-capability: no-new-privileges",
  ],
  ["in a container without it", { ...readOnly, ...bounded }, {}, "no file-capability: this container lacks"],
  [
    "on nosuid",
    { "/proc/self/mountinfo": readOnly["/proc/self/mountinfo"].replace("/p rw,", "/p rw,nosuid,") },
    {},
    "no file-capability: /p is mounted nosuid",
  ],
  ["on NFS", { "/proc/self/mountinfo": readOnly["/proc/self/mountinfo"].replace("xfs", "nfs4") }, {}, "/p is nfs4"],
  ["without the program", {}, { programs: {}, privilege: "sudo" }, "no sysctl: the program sysctl is missing"],
  ["without privilege", {}, { privilege: "none" }, "no sysctl: it needs root, or sudo"],
  ["for root that lacks it", { ...readOnly, ...bounded }, { privilege: "root" }, "no ambient: this container lacks"],
])("where nothing works (%s) the plan has the sysctl, and every reason is told", async (_name, files, more, reason) => {
  const decision = await decide(machine(files, more));
  expect(decision).toMatchObject({ method: "sysctl", resources: [{ kind: "sysctl", value: "80", demanded: true }] });
  expect(decision.reasons).toHaveLength(4);
  expect(decision.reasons.join("\n")).toContain(reason);
});

test("the site file's word goes before", async () => {
  expect(await decide(machine(), { choice: "sysctl" })).toMatchObject({ method: "sysctl" });
  expect(await decide(machine({}, { programs: {} }), { choice: "file-capability" })).toMatchObject({
    method: "file-capability",
  });
  expect(await decide(machine(), { choice: "portacl" })).toMatchObject({ resources: [{ kind: "portacl" }] });
  expect(await decide(machine(), { choice: "none" })).toEqual({
    method: "none",
    resources: [],
    interpreter: options.interpreter,
    reasons: ["port 80 is below 1024, and host.low-port is none"],
  });
});

test.each<[LowPortOptions["choice"], LowPortOptions["manager"], string]>([
  ["socket", "none", "systemd does not run this server"],
  ["ambient", "none", byUser],
  ["file-capability", "systemd", "its unit lets nothing gain privileges"],
])("%s is refused where it cannot work (service manager: %s)", async (choice, manager, reason) => {
  await expect(decide(machine(), { choice, manager })).rejects.toMatchObject({
    code: "host-refused",
    message: `host.low-port is ${choice}, which does not work here: ${reason}`,
    hint: expect.stringContaining("auto") as string,
  });
});

test("FreeBSD gives the ports to one user, else opens the range", async () => {
  const answers = {
    "sysctl -n net.inet.ip.portrange.reservedhigh": { stdout: "1023\n" },
    "sysctl -n security.jail.jailed": { stdout: "0\n" },
    "sysctl -n security.mac.portacl.enabled": { exitCode: 1, stderr: "sysctl: unknown oid\n" },
  };
  const files = { "/boot/kernel/mac_portacl.ko": "" };
  const host = machine(files, { ...freebsd, answers });
  expect(await decide(host, { user: "tlsforge", ports: [443, 80, 8080] })).toMatchObject({
    method: "portacl",
    resources: [{ kind: "portacl", user: "tlsforge", ports: [443, 80] }],
    reasons: ["portacl works here"],
  });
  const range = {
    method: "sysctl",
    resources: [{ key: "net.inet.ip.portrange.reservedhigh", value: "0", file: "/etc/sysctl.conf" }],
  };
  expect(await decide(host)).toMatchObject({
    ...range,
    reasons: ["no portacl: its rules are for one user, and none is known", "sysctl works here"],
  });
  host.answers.set("sysctl -n security.jail.jailed", { stdout: "1\n" });
  expect((await decide(host, { user: "tlsforge" })).reasons[0]).toBe("no portacl: a jail cannot load mac_portacl");
  host.answers.set("sysctl -n security.jail.jailed", { stdout: "0\n" });
  host.files.delete("/boot/kernel/mac_portacl.ko");
  expect(await decide(host, { user: "tlsforge" })).toMatchObject({
    ...range,
    reasons: ["no portacl: this kernel has no mac_portacl", "sysctl works here"],
  });
  host.answers.set("sysctl -n net.inet.ip.portrange.reservedhigh", { stdout: "0\n" });
  expect(await decide(host)).toMatchObject({ method: "not-needed" });
});

test("the innermost mount counts", () => {
  expect(mountObstacle(mounts, "/p/var/x")).toBeNull();
  expect(mountObstacle(mounts.replace("/ / rw,", "/ / rw,nosuid,"), "/p/var/x")).toBeNull();
  expect(mountObstacle(mounts.replace("/ / rw,", "/ / rw,nosuid,"), "/private/x")).toContain("nosuid");
  expect(mountObstacle("", "/p")).toBe("the file system is unknown");
});
