import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { build } from "../../../src/cli/commands/build.ts";
import type { Context } from "../../../src/cli/context.ts";
import { sandboxCheck } from "../../../src/cli/make/sandbox.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import type { Receipt } from "../../../src/store/index.ts";
import { contextIn, freshFolder } from "./context.ts";

const src = join(import.meta.dirname, "..", "..", "..", "src");

/**
 * A stack of one recipe, and what a run has told. `code`: where the program runs from; without seal.pl there is nothing to seal with. `online`:
 * which step is declared to need the network.
 */
async function shop(
  code: string,
  online?: "step" | "check",
): Promise<{ readonly context: Context; readonly events: readonly ForgeEvent[] }> {
  const folder = await freshFolder();
  await mkdir(join(folder, "recipes", "hello"), { recursive: true });
  await mkdir(join(folder, "recipes", "stacks"));
  await mkdir(join(folder, "hello-1.0"));
  await writeFile(join(folder, "hello-1.0", "hello.txt"), "hello\n");
  const file = join(folder, "hello-1.0.tar.gz");
  execFileSync("tar", ["-C", folder, "-czf", file, "hello-1.0"]);
  const sha256 = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  await writeFile(
    join(folder, "recipes", "hello", "recipe.yaml"),
    `schema: tlsforge.recipe/1
name: hello
summary: hello of the tests
license: MIT
versions:
  - version: "1.0"
    support: { status: supported }
    sources: [{ sha256: ${sha256}, locations: [{ file: ${file} }] }]
steps:
  - run: [cp, hello.txt, "\${out}/hello.txt"]
${online === "step" ? "    network: true" : ""}
  - run: ["true"]
check:
  name: the tests of hello
  results: tap
  steps:
    - run: [sh, -c, "test $CARGO_NET_OFFLINE = true && echo Files=1, Tests=1,"]
${online === "check" ? "      network: true" : ""}
`,
  );
  await writeFile(
    join(folder, "recipes", "stacks", "small.yaml"),
    'schema: tlsforge.stack/1\nname: small\nsummary: small\nrecipes: { hello: "*" }\nserver: hello\nopenssl: hello\npython: hello\n',
  );
  const events: ForgeEvent[] = [];
  const context = contextIn(folder);
  const { options } = context;
  return {
    context: { ...context, code, options: { ...options, yes: true }, emit: (event) => events.push(event) },
    events,
  };
}

const request = (requireSandbox: boolean, offline = false) => ({
  stack: "small",
  minGrade: null,
  sources: { sources: {}, offline, requireSandbox },
});

it("a sandbox that is required and cannot be had is refused before anything is fetched", async () => {
  const { context, events } = await shop(import.meta.dirname);
  await expect(build(context, request(true))).rejects.toMatchObject({
    code: "sandbox-missing",
    message: expect.stringMatching(
      /^builds cannot be sealed whole here, and --require-sandbox was given: not sealed: /u,
    ),
  });
  expect(begun(events)).toEqual([]);
  expect(await readdir(join(context.options.prefix, "cache", "sources")).catch(() => [])).toEqual([]);
});

it("a build without one is told, and its key is that of a sealed one", async () => {
  const { context } = await shop(import.meta.dirname);
  const plain = await build(context, request(false));
  const text = expect.stringMatching(/^not sealed: /u) as string;
  expect(plain.fields.builds).toMatchObject([{ cached: false, sealed: text }]);
  expect(plain.fields["warnings"]).toEqual([expect.stringMatching(/^hello 1\.0 was built not sealed: /u)]);
  const again = await build({ ...context, code: src }, request(false));
  expect(again.fields.builds).toMatchObject([{ cached: true, sealed: text }]);
});

it("a sealed build is told in events, record and receipt", async () => {
  const { context, events } = await shop(src);
  const { fields } = await build(context, request(true));
  const text = expect.stringMatching(/^sealed: no network, /u) as string;
  expect(fields.builds).toMatchObject([{ cached: false, sealed: text }]);
  expect(fields["warnings"]).toEqual([]);
  expect(events).toContainEqual({ type: "phase", phase: "build", state: "start", detail: text });
  expect(events).toContainEqual(expect.objectContaining({ type: "build-done", sealed: text }));
  const [file = ""] = await receiptsIn(context);
  expect((JSON.parse(await readFile(file, "utf8")) as Receipt).seal).toMatchObject({ text, network: [] });
});

