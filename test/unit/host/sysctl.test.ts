import { expect, test } from "vitest";
import { memoryHost, mergeRecords, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryHost, Resource } from "../../../src/host/index.ts";
import { changes, ignore, planOf, provide, snapshot } from "./tools.ts";

const key = "net.ipv4.ip_unprivileged_port_start";
const live = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const file = "/etc/sysctl.d/50-tlsforge.conf";
const resource: Resource = {
  kind: "sysctl",
  id: `sysctl:${key}`,
  origin: "default",
  key,
  value: "443",
  file,
  demanded: true,
};
const linux = (value = "1024"): MemoryHost => memoryHost({ files: { [live]: `${value}\n` } });

test("set live and for the next boot, and taken back", async () => {
  const host = linux();
  const before = snapshot(host);
  const { plan, records } = await provide(host, resource);
  expect(plan).toMatchObject({ action: "create", current: `${key} = 1024`, desired: `${key} = 443` });
  expect(plan.effect).toBe("opens every port from 443 up to every user of this machine");
  expect(changes(host).at(-1)).toBe(`sysctl -w ${key}=443`);
  expect(host.files.get(live)?.content).toBe("443\n");
  expect(host.files.get(file)?.content?.split("\n").slice(1)).toEqual(["# It was 1024", `${key} = 443`, ""]);
  expect(await quickCheckHost(host, records)).toEqual([]);
  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect(snapshot(host)).toEqual(before);
});

test("applied twice, the second time nothing is run", async () => {
  const host = linux();
  const { records } = await provide(host, resource);
  const count = changes(host).length;
  const again = await provide(host, resource);
  expect(again.plan.action).toBe("none");
  expect(changes(host)).toHaveLength(count);
  expect(mergeRecords(records, again.records)).toMatchObject([
    { before: `${key} = 1024`, data: { live: "1024", value: "443" } },
  ]);
});

test("a value that opens more already is left as somebody set it, and not recorded as ours", async () => {
  const host = linux("80");
  const { plan, records } = await provide(host, resource);
  expect(plan.action).toBe("none");
  expect(records).toEqual([]);
});

test("lost at runtime it is set again, without touching the file", async () => {
  const host = linux();
  const { records } = await provide(host, resource);
  host.files.set(live, { content: "1024\n" });
  expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
  const { plan } = await provide(host, resource);
  expect(plan).toMatchObject({
    action: "update",
    commands: [{ argv: ["sysctl", "-w", `${key}=443`], elevated: true }],
  });
});

test("killed between file and live value, the next run completes and undo still knows the first value", async () => {
  const host = linux();
  const before = snapshot(host);
  await provide(host, resource);
  host.files.set(live, { content: "1024\n" });
  const { records } = await provide(host, resource);
  await undoHost(host, records, ignore);
  expect(snapshot(host)).toEqual(before);
});

test("killed after the change and before its record, the next run finds the record", async () => {
  const host = linux();
  const before = snapshot(host);
  await provide(host, resource);
  const { records } = await provide(host, resource);
  await undoHost(host, records, ignore);
  expect(snapshot(host)).toEqual(before);
});

test("over two generations the first value is what comes back", async () => {
  const host = linux();
  const before = snapshot(host);
  const first = await provide(host, resource);
  const second = await provide(host, { ...resource, value: "80" });
  expect(second.plan.action).toBe("update");
  expect(host.files.get(live)?.content).toBe("80\n");
  await undoHost(host, mergeRecords(first.records, second.records), ignore);
  expect(snapshot(host)).toEqual(before);
});

test("a live value that somebody changed since stays when the file goes", async () => {
  const host = linux();
  const { records } = await provide(host, resource);
  host.files.set(live, { content: "0\n" });
  await undoHost(host, records, ignore);
  expect(host.files.get(live)?.content).toBe("0\n");
  expect(host.files.has(file)).toBe(false);
});

test("blocked by a kernel without it, by a foreign file", async () => {
  expect(await planOf(memoryHost(), resource)).toMatchObject({
    action: "blocked",
    reason: `this kernel does not tell ${key}`,
  });
  const foreign = linux();
  foreign.files.set(file, { content: `${key} = 0\n` });
  expect(await planOf(foreign, resource)).toMatchObject({
    action: "blocked",
    reason: expect.stringContaining("not written by tlsforge") as string,
  });
});

test("a file changed by hand is shown, kept and replaced; undo keeps it too", async () => {
  const host = linux();
  const first = await provide(host, resource);
  const edit = (): string => (host.files.get(file)?.content ?? "").replace("= 443", "= 444");
  const edited = edit();
  host.files.set(file, { content: edited });
  const { plan, records } = await provide(host, resource);
  expect(plan).toMatchObject({
    action: "update",
    current: `${key} = 443, ${file}, changed by hand: has "${key} = 444"; lacks "${key} = 443"`,
    effect: expect.stringContaining(`kept as ${file}.tlsforge-saved`) as string,
  });
  expect(host.files.get(`${file}.tlsforge-saved`)?.content).toBe(edited);
  expect(await quickCheckHost(host, records)).toEqual([]);
  expect(records[0]?.data).toMatchObject({ live: "1024", saved: `${file}.tlsforge-saved` });

  host.files.set(file, { content: edit() });
  expect(await undoHost(host, mergeRecords(first.records, records), ignore)).toEqual([]);
  expect([...host.files.keys()]).toEqual([live, `${file}.tlsforge-saved`, `${file}.tlsforge-saved-2`]);
  expect(host.files.get(live)?.content).toBe("1024\n");
});

