import { expect, test } from "vitest";
import { applyHost, memoryHost, mergeRecords, planHost, undoHost } from "../../../src/host/index.ts";
import type { JournalEntry, MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { changes, ignore, snapshot } from "./tools.ts";

const sysctl = (key: string): Resource => ({
  kind: "sysctl",
  id: `sysctl:${key}`,
  origin: "tlsforge.yaml:7",
  key,
  value: "0",
  file: `/etc/sysctl.d/${key}.conf`,
  demanded: true,
});
const [first, second, third] = [sysctl("a.b"), sysctl("c.d"), sysctl("e.f")];

function machine(more: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    ...more,
    files: { "/proc/sys/a/b": "1\n", "/proc/sys/c/d": "1\n", "/proc/sys/e/f": "1\n", ...more.files },
  });
}

/** What was told, with how many commands had run by then. */
function journal(host: MemoryHost): {
  told: [JournalEntry["state"], string, number][];
  entries: JournalEntry[];
  tell: (entry: JournalEntry) => Promise<void>;
} {
  const told: [JournalEntry["state"], string, number][] = [];
  const entries: JournalEntry[] = [];
  return {
    told,
    entries,
    tell: async (entry) => {
      entries.push(entry);
      told.push([entry.state, entry.record.id, changes(host).length]);
      await Promise.resolve();
    },
  };
}

test("each change is told before its first command and after its last, and so is each undo", async () => {
  const host = machine();
  const { told, entries, tell } = journal(host);
  const records = await applyHost(host, await planHost(host, [first, second]), { ...ignore, journal: tell });
  const each = changes(host).length / 2;
  expect(told).toEqual([
    ["intended", first.id, 0],
    ["applied", first.id, each],
    ["intended", second.id, each],
    ["applied", second.id, 2 * each],
  ]);
  expect(entries[0]?.record).toMatchObject({ before: "a.b = 1", after: "a.b = 0", data: { live: "1" } });
  expect(entries.filter(({ state }) => state === "applied").map(({ record }) => record)).toEqual(records);

  told.length = 0;
  await undoHost(host, records, { ...ignore, journal: tell });
  expect(told.map(([state, id]) => [state, id])).toEqual([
    ["intended", second.id],
    ["undone", second.id],
    ["intended", first.id],
    ["undone", first.id],
  ]);
});

test("a journal that cannot be written stops the change before its first command", async () => {
  const host = machine();
  const full = new Error("disk full");
  const plans = await planHost(host, [first]);
  await expect(applyHost(host, plans, { ...ignore, journal: () => Promise.reject(full) })).rejects.toBe(full);
  expect(changes(host)).toEqual([]);
});

test("killed before any command, an intended record takes back whatever came of it", async () => {
  const total = await (async () => {
    const host = machine();
    await applyHost(host, await planHost(host, [first]), ignore);
    return changes(host).length;
  })();
  for (let killedAfter = 0; killedAfter < total; killedAfter += 1) {
    const host = machine();
    const before = snapshot(host);
    const { entries, tell } = journal(host);
    const dying = {
      ...host,
      elevated: (...given: Parameters<MemoryHost["elevated"]>) =>
        changes(host).length === killedAfter ? Promise.reject(new Error("killed")) : host.elevated(...given),
    };
    const plans = await planHost(host, [first]);
    const apply = applyHost(dying, plans, {
      emit: ignore.emit,
      // The process is gone: nothing that it would still have told is written down.
      journal: (entry) =>
        changes(host).length < killedAfter || entries.length === 0 ? tell(entry) : Promise.reject(new Error("killed")),
    });
    await expect(apply).rejects.toThrow("killed");
    expect(entries.map(({ state }) => state)).toEqual(["intended"]);

    // The next run completes it, and what it then records takes everything back.
    const records = await applyHost(host, await planHost(host, [first]), ignore);
    const merged = mergeRecords(
      entries.map(({ record }) => record),
      records,
    );
    expect(await undoHost(host, merged, ignore)).toEqual([]);
    expect(snapshot(host)).toEqual(before);
  }
});

test("when a later change fails, what this run had made is told as taken back", async () => {
  const host = machine();
  host.answers.set("sysctl -w c.d=0", { exitCode: 1, stderr: "denied" });
  const { told, tell } = journal(host);
  const plans = await planHost(host, [first, second]);
  await expect(applyHost(host, plans, { ...ignore, journal: tell })).rejects.toMatchObject({ code: "host-failed" });
  expect(told.map(([state, id]) => [state, id])).toEqual([
    ["intended", first.id],
    ["applied", first.id],
    ["intended", second.id],
    ["intended", second.id],
    ["taken-back", second.id],
    ["intended", first.id],
    ["taken-back", first.id],
  ]);
});

