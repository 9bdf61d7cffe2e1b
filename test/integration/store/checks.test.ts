import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { prefixPaths, readCheck, writeCheck, type CheckRecord } from "../../../src/store/index.ts";
import { freshFolder } from "../cli/context.ts";

const key = "0123456789abcdef".repeat(4);
const whole: CheckRecord = {
  schema: "tlsforge.check/1",
  recipe: "hello",
  version: "1.0",
  key,
  name: "the tests of hello",
  outcome: "pass",
  passed: 9,
  failed: 0,
  skipped: 0,
  failures: [],
  tests: [],
  excluded: [],
  log: "/log",
  wallSeconds: 1,
  finished: "2026-01-01T00:00:00.000Z",
};
const only = (...tests: readonly string[]): CheckRecord => ({ ...whole, tests });
const failed = (record: CheckRecord, ...failures: readonly string[]): CheckRecord => ({
  ...record,
  outcome: "fail",
  failed: failures.length,
  failures,
});

/** What is on record after these runs. */
async function after(runs: readonly CheckRecord[], chosen: readonly string[] = []) {
  const prefix = await freshFolder();
  await mkdir(join(prefixPaths(prefix).store, `${key.slice(0, 16)}-hello-1.0`), { recursive: true });
  for (const run of runs) await writeCheck(prefix, run, chosen);
  const record = await readCheck(prefix, key);
  return { outcome: record?.outcome, failures: record?.failures };
}

const passed = { outcome: "pass", failures: [] };
const fails = (...failures: readonly string[]) => ({ outcome: "fail", failures });

it.each([
  [
    "a part that passes leaves the failure of the rest",
    [failed(whole, "20-test_enc"), only("test_sha")],
    fails("20-test_enc"),
  ],
  ["a part with what failed mends it", [failed(whole, "20-test_enc"), only("test_sha", "test_enc")], passed],
  [
    "a part with some of what failed mends that",
    [failed(whole, "20-test_enc", "30-test_evp"), only("test_enc")],
    fails("30-test_evp"),
  ],
  [
    "a part that fails joins the failures",
    [failed(whole, "20-test_enc"), failed(only("test_sha"), "05-test_sha")],
    fails("20-test_enc", "05-test_sha"),
  ],
  [
    "what joined is mended by the whole alone, or by its names",
    [failed(whole, "20-test_enc"), failed(only("test_sha"), "05-test_sha"), only("test_sha"), only("test_enc")],
    passed,
  ],
  ["the whole mends all", [failed(whole, "20-test_enc"), whole], passed],
  ["the same part mends what has no name", [failed(only("a"), "no test has run"), only("b", "a")], passed],
  ["another does not", [failed(only("a"), "no test has run"), only("b")], fails("no test has run")],
  ["Python's names", [failed(whole, "test.test_ssl.Basic.test_x", "test_hmac"), only("test_ssl")], fails("test_hmac")],
  [
    "the whole mends nothing that it leaves out",
    [failed(only("test_afalg"), "30-test_afalg"), { ...whole, excluded: [{ test: "test_afalg", reason: "kernel" }] }],
    fails("30-test_afalg"),
  ],
  ["a failure comes back after a pass", [whole, failed(only("a"), "a")], fails("a")],
] as const)("%s", async (_, runs, expected) => {
  expect(await after(runs)).toEqual(expected);
});

it("the recipe's own choice mends nothing beyond it", async () => {
  const named = failed(only("test_socket"), "test.test_socket.Basic.test_x");
  expect(await after([named, whole], ["test_ssl"])).toEqual(fails("test.test_socket.Basic.test_x"));
  expect(await after([named, whole], ["test_ssl", "test_socket"])).toEqual(passed);
});
