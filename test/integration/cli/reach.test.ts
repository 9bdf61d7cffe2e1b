import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import { execa } from "execa";
import { describe, expect, it, onTestFinished } from "vitest";
import { grade } from "../../../src/cli/commands/grade.ts";
import { verify, type VerifyRequest } from "../../../src/cli/commands/verify.ts";
import type { Context } from "../../../src/cli/context.ts";
import { mockTls } from "../probe/mock.ts";
import { contextIn, freshFolder } from "./context.ts";

const plain: VerifyRequest = { targets: [], ca: [], ignoreTrust: true, minGrade: null, maxSeconds: 2 };

/** A server of TLS 1.2 on a free port, which counts its connections. */
async function serve(): Promise<{ port: number; count: () => number }> {
  let count = 0;
  const behaviour = mockTls({ versions: [0x0303], suites: [0xc02f] });
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    behaviour(socket, ++count);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  return { port: (server.address() as AddressInfo).port, count: () => count };
}

/** A port where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A context that keeps what is written, and gives this as standard input. */
function listening(folder: string, of: { json: boolean; input?: string }): { context: Context; lines: () => string[] } {
  let written = "";
  const context = contextIn(folder);
  return {
    context: {
      ...context,
      options: { ...context.options, json: of.json },
      write: async (text) => void (written += text),
      input: () => Readable.from([of.input ?? ""]),
    },
    lines: () => written.trimEnd().split("\n"),
  };
}

interface Line {
  readonly command: string;
  readonly target?: string;
  readonly outcome: string;
  readonly exitCode: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly report?: { readonly target: { readonly address: string } } | null;
  readonly summary?: object;
}

describe("a list of targets", () => {
  it("gives one record a line as they come, a summary, and the worst exit code", async () => {
    const [{ port }, closed] = [await serve(), await closedPort()];
    const { context, lines } = listening(await freshFolder(), {
      json: true,
      input: `# a comment\n127.0.0.1:${port}\n\n  127.0.0.1:${closed}  # closed\r\nhttps://no-such-host.invalid/\n`,
    });
    const result = await verify(context, { ...plain, targetsFile: "-" });
    expect(result).toMatchObject({ exitCode: 3, written: true });
    const records = lines().map((line) => JSON.parse(line) as Line);
    expect(records).toHaveLength(4);
    const by = new Map(records.map((line) => [line.target, line]));
    expect(by.get(`127.0.0.1:${port}`)?.report).toMatchObject({ target: { port } });
    expect(by.get(`127.0.0.1:${closed}`)).toMatchObject({ report: null, exitCode: 3, error: { code: "unreachable" } });
    expect(by.get("no-such-host.invalid:443")).toMatchObject({ report: null, error: { code: "unreachable" } });
    expect(records.at(-1)).toMatchObject({
      command: "verify",
      outcome: "failed",
      exitCode: 3,
      summary: { unreachable: 2 },
    });
  });

  it("gives a line of text each", async () => {
    const folder = await freshFolder();
    const closed = await closedPort();
    const file = join(folder, "list");
    await writeFile(file, `127.0.0.1:${closed}\n127.0.0.1:${closed}`);
    const { context, lines } = listening(folder, { json: false });
    expect(await verify(context, { ...plain, targetsFile: file })).toMatchObject({ exitCode: 3 });
    expect(lines()).toHaveLength(3);
    expect(lines()[0]).toMatch(/^127\.0\.0\.1:\d+ +unreachable: Nothing answers/);
    expect(lines()[2]).toBe("2 targets: 0 done, 0 failed, 2 unreachable, 0 incomplete");
  });

  it("takes a pipe, and the worst of nothing wrong is 0", async () => {
    const folder = await freshFolder();
    const { port, count } = await serve();
    const fifo = join(folder, "pipe");
    await execa("mkfifo", [fifo]);
    const writing = writeFile(fifo, `127.0.0.1:${port}\n`.repeat(3));
    const { context, lines } = listening(folder, { json: true });
    await verify(context, { ...plain, targetsFile: fifo });
    await writing;
    expect(lines()).toHaveLength(4);
    expect(count()).toBeGreaterThan(3);
  });

  it.each([
    ["good.example\nbad host\nu@x\n", /^2 lines of standard input are no targets$/],
    ["a.example:0", /^standard input, line 1: "a.example:0" is no target: a port/],
    ["# nothing\n\n", /^there is no target in standard input$/],
    [`${"a".repeat(2000)}\n`, /a line is longer than 1000/],
    ["http://a.example/\n", /line 1: [^]* only https:/],
  ])("%# is refused before anything is contacted", async (input, message) => {
    const { port, count } = await serve();
    const { context } = listening(await freshFolder(), {
      json: false,
      input,
    });
    await expect(verify(context, { ...plain, targets: [`127.0.0.1:${port}`], targetsFile: "-" })).rejects.toMatchObject(
      {
        code: "usage",
        message: expect.stringMatching(message) as string,
      },
    );
    expect(count()).toBe(0);
  });

  it("a list that is a folder or not there, and files of one report, are refused", async () => {
    const folder = await freshFolder();
    const { context } = listening(folder, { json: false, input: "a.example\nb.example\n" });
    for (const [request, message] of [
      [{ targetsFile: folder }, /--targets cannot be read: .* \(it is a folder\)/],
      [{ targetsFile: join(folder, "no") }, /--targets cannot be read: .* \(ENOENT\)/],
      [{ targetsFile: "-", record: join(folder, "r") }, /--record holds the look at one target/],
      [{ targets: ["a.example", "b.example"], html: join(folder, "h") }, /--html holds the report of one target/],
      [{}, /missing required argument/],
    ] as const) {
      await expect(verify(context, { ...plain, ...request })).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(message) as string,
      });
    }
  });

  it("each address of a name is looked at on its own", async () => {
    const { port } = await serve();
    const { context, lines } = listening(await freshFolder(), { json: true });
    await verify(context, { ...plain, targets: [`localhost:${port}`], allAddresses: true });
    const records = lines().map((line) => JSON.parse(line) as Line);
    expect(records.map(({ target }) => target)).toContain(`localhost:${port} at 127.0.0.1`);
    expect(records.at(-1)?.summary).toBeDefined();
    expect(records.find(({ report }) => report?.target.address === "127.0.0.1")).toBeDefined();
  });
});

