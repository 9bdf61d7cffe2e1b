import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";
import schema from "../../../schema/result.schema.json" with { type: "json" };
import { uninstall } from "../../../src/cli/commands/uninstall.ts";
import type { Context } from "../../../src/cli/context.ts";
import { record, type Result } from "../../../src/cli/result.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import { applyHost, nodeHost, planHost, type HostRecord } from "../../../src/host/index.ts";
import { activate, noteInLedger, openPrefix } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { parts, surroundings } from "../store/samples.ts";
import { contextIn, freshFolder } from "./context.ts";

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

interface Prepared {
  readonly context: Context;
  readonly prefix: string;
  /** A file that the ledger says was written; it is not there, as if somebody had taken it back. */
  readonly file: string;
  readonly cache: string;
  readonly events: ForgeEvent[];
}

async function prepared(options: Partial<Context["options"]> = { yes: true }): Promise<Prepared> {
  const folder = await freshFolder();
  const events: ForgeEvent[] = [];
  const plain = contextIn(folder);
  const context: Context = {
    ...plain,
    emit: (event) => void events.push(event),
    options: { ...plain.options, ...options },
  };
  const { prefix } = context.options;
  const cache = join(folder, ".cache/tlsforge");
  await mkdir(join(cache, "sources"), { recursive: true });
  await openPrefix(prefix, { create: true });
  const file = join(folder, "made.conf");
  await noteInLedger(prefix, { state: "applied", record: fileRecord(file) });
  return { context, prefix, file, cache, events };
}

const fileRecord = (file: string): HostRecord => ({
  id: `file:${file}`,
  kind: "file",
  before: null,
  after: file,
  data: { file, sha256: "", mode: "0644" },
});

/** As a kind that is wholly ours writes one. */
const managed = `# Written by tlsforge (content ${createHash("sha256").update("a\n").digest("hex").slice(0, 16)}). x\na\n`;

const whole = { keepCache: false, dryRun: false };
const isThere = async (path: string): Promise<boolean> =>
  readdir(path).then(
    () => true,
    () => false,
  );

/** The record as `--json` prints it, which the schema takes. */
function told(result: Result): unknown {
  const sent: unknown = JSON.parse(record("uninstall", result));
  expect(validate(sent) ? [] : validate.errors).toEqual([]);
  return sent;
}

test("takes back what it made, by its own ledger: then prefix and downloads are gone", async () => {
  const { context, prefix, file, cache } = await prepared();
  const result = await uninstall(context, whole);
  expect(told(result)).toMatchObject({
    outcome: "done",
    exitCode: 0,
    prefix,
    dryRun: false,
    undone: [{ id: `file:${file}`, outcome: "gone", detail: "nothing of it was there any more" }],
    foreign: [],
  });
  expect(result.text).toContain(`removed ${prefix}\n`);
  expect([await isThere(prefix), await isThere(cache)]).toEqual([false, false]);
});

test("--keep-cache leaves the downloads", async () => {
  const { context, prefix, cache } = await prepared();
  told(await uninstall(context, { ...whole, keepCache: true }));
  expect([await isThere(prefix), await isThere(cache)]).toEqual([false, true]);
});

test("--dry-run tells all of it and changes nothing, without a question", async () => {
  const { context, prefix, file, cache } = await prepared({ yes: false });
  await writeFile(file, "theirs\n");
  const ours = `${file}.ours`;
  await writeFile(ours, managed);
  await noteInLedger(prefix, { state: "applied", record: fileRecord(ours) });
  const ledger = await readFile(join(prefix, "host.json"), "utf8");
  const result = await uninstall(context, { ...whole, dryRun: true });
  expect(told(result)).toMatchObject({
    outcome: "done",
    dryRun: true,
    undone: [
      { id: `file:${file}`, outcome: "stands", detail: expect.stringContaining("not written by tlsforge") as string },
      { id: `file:${ours}`, outcome: "would-undo", detail: `${ours} is removed` },
    ],
  });
  expect(result.text).toContain(`  leave file:${file}: `);
  expect(result.text).toContain(`  take back file:${ours}: `);
  expect(result.text).toContain(`  remove ${prefix}\n  remove ${cache}\n`);
  const kept = await uninstall(context, { keepCache: true, dryRun: true });
  expect(kept.text).not.toContain(cache);
  expect(await readFile(join(prefix, "host.json"), "utf8")).toBe(ledger);
  expect([await readFile(file, "utf8"), await readFile(ours, "utf8")]).toEqual(["theirs\n", managed]);
  expect([await isThere(prefix), await isThere(cache)]).toEqual([true, true]);
});

