import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { noteInLedger, readLedger, removeFromLedger, type LedgerEntry } from "../../../src/store/index.ts";

let prefix = "";

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-ledger-"));
  onTestFinished(() => rm(prefix, { recursive: true, force: true }));
});

const entry = (id: string, state: LedgerEntry["state"] = "applied", after = "there"): LedgerEntry => ({
  state,
  record: { id, kind: "sysctl", before: null, after, data: { file: "/etc/x" } },
});

test("one entry for each resource, in the order of their first change", async () => {
  expect(await readLedger(prefix)).toEqual([]);
  await noteInLedger(prefix, entry("a", "intended"));
  await noteInLedger(prefix, entry("b"));
  await noteInLedger(prefix, entry("a", "applied", "now"));
  expect(await readLedger(prefix)).toEqual([entry("a", "applied", "now"), entry("b")]);
  await removeFromLedger(prefix, "a");
  await removeFromLedger(prefix, "never there");
  expect(await readLedger(prefix)).toEqual([entry("b")]);
});

const whole = JSON.stringify({ schema: "tlsforge.host/1", entries: [entry("a")] });

test.each([
  ["no JSON", "{"],
  ["cut off", whole.slice(0, -3)],
  ["empty", ""],
  ["null", "null"],
  ["another schema", '{"schema":"x","entries":[]}'],
  ["no entries", '{"schema":"tlsforge.host/1"}'],
  ["an unknown state", whole.replace("applied", "maybe")],
  ["no record", '{"schema":"tlsforge.host/1","entries":[{"state":"applied"}]}'],
  ["a null entry", '{"schema":"tlsforge.host/1","entries":[null]}'],
  ["a null record", '{"schema":"tlsforge.host/1","entries":[{"state":"applied","record":null}]}'],
  ["a record without id", whole.replace('"id"', '"name"')],
  ["data that is no text", whole.replace('"/etc/x"', "7")],
])("a damaged ledger is told, never taken for an empty one: %s", async (_, text) => {
  const path = join(prefix, "host.json");
  await writeFile(path, text);
  const error = {
    code: "prefix-unusable",
    message: `The record of what was changed on this machine, ${path}, is damaged`,
    hint: expect.stringContaining("backup") as string,
  };
  await expect(readLedger(prefix)).rejects.toMatchObject(error);
  await expect(noteInLedger(prefix, entry("b"))).rejects.toMatchObject(error);
  await expect(removeFromLedger(prefix, "b")).rejects.toMatchObject(error);
  expect(await readFile(path, "utf8")).toBe(text);
});

test("a newer tlsforge's ledger is refused", async () => {
  await writeFile(join(prefix, "host.json"), '{"schema":"tlsforge.host/2","entries":{}}');
  await expect(readLedger(prefix)).rejects.toMatchObject({ code: "prefix-newer" });
});
