import { describe, expect, test } from "vitest";
import { lostRecords, memoryHost, undoRefusal } from "../../../src/host/index.ts";
import type { MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { planOf, provide } from "./tools.ts";

const path = "/etc/made.conf";
const file: Resource = {
  kind: "file",
  id: "file:made",
  origin: "default",
  demanded: false,
  path,
  text: "a\n",
  mode: 0o644,
  why: "a test",
};

async function made(more: MemoryInitial = {}) {
  const host = memoryHost({ ...more, files: { "/etc/x": "", ...more.files } });
  const { records } = await provide(host, file);
  expect(records).toHaveLength(1);
  const lost = async (now: MemoryHost = host) => lostRecords(now, records, [await planOf(now, file)]);
  return { host, records, lost };
}

describe("a record is lost", () => {
  test("not while its change stands", async () => {
    const { lost } = await made();
    expect(await lost()).toEqual([]);
  });

  test("when somebody else's is in its place", async () => {
    const { host, records, lost } = await made();
    host.files.set(path, { content: "theirs\n" });
    expect(await lost()).toEqual(records);
  });

  test("when nothing is there and nothing may be made, asked for or not", async () => {
    const { host, records } = await made();
    host.files.delete(path);
    const blocked = { ...(await planOf(host, file)), action: "blocked" } as const;
    expect(await lostRecords(host, records, [blocked])).toEqual(records);
    expect(await lostRecords(host, records, [])).toEqual(records);
  });

  test("not when it is about to be made again", async () => {
    const { host, lost } = await made();
    host.files.delete(path);
    expect(await lost()).toEqual([]);
  });

  test("not when ours was changed by hand", async () => {
    const { host, lost } = await made();
    host.files.set(path, { content: `${host.files.get(path)?.content ?? ""}by hand\n` });
    expect(await lost()).toEqual([]);
  });

  test("not when it cannot be told", async () => {
    const account = {
      id: "user:x",
      kind: "user",
      before: null,
      after: "x",
      data: { name: "x", uid: "998", gid: "998" },
    };
    const programs = { getent: "/usr/bin/getent" };
    const unsure = memoryHost({ programs, answers: { getent: { exitCode: 1 } } });
    expect(await lostRecords(unsure, [account], [])).toEqual([]);
    const sure = memoryHost({ programs, answers: { getent: { exitCode: 2 } } });
    expect(await lostRecords(sure, [account], [])).toEqual([account]);
  });
});

describe("a dry look at an undo", () => {
  test("finds nothing in its way for root, and nothing to do without a change", async () => {
    const { host, records } = await made();
    expect(await undoRefusal(host, records)).toBeNull();
    expect(await undoRefusal(memoryHost({ uid: 1000, privilege: "none" }), [])).toBeNull();
  });

  test("refuses without privilege, with every change that needs it", async () => {
    const { host, records } = await made();
    const files = Object.fromEntries([...host.files].map(([name, { content }]) => [name, content ?? ""]));
    const other = memoryHost({ uid: 1000, privilege: "none", files });
    const twice = [...records, ...records.map((record) => ({ ...record, id: "file:other" }))];
    expect(await undoRefusal(other, twice)).toMatchObject({
      code: "host-refused",
      message: expect.stringContaining("file:made: needs root") as string,
      details: [expect.stringContaining("file:other: needs root") as string],
    });
    const bare = memoryHost({ uid: 1000, privilege: "none", files: { "/etc/x": "" } });
    expect(await undoRefusal(bare, records)).toBeNull();
  });
});