test("what somebody has changed since is left, told, and makes the exit code 1", async () => {
  const { context, prefix, file, events } = await prepared();
  await writeFile(file, "theirs\n");
  const result = await uninstall(context, whole);
  expect(told(result)).toMatchObject({
    outcome: "failed",
    exitCode: 1,
    error: { code: "host-refused", message: "1 of 1 changes still stand" },
    undone: [{ outcome: "stands", detail: expect.stringContaining("was not written by tlsforge") as string }],
  });
  expect(await readFile(file, "utf8")).toBe("theirs\n");
  expect(result.text).toContain(`removed ${prefix} but its record of what stands, ${prefix}/host.json\n`);
  expect(await readdir(prefix)).toEqual(["host.json", "layout"]);
  await rm(file);
  expect(told(await uninstall(context, whole))).toMatchObject({ outcome: "done", undone: [{ outcome: "gone" }] });
  expect(await isThere(prefix)).toBe(false);
  expect(events).toContainEqual(expect.objectContaining({ type: "host-change", action: "blocked" }));
});

describe("without the privilege for it", () => {
  /** Not root, without a sudo that would be used. */
  async function powerless(): Promise<Prepared> {
    const made = await prepared();
    await writeFile(made.file, managed);
    const environment = { PATH: join(made.prefix, "nothing") };
    return { ...made, context: { ...made.context, uid: 12_345, environment } };
  }

  test("nothing is done at all", async () => {
    const { context, prefix, file, cache } = await powerless();
    const before = await readdir(prefix);
    await expect(uninstall(context, whole)).rejects.toMatchObject({
      code: "host-refused",
      message: expect.stringContaining(`file:${file}: needs root`) as string,
    });
    expect([await readdir(prefix), await readFile(file, "utf8"), await isThere(cache)]).toEqual([
      before,
      managed,
      true,
    ]);
  });

  test("--dry-run says so", async () => {
    const { context, file } = await powerless();
    const result = await uninstall(context, { ...whole, dryRun: true });
    told(result);
    expect(result.text).toContain(`Would be refused: not everything can be taken back: file:${file}: needs root`);
  });
});

test("a folder of downloads that is another user's stays", async () => {
  const { context, cache } = await prepared();
  const other = { ...context, uid: context.uid + 1 };
  expect((await uninstall(other, { ...whole, dryRun: true })).text).not.toContain(cache);
  told(await uninstall(other, whole));
  expect(await isThere(cache)).toBe(true);
});

test("foreign files in the prefix stay and are named", async () => {
  const { context, prefix } = await prepared();
  await writeFile(join(prefix, "notes"), "mine");
  const result = await uninstall(context, whole);
  expect(told(result)).toMatchObject({ outcome: "done", foreign: ["notes"] });
  expect(result.text).toContain(`removed all of ${prefix} but notes`);
  expect(await readdir(prefix)).toEqual(["notes"]);
});

