import { expect, test } from "vitest";
import { builtText, shortStep } from "../../../src/ui/describe.ts";

test.each([
  ["configure ./Configure linux-x86_64 --prefix=${out}", "configure"],
  ["make build_sw", "make build_sw"],
  ["make", "make"],
  ["make install DESTDIR=${out}", "make install"],
  ["patch fix.patch", "patch fix.patch"],
  ["run ${deps.build-env.out}/bin/pip wheel --no-deps ${source}", "run pip wheel --no-deps …"],
  ["run ${python}", "run …"],
  ["run sh -c set -e\ncd a-folder-of-a-long-name && make it whole", "run sh -c set -e cd a-folder-of-a-long …"],
  ["python-env ${out}/venv (runtime)", "python-env"],
])("%j is shown as %j", (title, short) => {
  expect(shortStep(title)).toBe(short);
  expect(short.length).toBeLessThanOrEqual(40);
});

test("a build tells its CPU only where it was counted", () => {
  const done = { type: "build-done", recipe: "a", version: "1", key: "k", cached: false, wallSeconds: 76 } as const;
  expect(builtText({ ...done, cpuSeconds: 143.2 })).toBe("a 1: built [1m 16s, CPU 2m 23s]");
  expect(builtText({ ...done, cpuSeconds: null })).toBe("a 1: built [1m 16s]");
});