test("in a container that forbids it, the file goes again and the error says what to do", async () => {
  const host = linux();
  const before = snapshot(host);
  host.answers.set("sysctl", { exitCode: 1, stderr: `sysctl: setting key "${key}": Read-only file system\n` });
  await expect(provide(host, resource)).rejects.toMatchObject({
    code: "host-failed",
    message: expect.stringContaining(`"sysctl -w ${key}=443"`) as string,
    hint: expect.stringContaining("container") as string,
  });
  expect(snapshot(host)).toEqual(before);
});

const portRange = "net.inet.ip.portrange.reservedhigh";
const bsdLive = "/proc/sys/net/inet/ip/portrange/reservedhigh";
const bsd: Resource = {
  kind: "sysctl",
  id: `sysctl:${portRange}`,
  origin: "default",
  key: portRange,
  value: "0",
  file: "/etc/sysctl.conf",
  demanded: true,
};
const freebsd = (text: string): MemoryHost =>
  memoryHost({
    platform: { os: "freebsd", arch: "x86_64", libc: "none" },
    packageFamily: "pkg",
    files: { [bsdLive]: "1023\n", "/etc/sysctl.conf": text },
  });

test.each(["security.bsd.see_other_uids=0\n", "", "a=1 # no newline"])(
  "on FreeBSD a marked line joins sysctl.conf %j and leaves it",
  async (text) => {
    const host = freebsd(text);
    const { plan, records } = await provide(host, bsd);
    expect(plan.effect).toBe("opens every port from 1 up to every user of this machine");
    expect(host.files.get("/etc/sysctl.conf")?.content).toBe(
      `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${portRange}=0 # tlsforge, it was 1023\n`,
    );
    expect(host.files.get(bsdLive)?.content).toBe("0\n");
    expect((await provide(host, bsd)).plan.action).toBe("none");
    expect(await quickCheckHost(host, records)).toEqual([]);
    await undoHost(host, records, ignore);
    expect(host.files.get("/etc/sysctl.conf")?.content).toBe(text);
    expect(host.files.get(bsdLive)?.content).toBe("1023\n");
  },
);

test("on FreeBSD another line for the same setting is drift", async () => {
  expect(await planOf(freebsd(`${portRange}=100\n`), bsd)).toMatchObject({
    action: "blocked",
    reason: `/etc/sysctl.conf already sets ${portRange} to 100`,
  });
});

const later = (path: string, content: string): MemoryHost =>
  memoryHost({ files: { [live]: "1024\n", [path]: content, "/etc/sysctl.d/10-network.conf": `${key} = 1024\n` } });

test.each([
  ["/etc/sysctl.d/99-site.conf", `${key} = 1024\n`],
  ["/usr/lib/sysctl.d/60-vendor.conf", `-${key.replaceAll(".", "/")}=1024\n`],
  ["/etc/sysctl.d/90-all.conf", "net.ipv4.ip_unprivileged_* = 1024\n"],
  ["/etc/sysctl.d/91-spaces.conf", `  ${key}=1024 # as it was\n`],
  ["/etc/sysctl.conf", `# comment\n${key} = 80\n${key} = 2000\n`],
])("a file that is read at boot after ours and sets another value is named: %s", async (path, content) => {
  const plan = await planOf(later(path, content), resource);
  expect(plan.action).toBe("blocked");
  expect(plan.reason).toMatch(`${path} sets ${key} to `);
});

test.each([
  ["read before ours", "/etc/sysctl.d/49-site.conf", `${key} = 1024\n`],
  ["opens as much", "/etc/sysctl.d/99-site.conf", `${key} = 80\n`],
  ["sets another key", "/etc/sysctl.d/99-site.conf", "net.ipv4.ip_forward = 1\n"],
  ["sets others by a pattern", "/etc/sysctl.d/99-site.conf", "net.ipv4.conf.*.forwarding = 1\nnet.ipv6.* = 1024\n"],
  ["sets nothing", "/etc/sysctl.d/99-site.conf", `${key} =\n`],
  ["commented out", "/etc/sysctl.d/99-site.conf", `#${key} = 1024\n`],
  ["no configuration", "/etc/sysctl.d/99-site.conf.bak", `${key} = 1024\n`],
])("a file that does not undo ours is none of its affair: %s", async (_why, path, content) => {
  expect((await planOf(later(path, content), resource)).action).toBe("create");
});

test("a name in /etc hides the same name of a package", async () => {
  const host = later("/usr/lib/sysctl.d/99-site.conf", `${key} = 1024\n`);
  host.files.set("/etc/sysctl.d/99-site.conf", { content: "# nothing\n" });
  expect((await planOf(host, resource)).action).toBe("create");
});
