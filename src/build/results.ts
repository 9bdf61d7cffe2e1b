/** What a package's own tests say at the end of their output. Counts are of single tests. */
export interface TestResults {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Those that failed, by the names that the suite gives them. */
  readonly failures: readonly string[];
}

/** Reads results from the end of a log; null when no test has run. */
export function readResults(kind: "tap" | "unittest", log: string): TestResults | null {
  return kind === "tap" ? fromHarness(log) : fromRegrtest(log);
}

/**
 * Perl's Test::Harness, as OpenSSL runs it: a `Files=…, Tests=…` line for each part, and before it a report of what failed. A name that stands for
 * no test is a failure: it would else pass by doing nothing.
 */
function fromHarness(log: string): TestResults | null {
  const lines = log.split("\n");
  const total = sum(lines, /^Files=\d+, Tests=(\d+),/);
  const reports = lines.flatMap((line) => {
    const [, name, failed] = /^(\S+\.t)\s+\(Wstat: .*?Failed: (\d+)\)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, failed: Number(failed) }];
  });
  const missing = lines.flatMap((line) => /^Test (\S+) found no match/.exec(line)?.[1] ?? []);
  // A recipe that dies before its first test reports no failed one.
  const failed = reports.reduce((count, report) => count + Math.max(1, report.failed), 0) + missing.length;
  if (total === 0 && failed === 0) return null;
  const known = reports.reduce((count, report) => count + report.failed, 0);
  return {
    passed: Math.max(0, total - known),
    failed,
    skipped: lines.filter((line) => /^\S+\.t \.+ skipped/.test(line)).length,
    failures: [
      ...reports.map(({ name }) => name.replace(/^.*\//, "").replace(/\.t$/, "")),
      ...missing.map((name) => `${name} (there is no such test)`),
    ],
  };
}

/** Python's `-m test` (3.12 and newer): `Total tests: run=…`, and a paragraph with the files that failed. */
function fromRegrtest(log: string): TestResults | null {
  const totals = /^Total tests: run=([\d,]+)(?: \(filtered\))?(.*)$/m.exec(log);
  const count = (name: string): number =>
    Number((new RegExp(` ${name}=([\\d,]+)`).exec(totals?.[2] ?? "")?.[1] ?? "0").replaceAll(",", ""));
  const files = /^\d+ tests? failed:\n((?: {4}.*\n?)+)/m.exec(log)?.[1]?.trim().split(/\s+/) ?? [];
  const cases = [...log.matchAll(/^(?:\S+ )?(?:FAIL|ERROR): \S+ \((\S+)\)/gm)].flatMap(([, name]) => name ?? []);
  const run = Number((totals?.[1] ?? "0").replaceAll(",", ""));
  // What cannot be imported, or crashes, is a file that failed without a test that did.
  const failures = [
    ...new Set(cases),
    ...files.filter((file) => !cases.some((name) => name.startsWith(`test.${file}.`) || name.startsWith(`${file}.`))),
  ];
  const failed = Math.max(count("failures"), failures.length);
  if (run === 0 && failed === 0) return null;
  const skipped = count("skipped");
  return { passed: Math.max(0, run - skipped - failed), failed, skipped, failures };
}

function sum(lines: readonly string[], pattern: RegExp): number {
  return lines.reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0);
}