describe("consent", () => {
  test("without a terminal --yes is demanded, after it is told what would go", async () => {
    const { context, prefix, file, events } = await prepared({ yes: false });
    await expect(uninstall(context, whole)).rejects.toMatchObject({
      code: "usage",
      hint: expect.stringContaining("--yes") as string,
    });
    expect(events.map((event) => ("message" in event ? event.message : ""))).toEqual([
      `take back file:${file}`,
      `remove ${prefix}`,
    ]);
    expect(await isThere(prefix)).toBe(true);
  });

  test("on a terminal a no changes nothing, a yes goes on", async () => {
    const { context, prefix } = await prepared({ yes: false });
    const answering = (answer: boolean): Context => ({
      ...context,
      interactive: true,
      confirm: () => Promise.resolve(answer),
    });
    await expect(uninstall(answering(false), whole)).rejects.toMatchObject({ code: "interrupted" });
    expect(await isThere(prefix)).toBe(true);
    expect(await uninstall(answering(true), whole)).toMatchObject({ outcome: "done" });
    expect(await isThere(prefix)).toBe(false);
  });
});

describe("a generation's records", () => {
  async function withManifest(): Promise<Prepared & { readonly old: string; readonly manifest: string }> {
    const made = await prepared();
    const old = join(made.prefix, "..", "old.conf");
    await activate(made.prefix, { ...parts([]), host: [fileRecord(old)] }, surroundings());
    return { ...made, old, manifest: join(made.prefix, "generations/1/manifest.json") };
  }

  test("count where the ledger has none of them", async () => {
    const { context, old, file } = await withManifest();
    const { fields } = await uninstall(context, whole);
    expect(fields["undone"]).toMatchObject([{ id: `file:${file}` }, { id: `file:${old}` }]);
  });

  test.each([
    ["damaged", "{"],
    ["empty", ""],
  ])("a %s manifest does not keep what the ledger tells from going", async (_, text) => {
    const { context, prefix, manifest, file } = await withManifest();
    await writeFile(manifest, text);
    const result = await uninstall(context, whole);
    expect(told(result)).toMatchObject({ outcome: "done", undone: [{ id: `file:${file}` }] });
    expect(await isThere(prefix)).toBe(false);
  });
});

test("what is no prefix is refused and left alone", async () => {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const yes: Context = { ...context, options: { ...context.options, yes: true } };
  await expect(uninstall(yes, whole)).rejects.toMatchObject({ code: "not-found" });
  await mkdir(join(folder, "prefix"));
  await writeFile(join(folder, "prefix/mine"), "");
  await expect(uninstall(yes, whole)).rejects.toMatchObject({ code: "prefix-unusable" });
  expect(await readdir(join(folder, "prefix"))).toEqual(["mine"]);
});

describeWith(["root"], "root's change", () => {
  test("of the machine is taken back for real, and one by hand is kept beside", async () => {
    const { context, prefix, file } = await prepared();
    const { platform, environment, uid, emit, interactive, signal, helper } = context;
    const host = nodeHost({ platform, environment, uid, emit, interactive, allowSudo: false, signal, helper });
    const second = `${file}.second`;
    const wanted = [file, second].map((path) => ({
      kind: "file" as const,
      id: `file:${path}`,
      origin: "test",
      demanded: true,
      path,
      text: "a\n",
      mode: 0o644,
      why: "a test",
    }));
    const journal = async ({ state, record: entry }: { readonly state: string; readonly record: HostRecord }) =>
      state === "applied" ? noteInLedger(prefix, { state, record: entry }) : undefined;
    await applyHost(host, await planHost(host, wanted), { emit, journal });
    await writeFile(second, `${await readFile(second, "utf8")}by hand\n`);
    expect(told(await uninstall(context, whole))).toMatchObject({
      outcome: "done",
      undone: [
        { outcome: "undone", detail: `${file} is removed` },
        { outcome: "undone", detail: `${second} is removed; kept: ${second}.tlsforge-saved` },
      ],
    });
    const left = (await readdir(join(prefix, ".."))).filter((name) => name.startsWith("made.conf"));
    expect(left).toEqual(["made.conf.second.tlsforge-saved"]);
  });
});
