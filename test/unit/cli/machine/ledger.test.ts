import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { openLedger } from "../../../../src/cli/machine/ledger.ts";
import type { HostRecord } from "../../../../src/host/index.ts";
import { noteInLedger, readLedger } from "../../../../src/store/index.ts";

let prefix = "";

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-ledger-"));
  onTestFinished(() => rm(prefix, { recursive: true, force: true }));
});

const record = (before: string | null, after: string, data: HostRecord["data"] = {}): HostRecord => ({
  id: "x",
  kind: "sysctl",
  before,
  after,
  data,
});

test("a change that is made again keeps what was there before the first", async () => {
  const { journal, records } = await openLedger(prefix);
  await journal({ state: "intended", record: record("1024", "443", { live: "1024" }) });
  expect(await readLedger(prefix)).toEqual([{ state: "intended", record: record("1024", "443", { live: "1024" }) }]);
  await journal({ state: "applied", record: record("1024", "443", { live: "1024" }) });
  const later = await openLedger(prefix);
  await later.journal({ state: "intended", record: record("443", "80", { live: "443" }) });
  await later.journal({ state: "applied", record: record("443", "80", { live: "443" }) });
  expect(await readLedger(prefix)).toEqual([{ state: "applied", record: record("1024", "80", { live: "1024" }) }]);
  expect(records()).toEqual([record("1024", "443", { live: "1024" })]);
});

test("an apply that takes back leaves what was written before it; an undo forgets", async () => {
  const first = await openLedger(prefix);
  await first.journal({ state: "applied", record: record("1024", "443") });
  const failing = await openLedger(prefix);
  await failing.journal({ state: "intended", record: record("443", "80") });
  await failing.journal({ state: "taken-back", record: record("443", "80") });
  await failing.journal({ state: "intended", record: { ...record(null, "y"), id: "y" } });
  await failing.journal({ state: "taken-back", record: { ...record(null, "y"), id: "y" } });
  expect(await readLedger(prefix)).toEqual([{ state: "applied", record: record("1024", "443") }]);
  await failing.journal({ state: "undone", record: record("1024", "443") });
  await failing.journal({ state: "applied", record: record("1024", "500") });
  await failing.journal({ state: "taken-back", record: record("1024", "500") });
  expect(await readLedger(prefix)).toEqual([]);
});

test("records that only a generation has are added; the ledger's own count more", async () => {
  await noteInLedger(prefix, { state: "intended", record: record("1024", "80") });
  const others = { ...record(null, "z"), id: "z" };
  const { records } = await openLedger(prefix, [record("1024", "443"), others]);
  expect(records()).toEqual([record("1024", "80"), others]);
  expect(await readLedger(prefix)).toEqual([
    { state: "intended", record: record("1024", "80") },
    { state: "applied", record: others },
  ]);
});