describe("recordings", () => {
  const record = async (folder: string): Promise<{ file: string; report: unknown }> => {
    const { port } = await serve();
    const file = join(folder, "look.json");
    const result = await verify(contextIn(folder), { ...plain, targets: [`127.0.0.1:${port}`], record: file });
    return { file, report: result.fields.report };
  };
  const judge = (folder: string, files: readonly string[]) =>
    grade(contextIn(folder), { files, ignoreTrust: true, minGrade: null });

  it("gives the same report to the byte, with no network", async () => {
    const folder = await freshFolder();
    const { file, report } = await record(folder);
    const again = await judge(folder, [file]);
    expect(JSON.stringify(again.fields.report)).toBe(JSON.stringify(report));
    const kept = JSON.parse(await readFile(file, "utf8")) as { connections: { events: [number, string, string][] }[] };
    expect(kept.connections[0]?.events[0]?.[1]).toBe("sent");
    expect(Buffer.from(kept.connections[0]?.events[0]?.[2] ?? "", "base64").subarray(0, 2)).toEqual(
      Buffer.from([22, 3]),
    );
  });

  it("what an older tlsforge did not look at is unknown, not a fault", async () => {
    const folder = await freshFolder();
    const { file } = await record(folder);
    const { readRecording, writeRecording } = await import("../../../src/probe/index.ts");
    const { redirect: _, ...older } = readRecording(await readFile(file, "utf8"), file);
    await writeFile(file, writeRecording({ observations: older as never, connections: [] }, "0.0.1"));
    const { report } = (await judge(folder, [file])).fields;
    expect(report?.observations.redirect).toEqual({ state: "untestable", why: "the recording does not hold it" });
  });

  it("refuses what is broken, foreign or newer", async () => {
    const folder = await freshFolder();
    const { file } = await record(folder);
    const text = await readFile(file, "utf8");
    await mkdir(join(folder, "dir"));
    const whole = JSON.parse(text) as Record<string, unknown>;
    const bad = join(folder, "bad");
    for (const [content, message] of [
      [text.slice(0, -200), /ends too early or is damaged/],
      ["", /no recording of tlsforge/],
      ["\u0000\u0001 binary", /no recording of tlsforge/],
      ['{"hello":1}', /no recording of tlsforge/],
      ["null", /no recording of tlsforge/],
      ['{"schema":"tlsforge.result/1"}', /holds tlsforge\.result\/1, not a recording/],
      [JSON.stringify({ ...whole, schema: "tlsforge.recording/2" }), /tlsforge\.recording\/2, and this tlsforge knows/],
      [JSON.stringify({ ...whole, connections: undefined }), /is not whole/],
      [text.replace('"offered":true', '"offered":false'), /changed or damaged/],
    ] as const) {
      await writeFile(bad, content);
      await expect(judge(folder, [bad])).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(message) as string,
      });
    }
    for (const name of ["dir", "nowhere"])
      await expect(judge(folder, [join(folder, name)])).rejects.toMatchObject({ code: "usage" });
  });

  it("refuses observations that are none, whatever their digest says", async () => {
    const folder = await freshFolder();
    const { file } = await record(folder);
    const { readRecording, writeRecording } = await import("../../../src/probe/index.ts");
    const good = readRecording(await readFile(file, "utf8"), file);
    for (const [change, message] of [
      [{ http: { state: "observed" } }, /observations\.http is no outcome/],
      [{ protocols: { "TLSv1.2": 1 } }, /observations\.protocols\.TLSv1\.2 is no outcome/],
      [{ target: { host: "x" } }, /observations\.target\.port is no number/],
      [{ tolerance: {} }, /observations\.tolerance is no list/],
      [{ certificates: { state: "observed", value: 5 } }, /not what tlsforge records/],
    ] as const) {
      await writeFile(file, writeRecording({ observations: { ...good, ...change } as never, connections: [] }, "1"));
      await expect(judge(folder, [file])).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(message) as string,
      });
    }
  });

  it("keeps bytes up to a bound and says how many it left out", async () => {
    const { createRecorder } = await import("../../../src/probe/index.ts");
    const recorder = createRecorder({ keep: 10 });
    const tap = recorder.tap();
    tap.sent(new Uint8Array(8));
    tap.received(new Uint8Array(8));
    expect(recorder.connections()).toMatchObject([
      {
        leftOut: 6,
        events: [
          [0, "sent", "AAAAAAAAAAA="],
          [0, "received", "AAA="],
        ].map(([, way, bytes]) => [expect.any(Number), way, bytes]),
      },
    ]);
  });
});

