/** What a figure has to be read beside: the machine, and how busy others kept it meanwhile. */
import os from "node:os";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly time: string;
  /** Load averages over 1, 5 and 15 minutes, at the beginning and at the end. */
  readonly loadBefore: readonly number[];
  readonly loadAfter: readonly number[];
  /** Share of all cores that processes other than those measured had, 0 to 1; null where the system does not tell. */
  readonly othersShare: number | null;
}

/** Begins to watch the machine; the function it gives is called at the end with the CPU seconds that were our own. */
export function watchMachine(): (ownCpuSeconds: number) => Machine {
  const time = new Date().toISOString();
  const loadBefore = load();
  const busyBefore = busySeconds();
  const ownBefore = process.cpuUsage();
  const began = performance.now();
  return (ownCpuSeconds) => {
    const cores = os.availableParallelism();
    const busy = busySeconds() - busyBefore;
    const capacity = ((performance.now() - began) / 1000) * cores;
    const { user, system } = process.cpuUsage(ownBefore);
    const own = ownCpuSeconds + (user + system) / 1e6;
    return {
      cores,
      processor: os.cpus()[0]?.model ?? "unknown",
      memoryMiB: Math.round(os.totalmem() / 1024 / 1024),
      kernel: `${os.type()} ${os.release()}`,
      node: process.version,
      time,
      loadBefore,
      loadAfter: load(),
      othersShare: busy === 0 ? null : Math.min(1, Math.max(0, (busy - own) / capacity)),
    };
  };
}

/** Whether others had so much of the machine that wall times say little; null when that cannot be told. */
export function busy(machine: Machine): boolean | null {
  return machine.othersShare === null ? null : machine.othersShare > 0.1;
}

/** The machine in a few lines, with the warning that belongs to it. */
export function machineText(machine: Machine): string {
  const { othersShare } = machine;
  const others = othersShare === null ? "unknown" : `${Math.round(othersShare * 100)} %`;
  const warning =
    busy(machine) === false
      ? "Others left the machine alone: wall times can be read."
      : "Others used this machine meanwhile, or that cannot be told: wall times are noise, CPU times count.";
  return [
    `Machine    ${machine.cores} cores, ${machine.processor}, ${machine.memoryMiB} MiB, ${machine.kernel}, Node ${machine.node}`,
    `Load       ${machine.loadBefore.join(" ")} before, ${machine.loadAfter.join(" ")} after; other processes had ${others} of the cores`,
    warning,
    "",
  ].join("\n");
}

function load(): readonly number[] {
  return os.loadavg().map((value) => Math.round(value * 100) / 100);
}

function busySeconds(): number {
  return os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}
