/** What a second worker costs and how the two share, how soon a server serves, and reloads under load. */
import { rmSync } from "node:fs";
import { load as connections, nginxPool, nginxVersion, type Pool } from "./support/contender.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { cpuSecondsOf, hardened, type Hardened } from "./support/hardened.ts";
import { startLoad, type LoadResult } from "./support/load.ts";
import { busy, machineText, watchMachine, type Machine } from "./support/machine.ts";
import { prefixOf, runProgram, say, type Arguments } from "./support/program.ts";
import { stackOf, type Stack } from "./support/stack.ts";
import { round, summarise, type Summary } from "./support/statistics.ts";

interface Result {
  readonly handshakes: Handshakes;
  /** What the system's nginx has of it by the same measure: so much is this machine's. Null when it is not installed. */
  readonly nginx: Handshakes | null;
  readonly startMs: Summary;
  /** CPU milliseconds of all processes of the server until then. */
  readonly startCpuMs: Summary;
  readonly reloadMs: Summary;
  readonly load: LoadResult;
  readonly figures: readonly Figure[];
  readonly machine: Machine;
}

interface Handshakes {
  /** CPU microseconds of all its processes, with one worker and with two. */
  readonly one: Summary;
  readonly two: Summary;
  readonly ratio: Summary;
  /** What the busier of two workers has of their CPU, 0.5 to 1. */
  readonly share: Summary;
}

