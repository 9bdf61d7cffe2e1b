import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import type { Check } from "../../../src/cli/checks.ts";
import type { Context } from "../../../src/cli/context.ts";
import { contentsChecks, repairOutputs } from "../../../src/cli/builds/deep.ts";
import { openPrefix, type Receipt } from "../../../src/store/index.ts";
import { provide } from "../store/samples.ts";
import { contextIn, freshFolder } from "./context.ts";

/** A prefix with two outputs, and a getcap that says what it is told to. */
async function shop(getcap: string): Promise<{ readonly context: Context; readonly outs: readonly string[] }> {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const programs = join(folder, "programs");
  await mkdir(programs);
  await writeFile(join(programs, "getcap"), `#!/bin/sh\n${getcap}\n`);
  await chmod(join(programs, "getcap"), 0o755);
  await openPrefix(context.options.prefix, { create: true });
  const { manifest } = await provide(context.options.prefix, { one: { "bin/one": "1" }, two: { "bin/two": "2" } });
  const environment = { PATH: `${programs}:${context.environment["PATH"] ?? ""}` };
  return { context: { ...context, environment }, outs: manifest.builds.map(({ out }) => out) };
}

function told(checks: readonly Check[], out = ""): readonly (string | undefined)[] {
  const check = checks.find(({ id }) => id === (out === "" ? "capabilities" : `contents:${basename(out)}`));
  return [check?.outcome, check?.message];
}

it("an output with a file capability is changed, though every byte is as it was", async () => {
  const { context, outs } = await shop('case $2 in *-one-*) echo "$2/bin/one cap_net_admin=ep";; esac');
  const checks = await contentsChecks(context);
  const [one, two] = outs;
  expect(told(checks, one)).toEqual([
    "fail",
    expect.stringContaining("bin/one cap_net_admin=ep: a capability, which no build gives"),
  ]);
  expect(told(checks, two)).toEqual(["pass", expect.stringContaining("as it was built")]);
  expect(checks).toHaveLength(2);
});

it("where capabilities cannot be asked for, that is said once and is no pass", async () => {
  const { context, outs } = await shop('echo "no such call" >&2');
  const checks = await contentsChecks(context);
  expect(told(checks)).toEqual([
    "unknown",
    `whether files of outputs have capabilities is untestable: getcap -r ${outs.toSorted()[0]}: no such call`,
  ]);
  expect(checks.map(({ outcome }) => outcome)).toEqual(["pass", "pass", "unknown"]);
});

it("what a repair has looked at and left is not looked at again", async () => {
  const { context, outs } = await shop('echo "$2" >>"${0%/*}/asked"');
  const { checks, looks } = await repairOutputs(context, { sources: {}, offline: true });
  expect(checks).toEqual([]);
  expect((await contentsChecks(context, looks)).map(({ outcome }) => outcome)).toEqual(["pass", "pass"]);
  const asked = await readFile(join(context.home, "programs", "asked"), "utf8");
  expect(asked.trim().split("\n").toSorted()).toEqual(outs.toSorted());
});

it("of two outputs with one name each is told by its key, and one that is untestable and not current with what to do", async () => {
  const { context, outs } = await shop("exit 0");
  const { prefix } = context.options;
  const { manifest } = await provide(prefix, { one: { "bin/one": "other" } }, "1.1");
  const [earlier = "", now = ""] = [outs[0], manifest.builds[0]?.out];
  for (const out of [earlier, now]) {
    const file = join(out, "receipt.json");
    const { contents: _contents, ...receipt } = JSON.parse(await readFile(file, "utf8")) as Receipt;
    await writeFile(file, JSON.stringify({ ...receipt, version: "1.0" }));
  }
  const checks = await contentsChecks(context);
  const lineOf = (out: string) => checks.find(({ id }) => id === `contents:${basename(out)}`);
  const untestable = (out: string): string =>
    `one 1.0 (${basename(out).slice(0, 16)}): whether it was changed is untestable: `;
  expect(lineOf(now)).toMatchObject({
    outcome: "unknown",
    fix: null,
    message: expect.stringContaining(untestable(now)),
  });
  expect(lineOf(earlier)).toMatchObject({
    outcome: "unknown",
    message: expect.stringMatching(/^one 1\.0 \([0-9a-f]{16}\): .*; the current generation does not use it$/u),
    fix: expect.stringContaining("tlsforge gc --keep 1 removes it"),
  });
  expect(checks.filter(({ outcome }) => outcome === "pass").map(({ message }) => message)).toEqual([
    expect.stringMatching(/^two 1\.0: /u),
  ]);
});
