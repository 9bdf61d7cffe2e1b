/** What a sealed build leaves running is ended, and whoever builds is told. */
import { describe, expect, it } from "vitest";
import { leftBehindIn, leftBehindText } from "../../../src/build/left-behind.ts";
import { needs } from "../../tools/needs.ts";
import { freshFolder, logOf, machineSeal, make, prepare, programs } from "./helpers.ts";

const seal = await machineSeal();
const missing = needs("linux", "setsid") ?? (seal.grade === "none" ? "needs a machine that gives a seal" : null);

describe.skipIf(missing !== null)(`a daemon${missing === null ? "" : ` (${missing})`}`, () => {
  it("that a build leaves behind is told as a warning and in the receipt", async () => {
    const project = await prepare(await freshFolder());
    const long = `9.${process.pid}`;
    const recipe = programs(
      ["sh", "-c", `touch \${out}/x; setsid sleep ${long} >/dev/null 2>&1 & sleep 0.3`],
      ["true"],
    );
    const { receipt, events, derivation } = await make(project, { recipe, seal });
    const text = expect.stringMatching(
      new RegExp(`^sh -c touch .* left running, and the seal ended: sleep ${long}$`, "u"),
    ) as string;
    expect(receipt.seal?.leftBehind).toEqual([text]);
    expect(events.flatMap((event) => (event.type === "warning" ? [event.message] : []))).toEqual([
      `hello 1.0.0: ${receipt.seal?.leftBehind?.[0]}`,
    ]);
    expect(logOf(derivation)).toContain(`[tlsforge: left behind by this program, and ended: sleep ${long} (`);
  });
});

it("is told without numbers of processes and in one short line, and of no other line", () => {
  const line = (what: string): string => `[tlsforge: left behind by this program, and ended: ${what}]`;
  expect(leftBehindIn(line("sleep 9 (12), cat (3) x (45)"))).toBe("sleep 9, cat (3) x");
  expect(leftBehindIn(line("x".repeat(5000)).slice(0, 4096))).toBe(`${"x".repeat(197)}...`);
  expect(leftBehindIn(`echo ${line("sleep 9 (12)")}`)).toBeNull();
  expect(leftBehindText(["sh", "-c", `a\n  ${"b".repeat(90)}`], "c")).toMatch(
    /^sh -c a b+\.\.\. left running, and the seal ended: c$/u,
  );
});
