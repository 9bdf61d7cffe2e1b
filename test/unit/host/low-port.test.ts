import { expect, test } from "vitest";
import { lowPortResources, memoryHost } from "../../../src/host/index.ts";
import type { LowPortDecision, LowPortOptions, MemoryHost, MemoryInitial } from "../../../src/host/index.ts";
import { mountObstacle } from "../../../src/host/low-port.ts";

const options: LowPortOptions = {
  ports: [443, 80],
  choice: "auto",
  interpreter: "/p/bin/python3",
  copy: "/p/var/low-port/bin/python3",
  origin: "default",
};
const status = "NoNewPrivs:\t0\nCapBnd:\t000001ffffffffff\n";
const mounts = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n30 27 0:3 / /p rw,relatime shared:1 - xfs /dev/vdb rw\n";

function machine(files: MemoryInitial["files"] = {}, more: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    privilege: "sudo",
    programs: { setcap: "/usr/sbin/setcap", getcap: "/usr/sbin/getcap" },
    ...more,
    files: {
      "/proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
      "/proc/self/status": status,
      "/proc/self/mountinfo": mounts,
      ...files,
    },
  });
}

const decide = (host: MemoryHost, more: Partial<LowPortOptions> = {}): Promise<LowPortDecision> =>
  lowPortResources(host, { ...options, ...more });

test("nothing is needed for free ports, and by root", async () => {
  expect(await decide(machine(), { ports: [8443] })).toMatchObject({
    method: "not-needed",
    resources: [],
    interpreter: options.interpreter,
  });
  expect(await decide(machine({ "/proc/sys/net/ipv4/ip_unprivileged_port_start": "80\n" }))).toMatchObject({
    method: "not-needed",
  });
  expect(await decide(machine({}, { privilege: "root" }))).toMatchObject({ method: "root", resources: [] });
  expect(await decide(machine({}, { platform: { os: "darwin", arch: "aarch64", libc: "none" } }))).toMatchObject({
    method: "not-needed",
  });
});

test("auto takes a file capability on a private copy where it works", async () => {
  expect(await decide(machine())).toEqual({
    method: "file-capability",
    interpreter: options.copy,
    reasons: ["file capabilities work here"],
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
  expect((await decide(machine({}, { privilege: "root" }), { group: "web" })).resources).toMatchObject([
    { kind: "capability", group: "web" },
  ]);
});

test.each<[string, MemoryHost, string]>([
  ["without setcap", machine({}, { programs: {} }), "setcap is missing"],
  ["under no-new-privileges", machine({ "/proc/self/status": status.replace("\t0", "\t1") }), "no-new-privileges"],
  [
    "in a container without it",
    machine({ "/proc/self/status": "NoNewPrivs:\t0\nCapBnd:\t00000000a80421fb\n" }),
    "this container lacks",
  ],
  ["on nosuid", machine({ "/proc/self/mountinfo": mounts.replace("/p rw,", "/p rw,nosuid,") }), "/p is mounted nosuid"],
  ["on NFS", machine({ "/proc/self/mountinfo": mounts.replace("xfs", "nfs4") }), "/p is nfs4"],
])("auto takes the sysctl %s, and says why", async (_name, host, reason) => {
  const decision = await decide(host);
  expect(decision).toMatchObject({
    method: "sysctl",
    interpreter: options.interpreter,
    resources: [{ kind: "sysctl", key: "net.ipv4.ip_unprivileged_port_start", value: "80", demanded: true }],
  });
  expect(decision.reasons[0]).toContain(reason);
});

test("the site file's word goes before", async () => {
  expect(await decide(machine(), { choice: "sysctl" })).toMatchObject({ method: "sysctl" });
  expect(await decide(machine({}, { programs: {} }), { choice: "file-capability" })).toMatchObject({
    method: "file-capability",
  });
  expect(await decide(machine(), { choice: "none" })).toEqual({
    method: "none",
    resources: [],
    interpreter: options.interpreter,
    reasons: ["port 80 is below 1024, and host.low-port is none"],
  });
});

test("FreeBSD opens the range", async () => {
  const host = machine(
    {},
    { platform: { os: "freebsd", arch: "x86_64", libc: "none" }, answers: { "sysctl -n": { stdout: "1023\n" } } },
  );
  expect(await decide(host)).toMatchObject({
    method: "sysctl",
    resources: [{ key: "net.inet.ip.portrange.reservedhigh", value: "0", file: "/etc/sysctl.conf" }],
  });
  host.answers.set("sysctl -n", { stdout: "0\n" });
  expect(await decide(host)).toMatchObject({ method: "not-needed" });
});

test("the innermost mount counts", () => {
  expect(mountObstacle(mounts, "/p/var/x")).toBeNull();
  expect(mountObstacle(mounts.replace("/ / rw,", "/ / rw,nosuid,"), "/p/var/x")).toBeNull();
  expect(mountObstacle(mounts.replace("/ / rw,", "/ / rw,nosuid,"), "/private/x")).toContain("nosuid");
  expect(mountObstacle("", "/p")).toBe("the file system is unknown");
});
