/** A second provision, which has nothing to do, against the start of a bare Node. */
import { ForgeError } from "../src/errors.ts";
import { figuresText, type Figure } from "./support/figure.ts";
import { machineText, watchMachine, type Machine } from "./support/machine.ts";
import { cpuResolutionMs, measure } from "./support/measure.ts";
import { beyondFigure, pairsText, runPairs, type Pairs } from "./support/pairs.ts";
import { prefixOf, runProgram, tlsforge, type Arguments } from "./support/program.ts";

interface Result extends Pairs {
  readonly prefix: string;
  readonly machine: Machine;
  readonly cpuResolutionMs: number;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "idle",
  summary: "A second provision of a prefix that serves already, against node -e 0, in turns.",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix whose server runs (default: tlsforge's own)" },
    pairs: { value: "N", help: "how many pairs (default: 20)" },
  },
  run,
  text: (result: Result) =>
    `${pairsText("tlsforge provision", result)}\n${figuresText(result.figures)}${machineText(result.machine)}`,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const count = given.count("pairs", 20);
  const prefix = prefixOf(given);
  await demandNothingToDo(prefix, signal);
  const argv = tlsforge("provision", "--yes", "--json", "--prefix", prefix);
  // Not measured: after a change that alters no build, the first run looks closely and remembers that nothing is to be done.
  demandUnchanged((await measure({ argv }, { signal })).stdout);
  const machine = watchMachine();
  const found = await runPairs({ argv }, { count, signal, check: demandUnchanged });
  const seen = machine(found.totalCpuSeconds);
  const figures = [beyondFigure("second provision", 80, { pairs: found, machine: seen })];
  return { prefix, ...found, figures, cpuResolutionMs, machine: seen };
}

/** A measurement must not turn into a build: nothing is run before the plan says that there is nothing to do. */
async function demandNothingToDo(prefix: string, signal: AbortSignal): Promise<void> {
  const status = await measure({ argv: tlsforge("status", "--json", "--prefix", prefix) }, { signal });
  const plan = await measure({ argv: tlsforge("plan", "--exit-code", "--json", "--prefix", prefix) }, { signal });
  if (status.exitCode === 0 && plan.exitCode === 0) return;
  throw new ForgeError("not-serving", `a provision of ${prefix} would have something to do`, {
    hint: "provision it first (npm start -- --prefix DIR), then measure",
    details: [`tlsforge status: exit ${status.exitCode}`, `tlsforge plan --exit-code: exit ${plan.exitCode}`],
  });
}

function demandUnchanged(stdout: string): void {
  const { outcome } = JSON.parse(stdout) as { outcome: string };
  if (outcome !== "unchanged")
    throw new ForgeError("incomplete", `provision was to find nothing to do, but it says ${outcome}`);
}
