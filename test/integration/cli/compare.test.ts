import { once } from "node:events";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { compare, type CompareRequest } from "../../../src/cli/commands/compare.ts";
import { record } from "../../../src/cli/result.ts";
import { judge, type Comparison } from "../../../src/grade/index.ts";
import { writeRecording, type Observations } from "../../../src/probe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { chain, failed, flaws, noHsts, observations, observed } from "../../unit/grade/observations.ts";
import { issue, read } from "../probe/support.ts";
import { contextIn, freshFolder } from "./context.ts";

const reportText = (changes: Partial<Observations> = {}): string => JSON.stringify(judge(observations(changes)));
const recordText = (changes: Partial<Observations> = {}, command = "verify"): string =>
  record(command, { outcome: "done", exitCode: 0, fields: { report: judge(observations(changes)) }, text: "" });
const recordingText = (changes: Partial<Observations> = {}): string =>
  writeRecording({ observations: observations(changes), connections: [] }, "1");

/** A folder with these files, and what compares two of its names. */
async function folderWith(files: Readonly<Record<string, string>>) {
  const folder = await freshFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const warnings: string[] = [];
  const context = {
    ...contextIn(folder),
    emit: (event: { readonly type: string; readonly message?: string }) => void warnings.push(event.message ?? ""),
  };
  const run = (a: string, b: string, more: Partial<CompareRequest> = {}) =>
    compare(context, { sides: [a, b], ca: [], ignoreTrust: false, exitCode: false, ...more });
  return { folder, run, warnings };
}

const verdicts = (fields: { readonly [name: string]: unknown }): readonly string[] =>
  (fields["comparison"] as Comparison).rulebooks.map(({ rulebook, verdict }) => `${rulebook} ${verdict}`);

describe("what keeps a look", () => {
  it("a report, a record of a command and a recording say the same", async () => {
    const kinds = {
      "a.json": reportText(),
      "b.json": recordText(),
      "c.rec": recordingText(),
      d: recordText({}, "provision"),
    };
    const { run } = await folderWith(kinds);
    for (const other of ["b.json", "c.rec", "d"]) {
      const { outcome, exitCode, text } = await run("a.json", other);
      expect({ other, outcome, exitCode }).toEqual({ other, outcome: "done", exitCode: 0 });
      expect(text).toContain("\n\nNothing differs.\n");
    }
  });

  it("a report is judged anew, and what it said is told; what it lacks is not known", async () => {
    const report = judge(observations());
    const { redirect: _, ...seen } = report.observations;
    const older = { ...report, aaa: true, observations: seen, trialFor: "127.0.0.1:8443" };
    const { run } = await folderWith({ "a.json": JSON.stringify(older), "b.json": reportText() });
    const comparison = (await run("a.json", "b.json")).fields["comparison"] as Comparison;
    expect(comparison.a).toMatchObject({ trialFor: "127.0.0.1:8443", restated: [{ rulebook: "aaa", said: "yes" }] });
    expect(comparison.worth).toEqual([
      expect.objectContaining({ topic: "redirect", unknown: { a: true, b: false }, alone: [], without: [] }),
    ]);
  });

  const report = JSON.parse(reportText()) as Readonly<Record<string, unknown>>;
  it.each<[string, string, RegExp]>([
    ["no JSON", "hello", /it is no report of tlsforge/],
    ["another JSON", "[1]", /it is no report of tlsforge/],
    [
      "another schema of ours",
      JSON.stringify({ schema: "tlsforge.receipt/1" }),
      /it holds tlsforge\.receipt\/1, not a report/,
    ],
    ["half of a report", reportText().slice(0, 9000), /ends too early or is damaged/],
    ["a newer report", JSON.stringify({ ...report, schema: "tlsforge.report/2" }), /knows tlsforge\.report\/1/],
    ["a newer record", recordText().replace("result/1", "result/12"), /knows tlsforge\.result\/1/],
    ["a newer report in a record", recordText().replace("report/1", "report/3"), /knows tlsforge\.report\/1/],
    ["a newer recording", recordingText().replace("recording/1", "recording/2"), /knows tlsforge\.recording\/1/],
    ["a recording that was changed", recordingText().replace("X25519MLKEM768", "X25519MLKEM767"), /changed or damaged/],
    [
      "a record without a report",
      record("stop", { outcome: "done", exitCode: 0, fields: { server: null }, text: "" }),
      /record of tlsforge stop, and holds no report/,
    ],
    ["several records", `${JSON.stringify(JSON.parse(recordText()))}\n`.repeat(2), /several records, one a line/],
    ["a report without observations", JSON.stringify({ ...report, observations: undefined }), /it has no observations/],
    ["a report of no time", JSON.stringify({ ...report, time: 5 }), /observations\.time is no string/],
    [
      "observations of another kind",
      JSON.stringify({ ...report, observations: { groups: 5 } }),
      /observations\.groups is no outcome/,
    ],
    [
      "values that are none",
      JSON.stringify({
        ...report,
        observations: { ...(report["observations"] as object), certificates: { state: "observed", value: [{}] } },
      }),
      /not what tlsforge reports/,
    ],
  ])("%s is refused", async (_what, text, message) => {
    const { run } = await folderWith({ "good.json": reportText(), "bad.json": text });
    for (const [a, b] of [
      ["good.json", "bad.json"],
      ["bad.json", "good.json"],
    ] as const)
      await expect(run(a, b)).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(message) as string,
        hint: expect.stringMatching(/\S/) as string,
      });
  });
});