describe("options of verify", () => {
  it.each([
    ["user@host", /names a user/],
    ["https://host.example/path", /has a path/],
    ["host?x", /has a path/],
    ["http://host", /only https:/],
    ["host:0", /port/],
    ["ho st", /is no target$/],
    ["\u001b[31m", /is no target/],
  ])("%j is no target", async (target, message) => {
    await expect(verify(contextIn(await freshFolder()), { ...plain, targets: [target] })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message) as string,
    });
  });

  it("--ca takes no file of which a certificate cannot be read", async () => {
    const folder = await freshFolder();
    const file = join(folder, "junk.pem");
    const good = rootCertificates[0] ?? "";
    const junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (const [text, number] of [
      [junk, 1],
      [`${good}\n${junk}`, 2],
      [`${good}\n${good.slice(0, 200)}`, 2],
    ] as const) {
      await writeFile(file, text);
      await expect(verify(contextIn(folder), { ...plain, targets: ["127.0.0.1:1"], ca: [file] })).rejects.toMatchObject(
        { code: "usage", message: `certificate ${number} in ${file} cannot be read` },
      );
    }
  });

  it("--ca takes neither a folder nor a pipe", async () => {
    const folder = await freshFolder();
    const pipe = join(folder, "pipe");
    await execa("mkfifo", [pipe]);
    for (const file of [folder, pipe])
      await expect(verify(contextIn(folder), { ...plain, targets: ["127.0.0.1:1"], ca: [file] })).rejects.toMatchObject(
        {
          code: "usage",
          message: `the file of --ca cannot be read: ${file} is no regular file`,
        },
      );
  });
});
