import { expect, test } from "vitest";
import type { ForgeError } from "../../../src/errors.ts";
import { verdict, type Check } from "../../../src/cli/checks.ts";

const check = (outcome: Check["outcome"]): Check => ({ id: outcome, outcome, message: `is ${outcome}`, fix: null });

test.each([
  [["pass", "pass"], { outcome: "done", exitCode: 0 }, undefined],
  [["pass", "unknown"], { outcome: "failed", exitCode: 3 }, "1 of 2 checks could not be made"],
  [["pass", "info"], { outcome: "done", exitCode: 0 }, undefined],
  [["info", "fail", "fail", "pass"], { outcome: "failed", exitCode: 1 }, "2 of 3 checks fail"],
  [["unknown", "fail", "pass"], { outcome: "failed", exitCode: 1 }, "1 of 3 checks fail"],
] as const)("%j together", (outcomes, expected, message) => {
  const result = verdict("/p", outcomes.map(check));
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
