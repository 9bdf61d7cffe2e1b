/** Switches between two generations under a load of new connections: failed connections, and how soon the other server answers. */
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../src/errors.ts";
import { ask, serverPaths, status } from "../src/server/light.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { startLoad, type LoadResult } from "./support/load.ts";
import { busy, machineText, watchMachine, type Machine } from "./support/machine.ts";
import { measure } from "./support/measure.ts";
import { prefixOf, runProgram, say, tlsforge, type Arguments } from "./support/program.ts";
import { serverOf } from "./support/served.ts";
import { summarise } from "./support/statistics.ts";

interface Result {
  readonly prefix: string;
  readonly generations: readonly [number, number];
  readonly load: LoadResult;
  /** Milliseconds from the start of the command until the other generation serves. */
  readonly standingByMs: readonly number[];
  readonly startedMs: readonly number[];
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "switch",
  summary: "Rollbacks from one generation to the other and back while new connections come in without a pause.",
  options: {
    prefix: { value: "DIR", help: "a prefix that serves, with two accepted generations (default: tlsforge's own)" },
    config: { value: "FILE", help: "its site file" },
    switches: { value: "N", help: "rollbacks to a server that stands by (default: 100)" },
    starts: { value: "N", help: "rollbacks to one that has to be started (default: 10)" },
  },
  run,
  text: (result: Result) =>
    `generations ${result.generations.join(" and ")}: ${result.load.answered} requests answered, ${result.load.failures.length} failed\n` +
    result.load.failures
      .slice(0, 10)
      .map((failure) => `  ${failure}\n`)
      .join("") +
    `${figuresText(result.figures)}${machineText(result.machine)}`,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const prefix = prefixOf(given);
  const config = given.path("config");
  const options = ["--prefix", prefix, ...(config === undefined ? [] : ["--config", config])];
  const served = await serverOf(prefix, signal);
  const generations = await twoGenerations(options, signal);
  const machine = watchMachine();
  const authority = `${serverPaths(prefix).tls}/ca/cert.pem`;
  const load = startLoad({ ...served, authority, clients: 4, pauseMs: 5 });
  const standingByMs: number[] = [];
  const startedMs: number[] = [];
  let cpuSeconds = 0;
  try {
    const rounds = given.count("switches", 100) + given.count("starts", 10);
    for (let round = 0; round < rounds; round += 1) {
      const stands = round < given.count("switches", 100);
      if (!stands) await endStandingBy(prefix);
      const there = (await ask(serverPaths(prefix).standby, { command: "status" }, 3)) as { readonly ok?: boolean };
      const [from = 0, to = 0] = (await serving(prefix)) === generations[0] ? generations : generations.toReversed();
      const ms = await switchTo({ prefix, options, to, signal });
      (there.ok === true ? standingByMs : startedMs).push(ms.served);
      cpuSeconds += ms.cpuSeconds;
      say(`${round + 1}/${rounds}: generation ${from} -> ${to}, ${ms.served.toFixed(0)} ms`);
    }
  } finally {
    await load.stop();
  }
  const result = await load.stop();
  const seen = machine(cpuSeconds);
  const time = (what: string, atMost: number, values: readonly number[]): readonly Figure[] =>
    values.length === 0 ? [] : [figure(what, { value: summarise(values).median, atMost, unit: "ms" }, busy(seen))];
  const figures = [
    figure("failed connections", { value: result.failures.length, atMost: 0, unit: "" }, false),
    ...time("until a server that stands by serves, median", 200, standingByMs),
    ...time("until a server that has to be started serves, median", 1000, startedMs),
  ];
  return {
    prefix,
    generations: [generations[0] ?? 0, generations[1] ?? 0],
    load: result,
    standingByMs,
    startedMs,
    machine: seen,
    figures,
  };
}

async function twoGenerations(options: readonly string[], signal: AbortSignal): Promise<readonly number[]> {
  const { stdout } = await measure({ argv: tlsforge("generations", "--json", ...options) }, { signal });
  const { generations } = JSON.parse(stdout) as {
    readonly generations: readonly { readonly generation: number; readonly grade: string | null }[];
  };
  const graded = generations.filter(({ grade }) => grade !== null).map(({ generation }) => generation);
  if (graded.length >= 2) return graded.slice(-2);
  throw new ForgeError("not-found", "two graded generations are needed", {
    hint: "provision, change the site file (server.hsts.max-age, for instance), provision again",
  });
}

async function serving(prefix: string): Promise<number | null> {
  const state = await status(prefix);
  return state.state === "serving" ? state.status.generation : null;
}

async function endStandingBy(prefix: string): Promise<void> {
  const { standby } = serverPaths(prefix);
  await ask(standby, { command: "stop" }, 5);
  while ("ok" in (await ask(standby, { command: "status" }, 3))) await sleep(20);
}

/** One rollback; when the other generation served, seen from outside of the command. */
async function switchTo(work: {
  readonly prefix: string;
  readonly options: readonly string[];
  readonly to: number;
  readonly signal: AbortSignal;
}): Promise<{ readonly served: number; readonly cpuSeconds: number }> {
  const began = performance.now();
  let ended = false;
  const command = measure(
    { argv: tlsforge("rollback", String(work.to), "--json", ...work.options) },
    { signal: work.signal },
  ).finally(() => (ended = true));
  let served: number | null = null;
  while (!ended && served === null) {
    if ((await serving(work.prefix)) === work.to) served = performance.now() - began;
    else await sleep(3);
  }
  const { exitCode, stdout, cpuSeconds } = await command;
  if (exitCode !== 0 || (await serving(work.prefix)) !== work.to)
    throw new ForgeError("server-failed", `the rollback to ${work.to} failed with exit ${exitCode}`, {
      details: stdout.split("\n").slice(0, 20),
    });
  return { served: served ?? performance.now() - began, cpuSeconds };
}
