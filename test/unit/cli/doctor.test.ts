import { expect, test } from "vitest";
import type { ForgeError } from "../../../src/errors.ts";
import { verdict, type Check } from "../../../src/cli/checks.ts";
import { markedLead } from "../../../src/cli/marks.ts";

const check = (outcome: Check["outcome"]): Check => ({ id: outcome, outcome, message: `is ${outcome}`, fix: null });

test.each([
  [["pass", "pass"], { outcome: "done", exitCode: 0 }, undefined],
  [["pass", "unknown"], { outcome: "failed", exitCode: 3 }, "1 of 2 checks could not be made"],
  [["pass", "info"], { outcome: "done", exitCode: 0 }, undefined],
  [["info", "fail", "fail", "pass"], { outcome: "failed", exitCode: 1 }, "2 of 3 checks fail"],
  [["unknown", "fail", "pass"], { outcome: "failed", exitCode: 1 }, "1 of 3 checks fail"],
] as const)("%j together", (outcomes, expected, message) => {
  const result = verdict({ prefix: "/p", colour: false }, outcomes.map(check));
  expect(result).toMatchObject(expected);
  expect((result.error as Error | undefined)?.message).toBe(message);
  expect((result.error as ForgeError | undefined)?.code).toBe(
    { 0: undefined, 1: "check-failed", 3: "incomplete" }[result.exitCode],
  );
  const worst = outcomes.includes("fail" as never) ? "fail" : "unknown";
  expect((result.error as ForgeError | undefined)?.details ?? []).toEqual(
    outcomes.filter((outcome) => outcome === worst).map((outcome) => `is ${outcome}`),
  );
  for (const outcome of outcomes) expect(result.text).toContain(`${outcome.padEnd(7)} is ${outcome}\n`);
});

test("marks have their colours, and keep their columns", () => {
  const { text } = verdict({ prefix: "/p", colour: true }, (["pass", "fail", "unknown", "info"] as const).map(check));
  expect(text).toContain("\u001b[32mpass\u001b[39m    is pass\n");
  expect(text).toContain("\u001b[31mfail\u001b[39m    is fail\n");
  expect(text).toContain("\u001b[33munknown\u001b[39m is unknown\n");
  expect(markedLead("unknown  ", true)).toBe("\u001b[33munknown\u001b[39m  ");
  expect(markedLead("         ", true)).toBe("         ");
});
