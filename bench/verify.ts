/** A whole `verify` of a prefix's own server on loopback, against the start of a bare Node. */
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { machineText, watchMachine, type Machine } from "./support/machine.ts";
import { cpuResolutionMs } from "./support/measure.ts";
import { beyondFigure, pairsText, runPairs, type Pairs } from "./support/pairs.ts";
import { prefixOf, runProgram, tlsforge, type Arguments } from "./support/program.ts";
import { serverOf } from "./support/served.ts";
import { summarise, type Summary } from "./support/statistics.ts";
import { table } from "./support/table.ts";

interface Result extends Pairs {
  readonly target: string;
  /** Grades seen, trust aside: more than one is a fault. */
  readonly grades: readonly string[];
  readonly connections: Summary;
  readonly bytesSent: Summary;
  readonly bytesReceived: Summary;
  /** The look at the server alone, inside the process: from the first connection to the last answer. */
  readonly lookMs: Summary;
  readonly machine: Machine;
  readonly cpuResolutionMs: number;
  readonly figures: readonly Figure[];
}

/** The part of a result record that is read here. */
interface VerifyRecord {
  readonly report: {
    readonly connections: number;
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly seconds: number;
    readonly grades: Readonly<Record<string, { readonly gradeTrustIgnored: string | null } | undefined>>;
  };
}

await runProgram({
  name: "verify",
  summary: "A whole tlsforge verify of a prefix's own server on loopback, against node -e 0, in turns.",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix whose server runs (default: tlsforge's own)" },
    pairs: { value: "N", help: "how many pairs (default: 20)" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const count = given.count("pairs", 20);
  const prefix = prefixOf(given);
  const { target, serverName } = await serverOf(prefix, signal);
  const argv = tlsforge("verify", target, "--server-name", serverName, "--json", "--prefix", prefix);
  const reports: VerifyRecord["report"][] = [];
  const machine = watchMachine();
  const found = await runPairs(
    { argv },
    {
      count,
      signal,
      check: (stdout) => reports.push((JSON.parse(stdout) as VerifyRecord).report),
    },
  );
  const seen = machine(found.totalCpuSeconds);
  const connections = summarise(reports.map((report) => report.connections));
  return {
    target,
    grades: [...new Set(reports.map((report) => report.grades["ssllabs-2009r"]?.gradeTrustIgnored ?? "none"))],
    ...found,
    connections,
    bytesSent: summarise(reports.map((report) => report.bytesSent)),
    bytesReceived: summarise(reports.map((report) => report.bytesReceived)),
    lookMs: summarise(reports.map((report) => report.seconds * 1000)),
    figures: [
      beyondFigure("verify", 150, { pairs: found, machine: seen }),
      figure("connections of one verify", { value: connections.max, atMost: 60, unit: "" }, false),
    ],
    cpuResolutionMs,
    machine: seen,
  };
}

function text(result: Result): string {
  const row = (label: string, { median, min, max }: Summary): readonly string[] => [
    label,
    ...[median, min, max].map(String),
  ];
  return [
    pairsText("tlsforge verify", result),
    table([
      [`${result.target}, grade ${result.grades.join(" and ")}`, "median", "min", "max"],
      row("connections", result.connections),
      row("bytes sent", result.bytesSent),
      row("bytes received", result.bytesReceived),
      row("the look itself, ms", result.lookMs),
    ]),
    figuresText(result.figures) + machineText(result.machine),
  ].join("\n");
}