it("a report in which any one value is another one is compared or refused, never a bug", async () => {
  const good = reportText();
  const { folder, run } = await folderWith({ "good.json": good });
  const wrong = [5, null, "x", [], {}, [null], true];
  let refused = 0;
  let count = 0;
  const change = (value: unknown, at: number, by: unknown): unknown => {
    if (count++ === at) return by;
    if (Array.isArray(value)) return value.map((each) => change(each, at, by));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, change(each, at, by)]));
  };
  const { findings: _, ...report } = JSON.parse(good) as Readonly<Record<string, unknown>>;
  change(report, -1, null);
  const total = count;
  for (let at = 1; at < total; at += 2) {
    count = 0;
    const changed = change(report, at, wrong[at % wrong.length]);
    await writeFile(join(folder, "bad.json"), JSON.stringify(changed));
    const failure: unknown = await run("good.json", "bad.json").then(
      () => null,
      (error: unknown) => error,
    );
    if (failure === null) continue;
    expect(failure).toMatchObject({ code: "usage" });
    refused++;
  }
  expect([refused > 20, total - refused > 20]).toEqual([true, true]);
});

describe("which of both a word means", () => {
  it.each([
    ["a file that is not there, by its ending", "no.json", /cannot be read: .*no\.json \(ENOENT\)/],
    ["a file that is not there, by its folder", "./no", /cannot be read: .*\/no \(ENOENT\)/],
    ["a folder", "./sub", /no regular file/],
    ["no target", "me@host", /names a user/],
    ["nothing", "", /is no target/],
  ])("%s is refused", async (_what, name, message) => {
    const { folder, run } = await folderWith({ "a.json": reportText() });
    await mkdir(join(folder, "sub"));
    await expect(run("a.json", name)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message) as string,
    });
  });

  it("a file that is called like a host is a file, and a folder is a host", async () => {
    const { folder, run } = await folderWith({ "a.json": reportText(), localhost: reportText({ http: noHsts }) });
    expect(verdicts((await run("a.json", "localhost")).fields)[0]).toBe("ssllabs-2009r worse");
    await mkdir(join(folder, "127.0.0.1:1"));
    await expect(run("a.json", "127.0.0.1:1")).rejects.toMatchObject({ code: "unreachable" });
    await expect(run("a.json", "https://127.0.0.1:1/")).rejects.toMatchObject({ code: "unreachable" });
  });

  it("the same thing twice is refused, by whatever name", async () => {
    const { folder, run } = await folderWith({ "a.json": reportText() });
    await symlink("a.json", join(folder, "link"));
    for (const [a, b] of [
      ["a.json", "a.json"],
      ["a.json", "./a.json"],
      ["a.json", "link"],
      ["Localhost", "localhost:443"],
    ] as const)
      await expect(run(a, b)).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(/^both are /) as string,
      });
  });

  it("options about looking are refused where nothing is looked at", async () => {
    const { run } = await folderWith({ "a.json": reportText(), "b.json": reportText() });
    for (const [more, option] of [
      [{ startTls: "smtp" }, "--starttls"],
      [{ ca: ["/ca.pem"] }, "--ca"],
      [{ gentle: true }, "--gentle"],
    ] as const)
      await expect(run("a.json", "b.json", more)).rejects.toMatchObject({
        code: "usage",
        message: `${option} is about looking at a target, and both are files`,
      });
  });
});

