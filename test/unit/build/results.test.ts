import { describe, expect, test } from "vitest";
import { readResults } from "../../../src/build/results.ts";

describe("Perl's harness", () => {
  const part = (tests: number, result = "PASS"): string =>
    `Files=3, Tests=${tests}, 12 wallclock secs ( 0.5 usr  0.0 sys +  1.0 cusr  0.1 csys =  1.6 CPU)\nResult: ${result}\n`;

  test("counts the tests of all parts, and files that were skipped", () => {
    const log = [
      "00-prep_fipsmodule_cnf.t .. skipped: FIPS module config file only supported in a fips build",
      `${part(0, "NOTESTS")}15-test_rsa.t ...... ok`,
      "30-test_afalg.t .... ok",
      `All tests successful.\n${part(47)}`,
    ].join("\n");
    expect(readResults("tap", log)).toEqual({ passed: 47, failed: 0, skipped: 1, failures: [] });
  });

  test("names what failed, by its report and not by its noise", () => {
    const log = [
      "# Looks like you failed 1 test of 1.15-test_sha.t ... ",
      "Dubious, test returned 1 (wstat 256, 0x100)",
      "Failed 1/1 subtests ",
      "05-test_rand.t .. ok",
      "Test Summary Report",
      "-------------------",
      "../test/recipes/15-test_sha.t (Wstat: 256 (exited 1) Tests: 1 Failed: 1)",
      "  Failed test:  1",
      "30-test_dead.t (Wstat: 11 Tests: 0 Failed: 0)",
      "  Parse errors: No plan found in TAP output",
      part(7, "FAIL"),
    ].join("\n");
    expect(readResults("tap", log)).toEqual({
      passed: 6,
      failed: 2,
      skipped: 0,
      failures: ["15-test_sha", "30-test_dead"],
    });
  });

  test("a name that stands for no test is a failure, and a log without tests is no result", () => {
    expect(readResults("tap", `Test test_nosuch found no match, skipping addition...\n${part(1)}`)).toMatchObject({
      passed: 1,
      failed: 1,
      failures: ["test_nosuch (there is no such test)"],
    });
    expect(readResults("tap", `cc -c a.c\n${part(0, "NOTESTS")}`)).toBeNull();
  });
});

describe("Python's", () => {
  test("counts tests, and what is skipped apart", () => {
    const log =
      "All 3 tests OK.\n\nTotal duration: 31.2 sec\nTotal tests: run=1,534 skipped=61\nTotal test files: run=3/3\nResult: SUCCESS\n";
    expect(readResults("unittest", log)).toEqual({ passed: 1473, failed: 0, skipped: 61, failures: [] });
  });

  test("names cases that failed, and files that failed without one", () => {
    const head = "2 tests failed:\n    test_ssl test_gone\n\n2 tests OK.\n\n";
    const total =
      "Total tests: run=100 (filtered) failures=2 skipped=1\nTotal test files: run=3/3 failed=1\nResult: FAILURE\n";
    const cases = "FAIL: test_a (test.test_ssl.Basic.test_a)\nERROR: test_b (test.test_ssl.Basic.test_b)\n";
    expect(readResults("unittest", `${cases}${head}${total}`)).toEqual({
      passed: 96,
      failed: 3,
      skipped: 1,
      failures: ["test.test_ssl.Basic.test_a", "test.test_ssl.Basic.test_b", "test_gone"],
    });
    const crashed = `2 tests failed:\n    test_ssl test_gone\n\nTotal tests: run=0\nResult: FAILURE\n`;
    expect(readResults("unittest", crashed)).toMatchObject({ failed: 2, failures: ["test_ssl", "test_gone"] });
  });

  test("when nothing ran there is no result", () => {
    expect(readResults("unittest", "Total tests: run=0\nTotal test files: run=0/0\nResult: NO TESTS RAN\n")).toBeNull();
    expect(readResults("unittest", "")).toBeNull();
  });
});
