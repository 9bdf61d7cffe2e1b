import { expect, test } from "vitest";
import { memoryHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { changes, ignore, planOf, provide } from "./tools.ts";

const resource: Resource & { kind: "portacl" } = {
  kind: "portacl",
  id: "portacl:ports",
  origin: "default",
  demanded: true,
  user: "tlsforge",
  ports: [443, 80],
};
const live = "/proc/sys/security/mac/portacl/rules";
const range = "/proc/sys/net/inet/ip/portrange/reservedhigh";

/** Names, defaults and the form of a rule: mac_portacl(4). */
function freebsd(files: MemoryInitial["files"] = {}): MemoryHost {
  return memoryHost({
    platform: { os: "freebsd", arch: "x86_64", libc: "none" },
    packageFamily: "pkg",
    files: {
      "/etc/passwd": "tlsforge:*:997:997::/nonexistent:/usr/sbin/nologin\n",
      [range]: "1023\n",
      "/boot/kernel/mac_portacl.ko": "",
      ...files,
    },
  });
}

test("the module is loaded, the rules are set before the range is opened, and taken away after it is closed", async () => {
  const host = freebsd();
  host.answers.set("kldload", () => (host.files.set(live, { content: "\n" }), {}));
  const { plan, records } = await provide(host, resource);
  expect(plan).toMatchObject({ action: "create", current: null, desired: "tcp 443, 80 for user tlsforge" });
  expect(plan.effect).toContain("all others still may not");
  const rules = "security.mac.portacl.rules=uid:997:tcp:443,uid:997:tcp:80";
  const done = changes(host).filter((line) => /^(kld|sysctl)/.test(line));
  expect(done).toEqual(["kldload mac_portacl", `sysctl ${rules}`, "sysctl net.inet.ip.portrange.reservedhigh=0"]);
  expect(host.files.get("/etc/sysctl.conf")?.content).toBe(
    `${rules} # tlsforge, it was none\nnet.inet.ip.portrange.reservedhigh=0 # tlsforge, it was 1023\n`,
  );
  expect(host.files.get("/boot/loader.conf.d/tlsforge.conf")?.content).toContain('\nmac_portacl_load="YES"\n');
  const count = changes(host).length;
  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect(changes(host).slice(count)).toEqual([
    "sysctl net.inet.ip.portrange.reservedhigh=1023",
    "sysctl security.mac.portacl.rules=",
    "rm -f /etc/sysctl.conf",
    "rm -f /boot/loader.conf.d/tlsforge.conf",
    "kldunload mac_portacl",
  ]);
});

test("rules of somebody else's stay, and a live value that was changed since is left", async () => {
  const host = freebsd({ [live]: "uid:80:tcp:8080\n" });
  const { records } = await provide(host, resource);
  expect(host.files.get(live)?.content).toBe("uid:80:tcp:8080,uid:997:tcp:443,uid:997:tcp:80\n");
  host.files.set(live, { content: "uid:1:tcp:1\n" });
  await undoHost(host, records, ignore);
  expect(host.files.get(live)?.content).toBe("uid:1:tcp:1\n");
  expect(host.files.get(range)?.content).toBe("1023\n");
  expect(changes(host)).not.toContain("kldunload mac_portacl");
});

test.each(["", "a=1", "a=1\n"])("a shared file %j comes back as it was", async (text) => {
  const host = freebsd({ "/etc/sysctl.conf": text, [live]: "\n" });
  const { records } = await provide(host, resource);
  expect(host.files.get("/etc/sysctl.conf")?.content).toContain("# tlsforge");
  await undoHost(host, records, ignore);
  expect(host.files.get("/etc/sysctl.conf")?.content).toBe(text);
});

const deaf = freebsd();
deaf.files.delete(range);

test.each<[string, MemoryHost, Partial<typeof resource>, string]>([
  ["Linux", memoryHost(), {}, "mac_portacl is FreeBSD's"],
  ["a user that is not there", freebsd(), { user: "nobody" }, "there is no user nobody yet"],
  ["no low port", freebsd(), { ports: [] }, "no port is below 1024"],
  ["a kernel that tells nothing", deaf, {}, "this kernel does not tell"],
  [
    "ports that the module leaves to everyone",
    freebsd({ [live]: "\n", "/proc/sys/security/mac/portacl/port_high": "80\n" }),
    {},
    "port_high is 80",
  ],
  [
    "another line for the rules",
    freebsd({ "/etc/sysctl.conf": "security.mac.portacl.rules=uid:1:tcp:1\n" }),
    {},
    "already sets security.mac.portacl.rules",
  ],
  [
    "a file of somebody else's",
    freebsd({ "/boot/loader.conf.d/tlsforge.conf": "x=1\n" }),
    {},
    "was not written by tlsforge",
  ],
])("blocked by %s", async (_name, host, part, reason) => {
  expect(await planOf(host, { ...resource, ...part })).toMatchObject({
    action: "blocked",
    reason: expect.stringContaining(reason) as string,
  });
});
