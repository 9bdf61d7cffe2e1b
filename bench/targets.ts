/** A `verify` of many targets in one run: the prefix's own server on loopback, named again and again. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ForgeError } from "../src/errors.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { busy, machineText, watchMachine, type Machine } from "./support/machine.ts";
import { cpuResolutionMs, measure } from "./support/measure.ts";
import { prefixOf, runProgram, tlsforge, type Arguments } from "./support/program.ts";
import { watchResident, type ResidentWatch } from "./support/resident.ts";
import { serverOf } from "./support/served.ts";

interface Result {
  readonly target: string;
  readonly targets: number;
  /** As the run tells it in its last record. */
  readonly summary: Summary;
  readonly connections: number;
  readonly wallSeconds: number;
  /** Of tlsforge alone; the server's is not in it. */
  readonly cpuSeconds: number;
  readonly cpuResolutionMs: number;
  readonly resident: ReturnType<ResidentWatch["stop"]>;
  readonly figures: readonly Figure[];
  readonly machine: Machine;
}

interface Summary {
  readonly done: number;
  readonly failed: number;
  readonly unreachable: number;
  readonly incomplete: number;
}

await runProgram({
  name: "targets",
  summary:
    "A tlsforge verify --targets of the prefix's own server on loopback, named again and again: time and peak memory.",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix whose server runs (default: tlsforge's own)" },
    count: { value: "N", help: "how many targets (default: 1000)" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const count = given.count("count", 1000);
  const prefix = prefixOf(given);
  const { target, serverName } = await serverOf(prefix, signal);
  const folder = await mkdtemp(path.join(os.tmpdir(), "tlsforge-targets-"));
  try {
    const list = path.join(folder, "targets");
    await writeFile(list, `${target}\n`.repeat(count));
    const argv = tlsforge("verify", "--targets", list, "--server-name", serverName, "--json", "--prefix", prefix);
    let watch: ResidentWatch | null = null;
    const seen = watchMachine();
    const ran = await measure({ argv }, { signal, onStart: (shell) => (watch = watchResident(shell)) });
    const machine = seen(ran.cpuSeconds);
    const resident = (watch as ResidentWatch | null)?.stop() ?? null;
    const { summary, connections } = read(ran.stdout, count);
    const noisy = busy(machine);
    return {
      target,
      targets: count,
      summary,
      connections,
      wallSeconds: ran.wallSeconds,
      cpuSeconds: ran.cpuSeconds,
      cpuResolutionMs,
      resident,
      figures: [
        figure(
          `${count} targets`,
          { value: Math.round(ran.wallSeconds * 10) / 10, atMost: (60 * count) / 1000, unit: "s" },
          noisy,
        ),
        ...(resident === null ? [] : [figure("memory", { value: resident.peakMB, atMost: 300, unit: "MB" }, false)]),
      ],
      machine,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The records of the run. Throws ForgeError `incomplete` unless there is one for each target and a summary. */
function read(stdout: string, count: number): { summary: Summary; connections: number } {
  const records = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { summary?: Summary; report?: { connections: number } | null });
  const summary = records.at(-1)?.summary;
  if (summary === undefined || records.length !== count + 1)
    throw new ForgeError("incomplete", `${records.length} records came for ${count} targets`);
  return { summary, connections: records.reduce((sum, { report }) => sum + (report?.connections ?? 0), 0) };
}

function text(result: Result): string {
  const { summary, resident } = result;
  return [
    `Targets    ${result.targets} times ${result.target}: ${summary.done} done, ${summary.failed} failed, ${summary.unreachable} unreachable, ${summary.incomplete} incomplete`,
    `Cost       ${result.wallSeconds.toFixed(1)} s wall, ${result.cpuSeconds.toFixed(1)} s CPU without the server's, ${result.connections} connections`,
    `Memory     ${resident === null ? "this system does not tell it" : `${resident.peakMB} MB resident at the peak`}`,
    figuresText(result.figures) + machineText(result.machine),
  ].join("\n");
}