test("everything demanded that is blocked is named at once, before anything is changed", async () => {
  const host = machine({ files: { "/etc/sysctl.d/a.b.conf": "x\n", "/etc/sysctl.d/e.f.conf": "y\n" } });
  const plans = await planHost(host, [second, first, third]);
  await expect(applyHost(host, plans, ignore)).rejects.toMatchObject({
    code: "host-refused",
    message: expect.stringContaining(`${first.id} cannot be applied`) as string,
    details: [expect.stringContaining(`${third.id} cannot be applied either`)],
  });
  expect(changes(host)).toEqual([]);
});

test("what fails because another process holds a lock is tried once more, after the others, and so is what failed after it", async () => {
  const host = machine();
  let held = true;
  const busy = { exitCode: 1, stderr: "sysctl: cannot lock /etc/x; try again later." };
  host.answers.set("sysctl -w a.b=0", () => {
    if (held) return busy;
    host.files.set("/proc/sys/a/b", { content: "0\n" });
    return {};
  });
  // Needs the first, which is not there yet.
  host.answers.set("sysctl -w c.d=0", () => {
    if (host.files.get("/proc/sys/a/b")?.content !== "0\n") return { exitCode: 1, stderr: "no a.b" };
    host.files.set("/proc/sys/c/d", { content: "0\n" });
    return {};
  });
  host.answers.set("sysctl -w e.f=0", () => {
    held = false;
    host.files.set("/proc/sys/e/f", { content: "0\n" });
    return {};
  });
  const records = await applyHost(host, await planHost(host, [first, second, third]), ignore);
  expect(records.map(({ id }) => id)).toEqual([first.id, second.id, third.id]);
  const settings = changes(host).filter((line) => line.startsWith("sysctl"));
  expect(settings.map((line) => line.split(" ")[2])).toEqual(["a.b=0", "c.d=0", "e.f=0", "a.b=0", "c.d=0"]);
  expect(records.map(({ before }) => before)).toEqual(["a.b = 1", "c.d = 1", "e.f = 1"]);
});

test("a lock that stays held ends it, with everything taken back", async () => {
  const host = machine();
  const before = snapshot(host);
  const plans = await planHost(host, [first, second]);
  host.answers.set("sysctl -w a.b=0", { exitCode: 1, stderr: "cannot lock it; try again later." });
  await expect(applyHost(host, plans, ignore)).rejects.toMatchObject({
    code: "host-failed",
    message: expect.stringContaining("a.b=0") as string,
  });
  expect(changes(host).filter((line) => line === "sysctl -w a.b=0")).toHaveLength(2);
  expect(snapshot(host)).toEqual(before);
});

test("a file system that is mounted read-only refuses before any change, and says which", async () => {
  const mounts = (options: string): MemoryInitial => ({
    files: {
      "/proc/self/mounts": `/dev/a / ext4 rw 0 0\n/dev/b /etc\\040x ext4 ro 0 0\n/dev/c /etc ext4 ${options} 0 0\n`,
    },
  });
  const host = machine(mounts("ro,relatime"));
  const [plan] = await planHost(host, [first]);
  expect(plan).toMatchObject({
    action: "blocked",
    reason: "/etc/sysctl.d/a.b.conf.tlsforge-new is on the file system /etc, which is mounted read-only",
  });
  await expect(applyHost(host, plan === undefined ? [] : [plan], ignore)).rejects.toMatchObject({
    code: "host-refused",
    hint: expect.stringContaining("mount /etc writable") as string,
  });
  expect(changes(host)).toEqual([]);
  const writable = machine(mounts("rw,relatime"));
  expect((await planHost(writable, [first]))[0]?.action).toBe("create");
});

test("a program that finds the file system read-only is told with the same remedy", async () => {
  const host = machine();
  const plans = await planHost(host, [first]);
  host.answers.set("tee", { exitCode: 1, stderr: "tee: '/etc/sysctl.d/x': Read-only file system" });
  await expect(applyHost(host, plans, ignore)).rejects.toMatchObject({
    code: "host-failed",
    hint: expect.stringContaining("mount /etc/sysctl.d/x writable") as string,
  });
});
