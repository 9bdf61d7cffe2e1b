/** Mutated first flights against the server of a prefix: does it stay, and does anything leak? */
import path from "node:path";
import { fuzzHellos, type HellosSent } from "../test/tools/fuzz/hellos.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { prefixOf, runProgram, type Arguments } from "./support/program.ts";
import { serverOf } from "./support/served.ts";

interface Result extends HellosSent {
  readonly seed: number;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "hellos",
  summary:
    "Sends mutated client hellos to the server of a prefix. Fails when one hangs, when a process of the server ends, or when something leaks. Linux only.",
  options: {
    prefix: { value: "DIR", help: "a prefix whose server runs (default: tlsforge's own)" },
    runs: { value: "N", help: "hellos (default: 100000)" },
    seed: { value: "N", help: "to have a former run again" },
    clients: { value: "N", help: "at once (default: 32)" },
  },
  run,
  text: ({ runs, seconds, answers, processes, slowestMs, growthBytes, descriptors, seed, figures }: Result) =>
    [
      `Hellos     ${runs} in ${seconds.toFixed(0)} s (seed ${seed}); answered with an alert ${answers.alert}, a hello ${answers.hello}, nothing ${answers.nothing}, other ${answers.other}`,
      `Server     the same ${processes} processes; memory grew by ${(growthBytes / 2 ** 20).toFixed(1)} MiB after the first tenth, ${descriptors} descriptors more; slowest answer ${slowestMs.toFixed(0)} ms`,
      figuresText(figures),
    ].join("\n"),
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const prefix = prefixOf(given);
  const { target, pids } = await serverOf(prefix, signal);
  const seed = given.count("seed", 1 + (Date.now() % 999_998));
  const sent = await fuzzHellos({
    target,
    pid: pids[0] ?? 0,
    openssl: path.join(prefix, "bin/openssl"),
    runs: given.count("runs", 100_000),
    seed,
    clients: given.count("clients", 32),
  });
  const figures = [
    figure("descriptors left open", { value: Math.max(0, sent.descriptors), atMost: 0, unit: "" }, false),
    figure("memory grown", { value: Math.round(sent.growthBytes / 2 ** 20), atMost: 8, unit: "MiB" }, false),
  ];
  if (figures.some(({ reached }) => reached !== true)) process.exitCode = 1;
  return { ...sent, seed, figures };
}
