/** Records of commands that write JSON Lines, through the whole command line. */
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { run, type World } from "../../../src/cli/run.ts";
import { freshFolder } from "./context.ts";

interface Line {
  readonly command: string;
  readonly exitCode: number;
  readonly target?: string;
  readonly summary?: Readonly<Record<string, number>>;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** A run of a command line: its exit code, what it wrote, and what it said. */
async function ran(folder: string, argv: readonly string[], of: { input?: string; signal?: AbortSignal } = {}) {
  let [stdout, stderr] = ["", ""];
  const world: World = {
    argv,
    version: "0.0.0",
    helper: [],
    code: folder,
    program: "tlsforge",
    recipes: join(folder, "recipes"),
    environment: {},
    os: "linux",
    arch: "x64",
    cwd: folder,
    home: folder,
    uid: 1000,
    prefix: join(folder, "prefix"),
    config: null,
    cores: 1,
    terminal: false,
    interactive: false,
    colour: false,
    columns: 80,
    onTerminal: false,
    signal: of.signal ?? new AbortController().signal,
    write: async (text) => void (stdout += text),
    talk: { write: (text: string) => (stderr += text) !== "" },
    input: () => Readable.from([of.input ?? ""]),
    onHangUp: () => undefined,
    confirm: () => Promise.resolve(false),
  };
  const exitCode = await run(world);
  const lines = (): readonly Line[] =>
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
  return { exitCode, stdout, stderr, lines };
}

describe("a command that writes a record a line writes one when it fails, too", () => {
  it.each<[string, readonly string[], string, RegExp]>([
    ["a bad list", ["verify", "--targets", "-", "--json"], "bad host\n", /standard input, line 1/],
    ["an empty list", ["verify", "--targets", "-", "--json"], "", /no target in standard input/],
    ["a list that is not there", ["verify", "--targets=no", "--json"], "", /cannot be read/],
    ["a bad one of two targets", ["verify", "a.example", "u@x", "--json"], "", /names a user/],
    ["a bad name of all addresses", ["verify", "u@x", "--all-addresses", "--json"], "", /names a user/],
    ["no site file", ["verify", "--targets", "-", "--config", "no.yaml", "--json"], "a.example", /is not there/],
    ["--html with several recordings", ["grade", "a", "b", "--html", "c", "--json"], "", /--html holds one report/],
    ["a wrong option", ["verify", "--targets", "-", "--json", "--min-grade", "Z"], "", /--min-grade/],
    [
      "a verdict for a grade",
      ["verify", "--targets", "-", "--json", "--min-grade", "T"],
      "",
      /Use one of A\+, .* E, F\./,
    ],
  ])("%s", async (_what, argv, input, message) => {
    const { exitCode, stdout, stderr, lines } = await ran(await freshFolder(), argv, { input });
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    expect(lines()).toMatchObject([{ command: argv[0], outcome: "failed", exitCode: 2, error: { code: "usage" } }]);
    expect(lines()[0]?.error?.message).toMatch(message);
    expect(stderr).toMatch(/^error\[usage\]: /);
  });

  it("of one target the record stays one that is easy to read", async () => {
    const { stdout } = await ran(await freshFolder(), ["verify", "u@x", "--json"]);
    expect(stdout).toMatch(/^\{\n {2}"schema"/);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2 });
  });
});

describe("interrupted", () => {
  /** A list of silent targets; the run is interrupted when the first is asked. */
  async function interrupted(...more: readonly string[]) {
    const folder = await freshFolder();
    const abort = new AbortController();
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      abort.abort();
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const { port } = server.address() as AddressInfo;
    await writeFile(join(folder, "list"), `127.0.0.1:${port}\n`.repeat(3));
    return ran(folder, ["verify", "--targets", "list", ...more], { signal: abort.signal });
  }

  it("the summary is still the last record", async () => {
    const { exitCode, lines, stderr } = await interrupted("--json");
    expect(exitCode).toBe(130);
    expect(lines()).toMatchObject([
      {
        command: "verify",
        outcome: "failed",
        exitCode: 130,
        summary: { done: 0, failed: 0, unreachable: 0, incomplete: 0 },
        error: { code: "interrupted", message: expect.stringMatching(/^interrupted after 0 targets: /) as string },
      },
    ]);
    expect(stderr).toMatch(/^error\[interrupted\]: interrupted after 0 targets[^]*hint: the results above stand/);
  });

  it("as text, the last line", async () => {
    const { exitCode, stdout, stderr } = await interrupted();
    expect(exitCode).toBe(130);
    expect(stdout).toBe("interrupted after 0 targets: 0 done, 0 failed, 0 unreachable, 0 incomplete\n");
    expect(stderr).toMatch(/^error\[interrupted\]: /);
  });
});