await runProgram({
  name: "workers",
  summary:
    "Server CPU of a handshake with two workers against one, their shares, start-up, reloads under load. Linux only.",
  options: {
    prefix: { value: "DIR", help: "a prefix with a stack (default: tlsforge's own)" },
    rounds: { value: "N", help: "rounds of the comparison (default: 7)" },
    count: { value: "N", help: "handshakes of a round (default: 1600)" },
    clients: { value: "N", help: "clients at once; with few a worker mostly sleeps and wakes (default: 12)" },
    starts: { value: "N", help: "starts (default: 10)" },
    reloads: { value: "N", help: "reloads (default: 100)" },
  },
  run,
  text: ({
    handshakes: { one, two, ratio, share },
    nginx,
    startMs,
    startCpuMs,
    reloadMs,
    load,
    figures,
    machine,
  }: Result) =>
    `handshake, one worker   ${spread(one)} us\nhandshake, two workers  ${spread(two)} us, ${spread(ratio)} of one\n` +
    (nginx === null
      ? "nginx: not measured, since it is not installed\n"
      : `nginx, the same         ${spread(nginx.one)} us and ${spread(nginx.two)} us, ${spread(nginx.ratio)}\n`) +
    `the busier of two has   ${spread(share)}\nstart to handshake      ${spread(startMs)} ms, CPU ${spread(startCpuMs)} ms\n` +
    `reload                  ${spread(reloadMs)} ms; ${load.answered} requests answered meanwhile, ${load.failures.length} failed\n` +
    load.failures
      .slice(0, 10)
      .map((failure) => `  ${failure}\n`)
      .join("") +
    figuresText(figures) +
    machineText(machine),
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const stack = await stackOf(prefixOf(given));
  const servers: Pool[] = [];
  const start = async (name: string, workers: number): Promise<Hardened> => {
    signal.throwIfAborted();
    const server = await hardened(stack, { name, workers, app: { kind: "about" }, limits: { drainSeconds: 2 } });
    servers.push(server);
    return server;
  };
  const machine = watchMachine();
  let own = 0;
  try {
    const starts = { wallMs: [] as number[], cpuMs: [] as number[] };
    for (let count = 0; count < given.count("starts", 10); count += 1) {
      const server = await start(`start-${count}`, 2);
      starts.wallMs.push(server.startMs);
      starts.cpuMs.push(cpuSecondsOf(server) * 1000);
      own += cpuSecondsOf(server);
      await server.stop();
      servers.pop();
    }
    say("starts: done");
    const [one, two] = [await start("one", 1), await start("two", 2)];
    const how = {
      stack,
      signal,
      rounds: given.count("rounds", 7),
      count: given.count("count", 1600),
      clients: given.count("clients", 12),
    };
    const handshakes = await compare({ one, two, ...how });
    say("handshakes: done");
    const nginx = nginxVersion() === null ? null : await compare({ ...(await nginxPools(stack, servers)), ...how });
    say("nginx: done");
    const { load, reloadMs } = await reloads(two, stack, { signal, count: given.count("reloads", 100) });
    own += cpuSecondsOf(one) + cpuSecondsOf(two);
    const seen = machine(own);
    const [startMs, startCpuMs] = [summarise(starts.wallMs), summarise(starts.cpuMs)];
    const figures = [
      figure(
        "CPU of a handshake, two workers to one",
        { value: handshakes.ratio.median, atMost: 1.1, unit: "" },
        false,
      ),
      figure("share of the busier of two", { value: handshakes.share.median, atMost: 0.6, unit: "" }, false),
      figure("start to first handshake, median", { value: startMs.median, atMost: 600, unit: "ms" }, busy(seen)),
      figure("failed requests during reloads", { value: load.failures.length, atMost: 0, unit: "" }, false),
    ];
    return { handshakes, nginx, startMs, startCpuMs, reloadMs, load, figures, machine: seen };
  } finally {
    await Promise.all(servers.map(async (server) => await server.stop()));
    rmSync(stack.folder, { recursive: true });
  }
}

async function nginxPools(stack: Stack, servers: Pool[]): Promise<{ readonly one: Pool; readonly two: Pool }> {
  const one = await nginxPool(stack, 1);
  servers.push(one);
  const two = await nginxPool(stack, 2);
  servers.push(two);
  return { one, two };
}

/** In turns; the first round warms up. */
async function compare(of: {
  readonly one: Pool;
  readonly two: Pool;
  readonly stack: Stack;
  readonly signal: AbortSignal;
  readonly rounds: number;
  readonly count: number;
  readonly clients: number;
}): Promise<Handshakes> {
  const samples = { one: [] as number[], two: [] as number[], ratio: [] as number[], share: [] as number[] };
  for (let turn = 0; turn <= of.rounds; turn += 1) {
    of.signal.throwIfAborted();
    const spent = { one: 0, two: 0 };
    let shares: readonly number[] = [];
    for (const name of turn % 2 === 0 ? (["one", "two"] as const) : (["two", "one"] as const)) {
      const server = of[name];
      const before = server.cpuMicroseconds();
      const each = { port: server.port, count: Math.ceil(of.count / of.clients), group: "X25519" };
      await Promise.all(Array.from({ length: of.clients }, async () => await connections("handshake", each, of.stack)));
      const after = server.cpuMicroseconds();
      const spentBy = (pid: number): number => (after.get(pid) ?? 0) - (before.get(pid) ?? 0);
      spent[name] = [...after.keys()].reduce((sum, pid) => sum + spentBy(pid), 0) / each.count / of.clients;
      if (name === "two") shares = server.workers.map(spentBy);
    }
    if (turn === 0) continue;
    samples.one.push(spent.one);
    samples.two.push(spent.two);
    samples.ratio.push(spent.two / spent.one);
    samples.share.push(Math.max(...shares) / shares.reduce((sum, value) => sum + value, 0));
  }
  return {
    one: summarise(samples.one),
    two: summarise(samples.two),
    ratio: summarise(samples.ratio),
    share: summarise(samples.share),
  };
}

async function reloads(
  server: Hardened,
  stack: Stack,
  { signal, count }: { readonly signal: AbortSignal; readonly count: number },
): Promise<{ readonly load: LoadResult; readonly reloadMs: Summary }> {
  const load = startLoad({
    target: `127.0.0.1:${server.port}`,
    serverName: "localhost",
    authority: `${stack.folder}/cert.pem`,
    clients: 4,
    pauseMs: 5,
  });
  const took: number[] = [];
  try {
    for (let done = 0; done < count; done += 1) {
      signal.throwIfAborted();
      const began = performance.now();
      await server.reload();
      took.push(performance.now() - began);
    }
  } finally {
    await load.stop();
  }
  say("reloads: done");
  return { load: await load.stop(), reloadMs: summarise(took) };
}

function spread({ median, min, max }: Summary): string {
  return `${round(median)} (${min} to ${max})`;
}
