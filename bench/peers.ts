/** A whole `verify` against the scanners that people use, on the same server, in turns. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { busy, machineText, watchMachine, type Machine } from "./support/machine.ts";
import type { Measured } from "./support/measure.ts";
import { prefixOf, runProgram, say, type Arguments } from "./support/program.ts";
import { startRelay } from "./support/relay.ts";
import { scan, scanners, type Scanner } from "./support/scanners.ts";
import { cpuSecondsOf, serverOf, type Served } from "./support/served.ts";
import { round, summarise, type Summary } from "./support/statistics.ts";
import { table } from "./support/table.ts";

interface Row {
  readonly name: string;
  readonly runs: number;
  readonly wallSeconds: Summary;
  readonly cpuSeconds: Summary;
  /** CPU that the server spent on one run, mean. */
  readonly serverCpuSeconds: number;
  readonly connections: number;
  readonly bytes: number;
}

interface Result {
  readonly target: string;
  readonly rows: readonly Row[];
  readonly missing: readonly string[];
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "peers",
  summary: "A whole tlsforge verify against sslscan, SSLyze and testssl.sh on a prefix's own server, in turns.",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix whose server runs (default: tlsforge's own)" },
    rounds: { value: "N", help: "rounds, each with every scanner once (default: 5)" },
    "slow-rounds": { value: "N", help: "rounds with testssl.sh, which takes a minute (default: 1)" },
    sslyze: { value: "FILE", help: "the program of SSLyze, where it is not on PATH" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const prefix = prefixOf(given);
  const served = await serverOf(prefix, signal);
  const { rounds, slowRounds } = { rounds: given.count("rounds", 5), slowRounds: given.count("slow-rounds", 1) };
  const work = mkdtempSync(path.join(os.tmpdir(), "tlsforge-peers-"));
  try {
    const { present, missing } = scanners({ prefix, served, work, sslyze: given.path("sslyze") });
    const machine = watchMachine();
    const runs = new Map<string, { readonly run: Measured; readonly server: number }[]>(
      present.map(({ name }) => [name, []]),
    );
    for (let index = 0; index < rounds; index += 1) {
      for (const scanner of index % 2 === 0 ? present : present.toReversed()) {
        if (scanner.name === "testssl.sh" && index >= slowRounds) continue;
        say(`round ${index + 1}: ${scanner.name}`);
        const before = cpuSecondsOf(served.pids);
        const measured = await scan(scanner, served.target, { signal });
        runs.get(scanner.name)?.push({ run: measured, server: cpuSecondsOf(served.pids) - before });
      }
    }
    const rows: Row[] = [];
    for (const scanner of present)
      rows.push(await rowOf(scanner, { runs: runs.get(scanner.name) ?? [], served, signal }));
    const total = [...runs.values()]
      .flat()
      .reduce((sum, { run: { cpuSeconds }, server }) => sum + cpuSeconds + server, 0);
    const seen = machine(total);
    return { target: served.target, rows, missing, machine: seen, figures: figuresOf(rows, seen) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The times of the runs, and what one more run through a relay connects. */
async function rowOf(
  scanner: Scanner,
  of: {
    readonly runs: readonly { readonly run: Measured; readonly server: number }[];
    readonly served: Served;
    readonly signal: AbortSignal;
  },
): Promise<Row> {
  const relay = await startRelay(Number(of.served.target.split(":").at(-1)));
  try {
    say(`counting connections: ${scanner.name}`);
    await scan(scanner, `127.0.0.1:${relay.port}`, of);
    return {
      name: scanner.name,
      runs: of.runs.length,
      wallSeconds: summarise(of.runs.map(({ run: { wallSeconds } }) => wallSeconds)),
      cpuSeconds: summarise(of.runs.map(({ run: { cpuSeconds } }) => cpuSeconds)),
      serverCpuSeconds: round(of.runs.reduce((sum, { server }) => sum + server, 0) / of.runs.length),
      ...relay.counted,
    };
  } finally {
    relay.close();
  }
}

function figuresOf(rows: readonly Row[], machine: Machine): readonly Figure[] {
  const own = rows.find(({ name }) => name === "tlsforge verify");
  if (own === undefined) return [];
  const noisy = busy(machine);
  const share = (name: string, atMost: number): readonly Figure[] => {
    const peer = rows.find((row) => row.name === name);
    if (peer === undefined) return [];
    const value = round(own.wallSeconds.median / peer.wallSeconds.median);
    return [figure(`wall, as a share of ${name}'s`, { value, atMost, unit: "" }, noisy)];
  };
  const sslscan = rows.find(({ name }) => name === "sslscan");
  return [
    figure("connections", { value: own.connections, atMost: 60, unit: "" }, false),
    ...share("testssl.sh", 1 / 200),
    ...share("SSLyze", 1 / 3),
    ...share("sslscan", 2),
    ...(sslscan === undefined
      ? []
      : [
          figure(
            "CPU of the server, against sslscan's",
            { value: own.serverCpuSeconds, atMost: sslscan.serverCpuSeconds, unit: "s" },
            noisy,
          ),
        ]),
  ];
}

function text(result: Result): string {
  const cells = ({
    name,
    runs,
    wallSeconds,
    cpuSeconds,
    serverCpuSeconds,
    connections,
    bytes,
  }: Row): readonly string[] => [
    name,
    String(runs),
    ...[wallSeconds.median, wallSeconds.min, cpuSeconds.median, serverCpuSeconds].map((value) => value.toFixed(3)),
    String(connections),
    String(bytes),
  ];
  return [
    table([
      [result.target, "runs", "wall s", "min", "CPU s", "server CPU s", "connections", "bytes"],
      ...result.rows.map(cells),
    ]),
    ...(result.missing.length === 0 ? [] : [`Not here: ${result.missing.join(", ")}\n`]),
    figuresText(result.figures) + machineText(result.machine),
  ].join("\n");
}
