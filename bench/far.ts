/** A whole `verify` against the scanners that people use, on the same server, a round trip of 50 ms away. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { putAway, type Away } from "./support/away.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { busy, machineText, watchMachine, type Machine } from "./support/machine.ts";
import { prefixOf, runProgram, say, type Arguments } from "./support/program.ts";
import { scan, scanners, type Scanner } from "./support/scanners.ts";
import { serverOf } from "./support/served.ts";
import { round, summarise, type Summary } from "./support/statistics.ts";
import { table } from "./support/table.ts";

interface Row {
  readonly name: string;
  readonly wallSeconds: Summary;
}

interface Result {
  readonly roundTripMs: number;
  readonly rounds: number;
  readonly rows: readonly Row[];
  /** The look itself, from the first connection to the last answer, as tlsforge's report tells it. */
  readonly lookSeconds: Summary;
  readonly connections: Summary;
  readonly missing: readonly string[];
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

interface Seen {
  readonly name: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly stdout: string;
}

await runProgram({
  name: "far",
  summary: "A whole tlsforge verify against sslscan and SSLyze on a server a round trip away (Linux, root).",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix whose server runs (default: tlsforge's own)" },
    rounds: { value: "N", help: "rounds, each with every scanner once (default: 5)" },
    ms: { value: "N", help: "the round trip in milliseconds (default: 50)" },
    sslyze: { value: "FILE", help: "the program of SSLyze, where it is not on PATH" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const prefix = prefixOf(given);
  const served = await serverOf(prefix, signal);
  const { rounds, ms } = { rounds: given.count("rounds", 5), ms: given.count("ms", 50) };
  const work = mkdtempSync(path.join(os.tmpdir(), "tlsforge-far-"));
  const away = await putAway(served.target, { ms, python: path.join(prefix, "bin/python3"), work });
  try {
    const { present, missing } = scanners({ prefix, served, work, sslyze: given.path("sslyze") });
    // testssl.sh takes a minute without any delay.
    const compared = present.filter(({ name }) => name !== "testssl.sh");
    const machine = watchMachine();
    const runs = await inTurns(compared, { rounds, away, signal });
    const seen = machine(runs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0));
    const rows = compared.map(({ name }) => ({
      name,
      wallSeconds: summarise(runs.filter((each) => each.name === name).map(({ wallSeconds }) => wallSeconds)),
    }));
    const looks = runs
      .filter(({ name }) => name === "tlsforge verify")
      .map(({ stdout }) => (JSON.parse(stdout) as { report: { seconds: number; connections: number } }).report);
    const lookSeconds = summarise(looks.map(({ seconds }) => seconds));
    const connections = summarise(looks.map((look) => look.connections));
    const figures = figuresOf(rows, { roundTrips: (lookSeconds.median * 1000) / ms, noisy: busy(seen) });
    return { roundTripMs: ms, rounds, rows, lookSeconds, connections, missing, machine: seen, figures };
  } finally {
    await away.close();
    rmSync(work, { recursive: true, force: true });
  }
}

async function inTurns(
  compared: readonly Scanner[],
  of: { readonly rounds: number; readonly away: Away; readonly signal: AbortSignal },
): Promise<readonly Seen[]> {
  const runs: Seen[] = [];
  for (let index = 0; index < of.rounds; index += 1) {
    for (const scanner of index % 2 === 0 ? compared : compared.toReversed()) {
      say(`round ${index + 1}: ${scanner.name}`);
      const measured = await scan(scanner, of.away.target, { signal: of.signal, inside: of.away.inside });
      runs.push({ name: scanner.name, ...measured });
    }
  }
  return runs;
}

function figuresOf(
  rows: readonly Row[],
  of: { readonly roundTrips: number; readonly noisy: boolean | null },
): readonly Figure[] {
  const medianOf = (name: string): number | undefined => rows.find((row) => row.name === name)?.wallSeconds.median;
  const own = medianOf("tlsforge verify") ?? Number.NaN;
  const share = (name: string, atMost: number): readonly Figure[] => {
    const peer = medianOf(name);
    if (peer === undefined) return [];
    return [figure(`wall, as a share of ${name}'s`, { value: round(own / peer), atMost, unit: "" }, of.noisy)];
  };
  return [
    figure("round trips of a whole look", { value: round(of.roundTrips), atMost: 12, unit: "" }, of.noisy),
    ...share("sslscan", 1 / 8),
    ...share("SSLyze", 1 / 3),
  ];
}

function text(result: Result): string {
  const cells = (label: string, { median, min, max }: Summary): readonly string[] => [
    label,
    ...[median, min, max].map((value) => value.toFixed(3)),
  ];
  return [
    table([
      [`round trip ${result.roundTripMs} ms, ${result.rounds} rounds: wall s`, "median", "min", "max"],
      ...result.rows.map(({ name, wallSeconds }) => cells(name, wallSeconds)),
      cells("the look itself", result.lookSeconds),
    ]),
    ...(result.missing.length === 0 ? [] : [`Not here: ${result.missing.join(", ")}\n`]),
    figuresText(result.figures) + machineText(result.machine),
  ].join("\n");
}
