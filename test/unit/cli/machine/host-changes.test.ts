import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { applyWishes, takeBackUnwished, unwished, withdrawService } from "../../../../src/cli/machine/host-changes.ts";
import { lowPortResources, memoryHost, type MemoryHost, type Resource } from "../../../../src/host/index.ts";

const live = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const file = "/etc/sysctl.d/50-tlsforge.conf";
const emit = (): void => {};
let prefix = "";

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-ledger-"));
  onTestFinished(() => rm(prefix, { recursive: true, force: true }));
});

const user = (): MemoryHost => memoryHost({ uid: 1000, privilege: "sudo", files: { [live]: "1024\n" } });

async function lowPort(host: MemoryHost, port: number): Promise<readonly Resource[]> {
  const { resources } = await lowPortResources(host, {
    ports: [port],
    choice: "sysctl",
    interpreter: "/p/bin/python3",
    copy: "/p/var/low-port/bin/python3",
    manager: "none",
    origin: "default",
  });
  return resources;
}

test("what is no longer wished for is taken back, and its record goes", async () => {
  const host = user();
  const made = await applyWishes(host, { prefix, resources: await lowPort(host, 443), earlier: [], emit });
  expect(made.records).toHaveLength(1);
  expect(host.files.get(live)?.content).toBe("443\n");
  const resources = await lowPort(host, 8443);
  expect(unwished(made.records, resources)).toEqual(made.records);
  const work = { prefix, resources, earlier: made.records, emit };
  // The server that serves may need it until another one does.
  expect(await applyWishes(host, work)).toEqual({ plans: [], records: made.records });
  expect(host.files.get(live)?.content).toBe("443\n");
  expect(await takeBackUnwished(host, work)).toEqual([]);
  expect(host.files.get(live)?.content).toBe("1024\n");
  expect(host.files.has(file)).toBe(false);
});

test("what an earlier run opened stays open while it is needed", async () => {
  const host = user();
  const made = await applyWishes(host, { prefix, resources: await lowPort(host, 443), earlier: [], emit });
  for (const port of [443, 500]) {
    const resources = await lowPort(host, port);
    expect(unwished(made.records, resources)).toEqual([]);
    const again = await applyWishes(host, { prefix, resources, earlier: made.records, emit });
    expect(again.records).toMatchObject([{ id: resources[0]?.id, data: { live: "1024" } }]);
    expect(Number(host.files.get(live)?.content)).toBeLessThanOrEqual(port);
  }
});

test("of a refused server's service nothing starts at the next boot; what else was changed stands", async () => {
  const systemd = { "/run/systemd/system": { content: null }, "/etc/systemd/system": { content: null } };
  const host = memoryHost({ files: { [live]: "1024\n", ...systemd }, programs: { systemctl: "/usr/bin/systemctl" } });
  const text = "[Service]\nExecStart=/p\n\n[Install]\nWantedBy=multi-user.target\n";
  const unit = {
    kind: "unit",
    id: "unit:t",
    name: "t",
    text,
    enabled: true,
    origin: "default",
    demanded: true,
  } as const;
  const made = await applyWishes(host, {
    prefix,
    resources: [unit, ...(await lowPort(host, 443))],
    earlier: [],
    emit,
  });
  expect(made.records.map(({ kind }) => kind)).toEqual(["unit", "sysctl"]);
  await withdrawService(host, prefix, emit);
  expect(host.files.has("/etc/systemd/system/t.service")).toBe(false);
  expect(host.commands.map(({ argv }) => argv.join(" "))).toContain("systemctl disable --now t.service");
  expect(host.files.get(live)?.content).toBe("443\n");
});

test("packages stay", () => {
  const record = { id: "packages", kind: "package", before: null, after: "gcc", data: { added: "gcc" } };
  expect(unwished([record], [])).toEqual([]);
});

test("a change that somebody else has made over is left as it is; what of it is ours is not forgotten", async () => {
  const host = user();
  const { records } = await applyWishes(host, { prefix, resources: await lowPort(host, 443), earlier: [], emit });
  const theirs = "# mine now\n";
  host.files.set(file, { content: theirs });
  const told: string[] = [];
  const after = await takeBackUnwished(host, {
    prefix,
    resources: [],
    emit: (event) => void told.push("action" in event ? event.action : event.type),
  });
  // The file is somebody's, and the live value still ours.
  expect(after).toEqual(records);
  expect(told).toEqual(["blocked"]);
  expect(host.files.get(file)?.content).toBe(theirs);
});

test("what is gone and may not be made again is no longer ours", async () => {
  const resource: Resource = {
    kind: "loader-path",
    id: "loader-path:tlsforge",
    origin: "default",
    library: "/p/store/0-openssl-1/lib",
    name: "tlsforge",
    demanded: false,
  };
  const record = {
    id: resource.id,
    kind: resource.kind,
    before: null,
    after: resource.library,
    data: { file: "/etc/ld.so.conf.d/tlsforge-gone.conf" },
  };
  // An ordinary user without privilege: the entry cannot be made again.
  const host = memoryHost({ uid: 1000, privilege: "none" });
  const { plans, records } = await applyWishes(host, { prefix, resources: [resource], earlier: [record], emit });
  expect(plans.map((plan) => plan.action)).toEqual(["blocked"]);
  expect(records).toEqual([]);
  // Nor does the end of the same run bring it back.
  expect(await takeBackUnwished(host, { prefix, resources: [resource], emit })).toEqual([]);
});
