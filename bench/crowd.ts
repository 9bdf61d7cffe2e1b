/** How good clients fare while a crowd of idle and slow connections holds the server. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../src/errors.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { cpuSecondsOf, hardened, type Hardened } from "./support/hardened.ts";
import { busy, machineText, watchMachine, type Machine } from "./support/machine.ts";
import { prefixOf, runProgram, say, type Arguments } from "./support/program.ts";
import { ended } from "./support/processes.ts";
import { stackOf, type Stack } from "./support/stack.ts";
import { round } from "./support/statistics.ts";
import { table } from "./support/table.ts";

/** One connection after the other, each with a handshake and one request. */
interface Phase {
  readonly name: string;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly failures: readonly string[];
  /** Of all processes of the server, in the wall time of the phase. */
  readonly serverCpuSeconds: number;
  readonly wallSeconds: number;
  readonly clientCpuSeconds: number;
}

interface Result {
  readonly processes: number;
  readonly idle: number;
  readonly slow: number;
  readonly phases: readonly Phase[];
  /** What the crowd adds to the server's memory (proportional set size), without the kernel's buffers. */
  readonly crowdMiB: number;
  readonly figures: readonly Figure[];
  readonly machine: Machine;
}

await runProgram({
  name: "crowd",
  summary: "Good clients of the hardened server while idle and slow connections are open. Linux only.",
  options: {
    prefix: { value: "DIR", help: "a prefix with a stack (default: tlsforge's own)" },
    idle: { value: "N", help: "connections that only shake hands (default: 10000)" },
    slow: { value: "N", help: "connections that send or take a little each second (default: 2000)" },
    count: { value: "N", help: "good connections of each phase (default: 1000)" },
    workers: { value: "N", help: "serving processes (default: one for each processor)" },
  },
  run,
  text,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const stack = await stackOf(prefixOf(given));
  const [idle, slow, count] = [given.count("idle", 10_000), given.count("slow", 2000), given.count("count", 1000)];
  const workers = given.text("workers") === undefined ? 0 : given.count("workers", 1);
  const machine = watchMachine();
  const directory = path.join(stack.folder, "served");
  mkdirSync(directory);
  writeFileSync(`${directory}/index.html`, "Hello, world!\n");
  writeFileSync(`${directory}/large`, Buffer.alloc(4_000_000));
  const server = await hardened(stack, {
    name: "server",
    app: { kind: "static", directory },
    workers,
    // The crowd is to stay: what is measured is how it weighs, not how it is got rid of.
    limits: {
      connections: 100_000,
      idleSeconds: 3600,
      headSeconds: 3600,
      requestSeconds: 3600,
      firstRequestSeconds: 3600,
    },
  });
  try {
    const phase = async (name: string): Promise<Phase> => {
      signal.throwIfAborted();
      say(`${name}: ${count} connections`);
      return await measured(name, { server, stack, count });
    };
    await measured("warm", { server, stack, count: 100 });
    const before = await phase("unloaded, before");
    const emptyMiB = memoryMiB(server);
    say(`opening ${idle} idle and ${slow} slow connections`);
    const crowd = client(stack, ["crowd", String(server.port), String(idle), String(slow)]);
    const told = createInterface(crowd.stdout)[Symbol.asyncIterator]();
    const opened = Number((await told.next()).value);
    if (opened !== idle + slow)
      throw new ForgeError("incomplete", `only ${opened} connections could be opened`, {
        hint: "ulimit -n has to be above their number; fewer with --idle and --slow",
      });
    await sleep(2000);
    const crowded = await phase("with the crowd");
    const crowdMiB = round(memoryMiB(server) - emptyMiB);
    crowd.stdin.end();
    const end = JSON.parse(String((await told.next()).value)) as { ended: number; cpuSeconds: number };
    await ended(crowd);
    if (end.ended > 0) {
      throw new ForgeError(
        "incomplete",
        `the server has ended ${end.ended} of ${opened} before the good clients were done`,
        {
          hint: "its log says why; a smaller --count takes less time",
        },
      );
    }
    await sleep(2000);
    const phases = [before, crowded, await phase("unloaded, after")];
    const seen = machine(
      cpuSecondsOf(server) + phases.reduce((sum, each) => sum + each.clientCpuSeconds, end.cpuSeconds),
    );
    return {
      processes: server.processes().length,
      idle,
      slow,
      phases,
      crowdMiB,
      figures: figuresOf(phases, seen),
      machine: seen,
    };
  } finally {
    await server.stop();
    rmSync(stack.folder, { recursive: true });
  }
}

async function measured(name: string, of: { server: Hardened; stack: Stack; count: number }): Promise<Phase> {
  const { server, stack, count } = of;
  const [cpu, began] = [cpuSecondsOf(server), performance.now()];
  const child = client(stack, ["good", String(server.port), String(count)]);
  const told = JSON.parse(await textOf(child.stdout)) as {
    milliseconds: number[];
    failures: string[];
    cpuSeconds: number;
  };
  await ended(child);
  const sorted = told.milliseconds.toSorted((a, b) => a - b);
  const share = (part: number): number => round(sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN);
  return {
    name,
    medianMs: share(0.5),
    p99Ms: share(0.99),
    failures: told.failures,
    serverCpuSeconds: round(cpuSecondsOf(server) - cpu),
    clientCpuSeconds: told.cpuSeconds,
    wallSeconds: round((performance.now() - began) / 1000),
  };
}

function client(stack: Stack, args: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  const script = path.join(import.meta.dirname, "support/crowd.py");
  return spawn(stack.python, [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
}

function memoryMiB(server: Hardened): number {
  const kib = server
    .processes()
    .map((pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]));
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
}

function figuresOf(phases: readonly Phase[], machine: Machine): readonly Figure[] {
  const [before, crowded, after] = phases;
  const unloaded = Math.min(before?.p99Ms ?? Number.NaN, after?.p99Ms ?? Number.NaN);
  const ratio = { value: round((crowded?.p99Ms ?? Number.NaN) / unloaded), atMost: 3, unit: "" };
  const failed = { value: crowded?.failures.length ?? Number.NaN, atMost: 0, unit: "" };
  return [
    figure("p99 with the crowd, against the better one unloaded", ratio, busy(machine)),
    figure("good connections that failed", failed, false),
  ];
}

function text(result: Result): string {
  const { processes, idle, slow, phases, crowdMiB, figures, machine } = result;
  const rows = phases.map((each) => [
    each.name,
    `${each.medianMs} ms`,
    `${each.p99Ms} ms`,
    String(each.failures.length),
    `${each.serverCpuSeconds} s of ${each.wallSeconds} s`,
  ]);
  const failures = [...new Set(phases.flatMap((each) => each.failures))].map((each) => `Failed     ${each}\n`);
  return [
    table([["good clients", "median", "p99", "failed", "server CPU"], ...rows]),
    `Crowd      ${idle} idle and ${slow} slow connections, open to the end; ${crowdMiB} MiB more in its ${processes} processes\n`,
    ...failures,
    figuresText(figures) + machineText(machine),
  ].join("");
}
