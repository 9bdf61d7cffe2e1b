/**
 * Mutated server flights against everything that reads them:
 *
 *   npm run fuzz -- [--seconds N] [--runs N] [--seed S] [--record]
 *
 * 60 seconds by default; with --runs alone as long as that takes. The seed is told, so that a fault comes back. `--record` takes the flights that it
 * starts from anew from the fleet's servers. Exit 1 at the first fault.
 */
import { parseArgs } from "node:util";

import { fuzz } from "../test/tools/fuzz/run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    record: { type: "boolean", default: false },
  },
});
if (values.record) {
  const { recordFlights } = await import("../test/tools/fuzz/record.ts");
  await recordFlights();
} else {
  const seconds = Number(values.seconds ?? (values.runs === undefined ? 60 : Number.POSITIVE_INFINITY));
  const runs = Number(values.runs ?? Number.POSITIVE_INFINITY);
  const seed = Number(values.seed);
  if ([seconds, runs, seed].some((number) => !(number > 0)))
    throw new Error("--seconds, --runs and --seed are numbers");
  console.log(`seed ${seed}`);
  const result = await fuzz({ seconds, runs, seed });
  console.log(
    `${result.runs} inputs in ${result.seconds.toFixed(1)} s, ${Math.round(result.runs / result.seconds)} a second`,
  );
  console.log(`${result.read} read, ${result.refused} refused, the slowest in ${result.slowestMs.toFixed(1)} ms`);
  console.log(`memory grew by ${Math.round(result.growthBytes / 2 ** 20)} MiB at most`);
}
