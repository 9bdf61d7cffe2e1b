import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { grade } from "../../../src/cli/commands/grade.ts";
import { verify, type VerifyRequest } from "../../../src/cli/commands/verify.ts";
import type { Context } from "../../../src/cli/context.ts";
import { writeRecording } from "../../../src/probe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { noHsts, observations } from "../../unit/grade/observations.ts";
import { issue, read } from "../probe/support.ts";
import { contextIn, freshFolder } from "./context.ts";

const wished = "stack: twisted\nverify:\n  min-grade: A+\n";

/** A context whose site file has this text; without one there is none. */
async function sited(text?: string): Promise<{ context: Context; folder: string; file: string }> {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const file = join(folder, "tlsforge.yaml");
  if (text === undefined) return { context, folder, file };
  await writeFile(file, text);
  return { context: { ...context, options: { ...context.options, config: file } }, folder, file };
}

describe("the site file of grade", () => {
  /** Judges a recording of a server without HSTS, which is an A. */
  async function judged(text?: string, minGrade: string | null = null) {
    const { context, folder, file } = await sited(text);
    const recording = join(folder, "look.rec");
    await writeFile(recording, writeRecording({ observations: observations({ http: noHsts }), connections: [] }, "1"));
    return { file, result: await grade(context, { files: [recording], ignoreTrust: false, minGrade }) };
  }

  it("a grade that it writes itself counts, and the message says where it stands", async () => {
    const { file, result } = await judged(wished);
    expect(result).toMatchObject({ exitCode: 1, outcome: "failed" });
    expect(result.fields.error).toMatchObject({
      code: "grade-low",
      message: `www.example.org:443 is graded A, below the wanted A+ (verify.min-grade in ${file}:3)`,
      span: { file, line: 3, column: 14, text: "  min-grade: A+" },
    });
  });

  it.each([
    ["no site file", undefined, null, 0],
    ["an empty one", "", null, 0],
    ["one that leaves the grade to the default", "stack: twisted\nverify: {}\n", null, 0],
    ["one that wants less", "verify: { min-grade: B }\n", null, 0],
    ["an option that wants less", wished, "A", 0],
    ["an option that wants more", "verify: { min-grade: B }\n", "A+", 1],
  ])("%s", async (_what, text, minGrade, exitCode) => {
    const { result } = await judged(text, minGrade);
    expect(result.exitCode).toBe(exitCode);
    expect(result.fields.error?.span).toBeUndefined();
  });
});

describe("a site file that is broken or not there is refused before anything is contacted", () => {
  const commands = {
    verify: (context: Context, minGrade: string | null) =>
      verify(context, { targets: ["127.0.0.1:1"], ca: [], ignoreTrust: false, minGrade }),
    grade: (context: Context, minGrade: string | null) =>
      grade(context, { files: ["/nowhere"], ignoreTrust: false, minGrade }),
  };

  it.each(["verify", "grade"] as const)("by %s", async (command) => {
    const run = commands[command];
    const { context, file } = await sited("verify: { min-grad: A }\n");
    for (const minGrade of [null, "B"])
      await expect(run(context, minGrade)).rejects.toMatchObject({
        code: "site-invalid",
        message: `${file}:1:11: unknown key "min-grad"`,
      });
    const missing = { ...context, options: { ...context.options, config: `${file}.no` } };
    await expect(run(missing, null)).rejects.toMatchObject({
      code: "usage",
      message: `the site file ${file}.no is not there`,
    });
  });
});

describeWith(["openssl"], "the site file of verify", () => {
  it("counts for any server, where it writes a grade itself", async () => {
    const folder = await freshFolder();
    const own = await issue(folder, { name: "localhost" });
    const server = createServer({ cert: await read(own.certificate), key: await read(own.key) }, (_request, response) =>
      response.end(),
    );
    server.on("tlsClientError", () => undefined);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const request: VerifyRequest = {
      targets: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
      serverName: "localhost",
      ca: [own.certificate],
      ignoreTrust: false,
      minGrade: null,
    };
    const look = async (text: string, more: Partial<VerifyRequest> = {}) => {
      const { context, file } = await sited(text);
      return { file, result: await verify(context, { ...request, ...more }) };
    };
    const { result, file } = await look(wished);
    expect(result.fields.error).toMatchObject({ code: "grade-low", span: { file, line: 3 } });
    expect(result.exitCode).toBe(1);
    expect((await look("stack: twisted\n")).result.exitCode).toBe(0);
    expect((await look(wished, { minGrade: "F" })).result.exitCode).toBe(0);
    // Several are held to it as well.
    const lines = await look(wished, { allAddresses: true });
    expect(lines.result.fields.error).toMatchObject({ code: "grade-low" });
  });
});