describe("exit codes", () => {
  const untrusted = chain({}, { trust: observed({ trusted: false, local: false, anchor: null, reason: "unknown" }) });
  const files = {
    "good.json": reportText(),
    "worse.json": reportText({ http: noHsts }),
    // Both are A+ and not AAA; only Mozilla's guideline is not known.
    "open.json": reportText({ certificates: observed([chain({ notAfter: "not to be read" })]) }),
    "open-and-worse.json": reportText({
      certificates: observed([chain({ notAfter: "not to be read" })]),
      flaws: flaws({ heartbleed: observed({ present: true, evidence: "it answered" }) }),
    }),
    "incomplete.json": reportText({ http: failed() }),
    "untrusted.json": reportText({ certificates: observed([untrusted]) }),
  };

  it.each<[string, string, boolean, number]>([
    ["good.json", "worse.json", false, 0],
    ["good.json", "worse.json", true, 10],
    ["worse.json", "good.json", true, 0],
    ["good.json", "incomplete.json", false, 3],
    ["incomplete.json", "good.json", true, 3],
    ["good.json", "open.json", false, 0],
    ["good.json", "open.json", true, 3],
    ["good.json", "open-and-worse.json", true, 10],
    ["worse.json", "untrusted.json", false, 3],
  ])("%s, %s, --exit-code %s: %i", async (a, b, exitCode, expected) => {
    const { run } = await folderWith(files);
    const result = await run(a, b, { exitCode });
    expect(result.exitCode).toBe(expected);
    expect(result.fields.error?.code).toBe(expected === 3 ? "incomplete" : undefined);
    expect(result.fields["comparison"]).toBeDefined();
    expect(result.text).toContain("What each difference is worth");
  });
});

it("--html is written, or told before anything is read", async () => {
  const { folder, run } = await folderWith({ "a.json": reportText(), "b.json": reportText({ http: noHsts }) });
  const html = join(folder, "compared.html");
  expect((await run("a.json", "b.json", { html })).exitCode).toBe(0);
  expect(await readFile(html, "utf8")).toMatch(/^<!doctype html>[^]*a\.json → b\.json/);
  await expect(run("no.json", "b.json", { html: join(folder, "no", "x.html") })).rejects.toMatchObject({
    message: expect.stringContaining("--html cannot be written") as string,
  });
});

describeWith(["openssl"], "a target", () => {
  it("is looked at, and what has changed since a report is told", async () => {
    const { folder, run } = await folderWith({ "a.json": reportText() });
    const own = await issue(folder, { name: "localhost" });
    let connections = 0;
    const server = createServer({ cert: await read(own.certificate), key: await read(own.key) }, (_request, response) =>
      response.end(),
    );
    server.on("connection", () => void (connections += 1));
    server.on("tlsClientError", () => undefined);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(run("no.json", target)).rejects.toMatchObject({ code: "usage" });
    expect(connections).toBe(0);
    const { exitCode, fields, text } = await run("a.json", target, { serverName: "localhost", ca: [own.certificate] });
    const comparison = fields["comparison"] as Comparison;
    expect(connections).toBeGreaterThan(5);
    expect(exitCode).toBe(0);
    expect(comparison.b).toMatchObject({ name: target, trustAside: true, target: { serverName: "localhost" } });
    expect(comparison.rulebooks[0]).toMatchObject({ a: { value: "A+" }, b: { value: "A" }, verdict: "worse" });
    const http = comparison.worth.find(({ topic }) => topic === "http");
    expect(http?.without[0]).toMatchObject({ rulebook: "ssllabs-2009r", to: { value: "A+" }, verdict: "better" });
    expect(text).toContain("HSTS is absent or shorter than six months");
  });
});
