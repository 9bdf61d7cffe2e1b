import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { changeChecks } from "../../../../src/cli/commands/doctor.ts";
import { knownRecords } from "../../../../src/cli/machine/ledger.ts";
import { pendingOf } from "../../../../src/cli/machine/pending.ts";
import { ledgerAgrees } from "../../../../src/cli/unchanged/quick.ts";
import { ForgeError } from "../../../../src/errors.ts";
import { memoryHost, planHost, type Host, type HostRecord, type Resource } from "../../../../src/host/index.ts";
import { noteInLedger, readLedger } from "../../../../src/store/index.ts";

let prefix = "";

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-pending-"));
  onTestFinished(() => rm(prefix, { recursive: true, force: true }));
});

const live = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const key = "net.ipv4.ip_unprivileged_port_start";
const sysctl: HostRecord = {
  id: `sysctl:${key}`,
  kind: "sysctl",
  before: `${key} = 1024`,
  after: `${key} = 80`,
  data: { file: "/etc/sysctl.d/50-tlsforge.conf", key, value: "80", live: "1024" },
};
const wanted: Resource = {
  kind: "sysctl",
  id: sysctl.id,
  origin: "site file",
  key,
  value: "80",
  file: "/etc/sysctl.d/50-tlsforge.conf",
  demanded: true,
};

describe("what a killed run has left, while no generation tells of it,", () => {
  test("is to be taken back when nothing asks for it", async () => {
    await noteInLedger(prefix, { state: "applied", record: sysctl });
    const known = await knownRecords(prefix, []);
    const host = memoryHost({ files: { [live]: "80\n" } });
    expect(await pendingOf(host, known, { resources: [], plans: [] })).toMatchObject({
      over: [sysctl],
      left: [],
      unfinished: [],
    });
  });

  test("is unfinished when it was only intended, also where it looks as wanted", async () => {
    await noteInLedger(prefix, { state: "intended", record: sysctl });
    const host = memoryHost({ files: { [live]: "80\n" } });
    const plans = await planHost(host, [wanted]);
    expect(plans).toMatchObject([{ action: "none" }]);
    const known = await knownRecords(prefix, [sysctl]);
    expect(await pendingOf(host, known, { resources: [wanted], plans })).toEqual({
      changes: [],
      over: [],
      left: [],
      unfinished: [sysctl],
      refused: [],
    });
    expect(await changeChecks({ program: "tlsforge" }, host, known)).toMatchObject([
      { outcome: "fail", message: `${sysctl.id}: unfinished, a run broke off in it`, fix: "run tlsforge provision" },
    ]);
  });

  test("is left, with the reason, where somebody else's is in its place: nothing is pending for it", async () => {
    const file = "/etc/left.conf";
    const record = {
      id: "file:left",
      kind: "file",
      before: null,
      after: file,
      data: { file, sha256: "", mode: "0644" },
    };
    await noteInLedger(prefix, { state: "applied", record });
    const host = memoryHost({ files: { [file]: "theirs\n" } });
    const known = await knownRecords(prefix);
    expect(await pendingOf(host, known, { resources: [], plans: [] })).toMatchObject({
      over: [],
      left: [{ id: "file:left", detail: `${file} is there and was not written by tlsforge` }],
    });
  });

  test("a package that was only intended is the builds' to see to", async () => {
    await noteInLedger(prefix, { state: "intended", record: { ...sysctl, id: "packages", kind: "package" } });
    const pending = await pendingOf(memoryHost(), await knownRecords(prefix), { resources: [], plans: [] });
    expect(pending).toEqual({ changes: [], over: [], left: [], unfinished: [], refused: [] });
  });
});

test("to look at what is known writes nothing", async () => {
  expect((await knownRecords(prefix, [sysctl])).records).toEqual([sysctl]);
  expect(await readLedger(prefix)).toEqual([]);
});

test("what is demanded and cannot be had is refused, what is only wanted is not", async () => {
  const host = memoryHost({ uid: 1000, privilege: "none", files: { [live]: "1024\n" } });
  const plans = await planHost(host, [wanted, { ...wanted, id: "sysctl:other", demanded: false }]);
  const { refused, changes } = await pendingOf(host, { records: [], unfinished: [] }, { resources: [wanted], plans });
  expect(refused).toMatchObject([{ id: sysctl.id, reason: expect.stringContaining("needs root") as string }]);
  expect(changes).toEqual([]);
});

describe("the quick look at the ledger", () => {
  const agrees = (host: readonly HostRecord[]): boolean => ledgerAgrees(prefix, { host });

  test("agrees with a generation that tells of the same changes, all whole", async () => {
    expect(agrees([])).toBe(true);
    await noteInLedger(prefix, { state: "applied", record: sysctl });
    await noteInLedger(prefix, { state: "intended", record: { ...sysctl, id: "packages", kind: "package" } });
    expect(agrees([sysctl])).toBe(true);
  });

  test("disagrees when one of them has more, or one is unfinished", async () => {
    expect(agrees([sysctl])).toBe(false);
    await noteInLedger(prefix, { state: "applied", record: sysctl });
    expect(agrees([])).toBe(false);
    expect(agrees([{ ...sysctl, id: "sysctl:other" }])).toBe(false);
    await noteInLedger(prefix, { state: "intended", record: sysctl });
    expect(agrees([sysctl])).toBe(false);
  });

  test("disagrees when it cannot be read", async () => {
    await writeFile(join(prefix, "host.json"), "{");
    expect(agrees([])).toBe(false);
    await rm(join(prefix, "host.json"));
    await mkdir(join(prefix, "host.json"));
    expect(agrees([])).toBe(false);
  });
});

test("doctor tells what stands from what was changed and from what cannot be told", async () => {
  const [file, content] = ["/etc/ours.conf", "ours\n"];
  const sha256 = createHash("sha256").update(content).digest("hex");
  const record = { id: `file:${file}`, kind: "file", before: null, after: file, data: { file, sha256, mode: "0644" } };
  const host = memoryHost({ files: { [file]: content } });
  const refused = new ForgeError("host-failed", "cannot read from the machine: EACCES");
  const unreadable = { ...host, readFile: () => Promise.reject(refused) };
  const changed = memoryHost({ files: { [file]: "somebody's\n" } });
  const checked = (on: Host): ReturnType<typeof changeChecks> =>
    changeChecks({ program: "tlsforge" }, on, { records: [record], unfinished: [] });
  expect(await checked(host)).toMatchObject([{ outcome: "pass", fix: null }]);
  expect(await checked(unreadable)).toMatchObject([{ outcome: "unknown" }]);
  expect(await checked(changed)).toMatchObject([{ outcome: "fail", message: `${record.id}: changed since` }]);
});
