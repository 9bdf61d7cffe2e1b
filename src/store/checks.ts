import { mkdir, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { atomicWrite, explained, hasCode, readOwn } from "./disk.ts";
import { prefixPaths } from "./paths.ts";
import { storeEntries } from "./receipts.ts";
import { isNumber, isText, listOf, oneOf, shapeOf } from "./shapes.ts";

/**
 * How the own tests of an output's package went. It lies beside the store (`var/checks/<key>.json`) and not in the output: the output and its
 * receipt say how it was made, never change afterwards, and are there before the tests are asked for. Times in seconds, dates in ISO 8601 UTC.
 */
export interface CheckRecord {
  readonly schema: "tlsforge.check/1";
  readonly recipe: string;
  readonly version: string;
  readonly key: string;
  /** What was run, in words. */
  readonly name: string;
  readonly outcome: "pass" | "fail";
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  /** The tests that were named on the command line; empty: the recipe's own choice. */
  readonly tests: readonly string[];
  readonly excluded: readonly { readonly test: string; readonly reason: string }[];
  readonly log: string;
  readonly wallSeconds: number;
  readonly finished: string;
}

/**
 * Records how the tests went, in place of an earlier time, and forgets those of outputs that are gone. What failed earlier and was no part of this
 * run stays a failure. `chosen`: the recipe's own choice of tests; empty: all of the package.
 */
export async function writeCheck(prefix: string, run: CheckRecord, chosen: readonly string[]): Promise<void> {
  const folder = folderOf(prefix);
  const record = withEarlier(run, await readCheck(prefix, run.key), chosen);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await atomicWrite(join(folder, `${record.key}.json`), `${JSON.stringify(record, null, 2)}\n`);
    const kept = new Set((await storeEntries(prefixPaths(prefix).store)).map((name) => name.slice(0, 16)));
    for (const name of await readdir(folder))
      if (name.endsWith(".json") && !kept.has(name.slice(0, 16))) await unlink(join(folder, name));
  } catch (error) {
    throw explained(error, folder);
  }
}

/** How the tests of an output went; null when they were never asked for, or the record is damaged. */
export async function readCheck(prefix: string, key: string): Promise<CheckRecord | null> {
  const file = join(folderOf(prefix), `${key}.json`);
  try {
    const text = await readOwn(file);
    const record: unknown = text === null ? null : JSON.parse(text);
    return isCheckRecord(record) && record.key === key ? record : null;
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, "ENOTDIR")) return null;
    throw explained(error, file);
  }
}

const isCheckRecord = shapeOf<CheckRecord>({
  schema: oneOf("tlsforge.check/1"),
  recipe: isText,
  version: isText,
  key: isText,
  name: isText,
  outcome: oneOf("pass", "fail"),
  passed: isNumber,
  failed: isNumber,
  skipped: isNumber,
  failures: listOf(isText),
  tests: listOf(isText),
  excluded: listOf(shapeOf<CheckRecord["excluded"][number]>({ test: isText, reason: isText })),
  log: isText,
  wallSeconds: isNumber,
  finished: isText,
});

/** Where the output of the tests is logged. */
export function checkLogPath(prefix: string, key: string): string {
  return join(prefixPaths(prefix).log, `${key}.check.log`);
}

/** A part that passes says nothing of the rest. */
function withEarlier(run: CheckRecord, earlier: CheckRecord | null, chosen: readonly string[]): CheckRecord {
  if (earlier === null || earlier.outcome === "pass") return run;
  const excluded = new Set(run.excluded.map(({ test }) => test));
  const ran = run.tests.length > 0 ? run.tests : chosen.filter((test) => !excluded.has(test));
  const left = earlier.failures.filter((failure) => !isIncluded(failure, { run, earlier, ran }));
  if (left.length === 0) return run;
  if (run.outcome === "pass") return { ...earlier, failed: left.length, failures: left };
  return {
    ...run,
    failed: run.failed + left.length,
    failures: [...left, ...run.failures.filter((failure) => !left.includes(failure))],
    tests: earlier.tests.length === 0 ? [] : [...new Set([...earlier.tests, ...ran])],
  };
}

/** Whether a run has run again what failed. Of a suite's names for what failed some tell the test that was asked for; else the same request does. */
function isIncluded(
  failure: string,
  { run, earlier, ran }: Readonly<Record<"run" | "earlier", CheckRecord>> & { readonly ran: readonly string[] },
): boolean {
  const isWhole = run.tests.length === 0;
  if (earlier.tests.length === 0 ? isWhole : earlier.tests.every((test) => ran.includes(test))) return true;
  if (isWhole && ran.length === 0) return !run.excluded.some(({ test }) => isOf(failure, test));
  return ran.some((test) => isOf(failure, test));
}

/** OpenSSL says `20-test_sha` of `test_sha`, Python `test.test_ssl.Basic.test_x` of `test_ssl`. */
function isOf(failure: string, test: string): boolean {
  const name = failure.replace(/^\d+-/u, "");
  return name === test || name.startsWith(`${test}.`) || name.startsWith(`test.${test}.`);
}

function folderOf(prefix: string): string {
  return join(prefixPaths(prefix).var, "checks");
}
