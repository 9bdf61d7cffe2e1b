import { expect, test } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import { applyHost, describePlan, memoryHost, planHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { HostRecord, MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { cacheBytes } from "./loader/machine.ts";
import { changes, ignore, snapshot } from "./tools.ts";

const sysctl: Resource & { kind: "sysctl" } = {
  kind: "sysctl",
  id: "sysctl:a.b",
  origin: "tlsforge.yaml:7",
  key: "a.b",
  value: "0",
  file: "/etc/sysctl.d/50-tlsforge.conf",
  demanded: true,
};
const loader: Resource & { kind: "loader-path" } = {
  kind: "loader-path",
  id: "loader-path:tlsforge",
  origin: "default",
  library: "/p/lib",
  name: "tlsforge",
  demanded: false,
};

function machine(more: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    ...more,
    files: {
      "/proc/sys/a/b": "1\n",
      "/etc/ld.so.conf": "include ld.so.conf.d/*.conf\n",
      "/p/lib/x": "",
      ...more.files,
    },
    answers: { "sh -c": { stdout: cacheBytes([]).toString("base64") }, ...more.answers },
  });
}

test("without privilege the demanded is refused before anything is changed, the rest skipped and said", async () => {
  const host = machine({ privilege: "none" });
  const plans = await planHost(host, [loader, sysctl]);
  expect(plans.map(({ action, reason }) => [action, reason])).toEqual([
    ["blocked", "needs root; skipped"],
    ["blocked", "needs root, or sudo that asks for no password"],
  ]);
  await expect(applyHost(host, plans, ignore)).rejects.toMatchObject({
    code: "host-refused",
    message: "sysctl:a.b cannot be applied: needs root, or sudo that asks for no password",
    hint: expect.stringContaining("as root") as string,
    details: expect.arrayContaining(["sysctl -w a.b=0"]) as string[],
  });
  const events: ForgeEvent[] = [];
  expect(await applyHost(host, plans.slice(0, 1), { emit: (event) => events.push(event) })).toEqual([]);
  expect(events).toEqual([{ type: "host-change", id: loader.id, action: "blocked", detail: "needs root; skipped" }]);
  expect(changes(host)).toEqual([]);
});

test("when a later change fails, the earlier ones are taken back", async () => {
  const host = machine();
  const before = snapshot(host);
  const plans = await planHost(host, [loader, sysctl]);
  host.answers.set("sysctl", { exitCode: 1, stderr: "denied" });
  await expect(applyHost(host, plans, ignore)).rejects.toMatchObject({ code: "host-failed" });
  expect(changes(host)).toContain(
    "mv -f /etc/ld.so.conf.d/tlsforge-20b0ab71.conf.tlsforge-new /etc/ld.so.conf.d/tlsforge-20b0ab71.conf",
  );
  expect(snapshot(host)).toEqual(before);
});

test("when taking back fails too, both are told and the first is the error", async () => {
  const host = machine();
  const plans = await planHost(host, [loader, sysctl]);
  host.answers.set("sysctl", { exitCode: 1, stderr: "denied" });
  host.answers.set("rm", { exitCode: 1 });
  const events: ForgeEvent[] = [];
  await expect(applyHost(host, plans, { emit: (event) => events.push(event) })).rejects.toMatchObject({
    message: expect.stringContaining("sysctl") as string,
  });
  expect(events).toContainEqual({ type: "warning", message: expect.stringContaining('not taken back: "rm') as string });
});

test("what changed between plan and apply counts: it is looked at again", async () => {
  const host = machine();
  const plans = await planHost(host, [sysctl]);
  host.files.set(sysctl.file, { content: "somebody's\n" });
  await expect(applyHost(host, plans, ignore)).rejects.toMatchObject({ code: "host-refused" });
  expect(host.files.get(sysctl.file)?.content).toBe("somebody's\n");
});

test("a state that cannot be read blocks", async () => {
  const host = {
    ...machine(),
    readFile: () => Promise.reject(new ForgeError("host-failed", "cannot read from the machine: EACCES")),
  };
  const [plan] = await planHost(host, [sysctl]);
  expect(plan).toMatchObject({ action: "blocked", current: null, reason: "cannot read from the machine: EACCES" });
  const record: HostRecord = {
    id: "x",
    kind: "sysctl",
    before: null,
    after: null,
    data: { file: "f", key: "a.b", value: "0" },
  };
  expect(await quickCheckHost(host, [record])).toEqual([{ id: "x", stands: null }]);
});

test("a bug while reading is not taken for a state", async () => {
  const host = { ...machine(), readFile: () => Promise.reject(new TypeError("bug")) };
  await expect(planHost(host, [sysctl])).rejects.toThrow(TypeError);
});

test("undo goes backwards", async () => {
  const host = machine();
  const records = await applyHost(host, await planHost(host, [loader, sysctl]), ignore);
  const events: ForgeEvent[] = [];
  await undoHost(host, records, { emit: (event) => events.push(event) });
  expect(events.flatMap((event) => (event.type === "host-change" ? [[event.id, event.action]] : []))).toEqual([
    [sysctl.id, "delete"],
    [loader.id, "delete"],
  ]);
});

test("a record of a kind from the future is refused", async () => {
  const record: HostRecord = { id: "x", kind: "kernel-module", before: null, after: null, data: {} };
  await expect(undoHost(machine(), [record], ignore)).rejects.toMatchObject({ code: "prefix-newer" });
});

test("a plan as text", async () => {
  const host = machine();
  const plans = await planHost(host, [sysctl, { ...loader, library: "/bad path" }]);
  expect(plans.map((plan) => describePlan(plan).join("\n")).join("\n")).toMatchInlineSnapshot(`
    "create sysctl:a.b: a.b = 1 -> a.b = 0
      why: a.b for the ports below 1024 (tlsforge.yaml:7)
      as root: tee /etc/sysctl.d/50-tlsforge.conf.tlsforge-new
      as root: chmod 0644 /etc/sysctl.d/50-tlsforge.conf.tlsforge-new
      as root: sync /etc/sysctl.d/50-tlsforge.conf.tlsforge-new
      as root: mv -f /etc/sysctl.d/50-tlsforge.conf.tlsforge-new /etc/sysctl.d/50-tlsforge.conf
      as root: sysctl -w a.b=0
      effect: opens every port from 0 up to every user of this machine
    blocked loader-path:tlsforge: nothing -> /bad path
      why: the loader finds our libraries by their names (default)
      blocked: /bad path cannot stand in a loader configuration"
  `);
  await applyHost(host, plans, ignore);
  expect((await planHost(host, [sysctl])).map(describePlan)).toEqual([
    ["none sysctl:a.b: a.b = 0, /etc/sysctl.d/50-tlsforge.conf -> a.b = 0"],
  ]);
});