it("a step that had the network is named in events, record, receipt and warnings", async () => {
  const { context, events } = await shop(src, "step");
  const { fields } = await build(context, request(false));
  const step = "run cp hello.txt ${out}/hello.txt";
  const told = (name: string) => expect.stringContaining(`; open: the network to the step "${name}" (`) as string;
  expect(fields.builds).toMatchObject([{ cached: false, sealed: told(step) }]);
  expect(fields["warnings"]).toEqual([told(step)]);
  expect(events).toContainEqual({ type: "phase", phase: "build", state: "start", detail: told(`hello: ${step}`) });
  const [file = ""] = await receiptsIn(context);
  expect((JSON.parse(await readFile(file, "utf8")) as Receipt).seal).toMatchObject({
    text: told(step),
    network: [step],
  });
  await expect(build(context, request(true))).rejects.toMatchObject({
    message: "already built, and not sealed whole, while --require-sandbox was given: hello 1.0",
  });
});

it("a step that asks for the network is refused before anything is fetched where a sandbox is required, unless --offline takes it away", async () => {
  const { context, events } = await shop(src, "step");
  await expect(build(context, request(true))).rejects.toMatchObject({
    code: "sandbox-missing",
    message:
      "a build would have the network, and --require-sandbox was given: hello: run cp hello.txt ${out}/hello.txt",
    hint: expect.stringMatching(/`network: true`.*--offline/u),
  });
  expect(begun(events)).toEqual([]);
  const text = expect.stringMatching(/^sealed: no network, /u) as string;
  const { fields } = await build(context, request(true, true));
  expect(fields.builds).toMatchObject([{ cached: false, sealed: text }]);
  // It is whole, and nothing is built any more.
  expect((await build(context, request(true))).fields.builds).toMatchObject([{ cached: true, sealed: text }]);
});

it("what is there already counts too: an output that was not sealed whole, or does not say, is refused", async () => {
  const { context } = await shop(import.meta.dirname);
  await build(context, request(false));
  const refused = {
    code: "sandbox-missing",
    message: "already built, and not sealed whole, while --require-sandbox was given: hello 1.0",
    details: [expect.stringMatching(/^hello 1\.0 \(.*\): not sealed: /u)],
  };
  await expect(build({ ...context, code: src }, request(true))).rejects.toMatchObject(refused);
  const [file = ""] = await receiptsIn(context);
  const { seal: _, ...older } = JSON.parse(await readFile(file, "utf8")) as Receipt;
  await writeFile(file, JSON.stringify(older));
  const details = [expect.stringMatching(/: its receipt tells of no seal$/u)];
  await expect(build({ ...context, code: src }, request(true))).rejects.toMatchObject({ ...refused, details });
  expect((await build({ ...context, code: src }, request(false))).fields.builds).toMatchObject([{ cached: true }]);
});

it("own tests are sealed as builds are: --require-sandbox and --offline hold for them", async () => {
  const { context, events } = await shop(src, "check");
  const tests = { named: {} };
  await expect(build(context, { ...request(true), tests })).rejects.toMatchObject({
    code: "sandbox-missing",
    message: expect.stringContaining("--require-sandbox was given: tests of hello: run sh -c test "),
  });
  expect(begun(events)).toEqual([]);
  await build(context, request(true));
  const { fields } = await build(context, { ...request(true, true), tests });
  expect(fields.builds).toMatchObject([{ cached: true, check: { outcome: "pass", passed: 1 } }]);
  // The output is whole; the machine has become one that has no seal.
  const lesser = { ...context, code: import.meta.dirname };
  await expect(build(lesser, { ...request(true, true), tests })).rejects.toMatchObject({ code: "sandbox-missing" });
});

it("a look at the machine that was killed is no answer: unknown to doctor, and nothing is built", async () => {
  const code = join(await freshFolder(), "dist");
  await mkdir(join(code, "build", "seal"), { recursive: true });
  await writeFile(join(code, "build", "seal", "seal.pl"), "kill 'KILL', $$");
  const { context, events } = await shop(code);
  expect(await sandboxCheck(context)).toMatchObject({ outcome: "unknown", fix: expect.stringContaining("dmesg") });
  await expect(build(context, request(false))).rejects.toMatchObject({ code: "build-failed" });
  expect(begun(events).filter(({ type }) => type.startsWith("build"))).toEqual([]);
});

/** What was fetched or built. */
function begun(events: readonly ForgeEvent[]): readonly ForgeEvent[] {
  return events.filter(({ type }) => type.startsWith("fetch") || type.startsWith("build"));
}

async function receiptsIn({ options }: Context): Promise<readonly string[]> {
  const store = join(options.prefix, "store");
  return (await readdir(store)).map((name) => join(store, name, "receipt.json"));
}
