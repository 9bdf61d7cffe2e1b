/** A second provision and a plan, which have nothing to do, against the start of a bare Node. */
import { ForgeError } from "../src/errors.ts";
import { figuresText, type Figure } from "./support/figure.ts";
import { machineText, watchMachine, type Machine } from "./support/machine.ts";
import { cpuResolutionMs, measure } from "./support/measure.ts";
import { beyondFigure, pairsText, runPairs, type Pairs } from "./support/pairs.ts";
import { prefixOf, runProgram, tlsforge, type Arguments } from "./support/program.ts";

interface Result extends Pairs {
  readonly plan: Pairs;
  readonly prefix: string;
  readonly machine: Machine;
  readonly cpuResolutionMs: number;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "idle",
  summary: "A second provision of a prefix that serves already, and a plan for it, against node -e 0, in turns.",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix whose server runs (default: tlsforge's own)" },
    config: { value: "FILE", help: "the site file that it was provisioned with (default: tlsforge.yaml here)" },
    pairs: { value: "N", help: "how many pairs (default: 20)" },
  },
  run,
  text: (result: Result) =>
    `${pairsText("tlsforge provision", result)}\n${pairsText("tlsforge plan", result.plan)}\n${figuresText(result.figures)}${machineText(result.machine)}`,
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const count = given.count("pairs", 20);
  const prefix = prefixOf(given);
  const config = given.path("config");
  const site = ["--json", "--prefix", prefix, ...(config === undefined ? [] : ["--config", config])];
  await demandNothingToDo(prefix, site, signal);
  const argv = tlsforge("provision", "--yes", ...site);
  // Not measured: after a change that alters no build, the first run looks closely and remembers that nothing is to be done.
  demandUnchanged((await measure({ argv }, { signal })).stdout);
  const machine = watchMachine();
  const found = await runPairs({ argv }, { count, signal, check: demandUnchanged });
  const planArgv = tlsforge("plan", ...site);
  // Not measured: the first plan after a provision is worked out, and kept.
  demandUnchanged((await measure({ argv: planArgv }, { signal })).stdout);
  const plan = await runPairs({ argv: planArgv }, { count, signal, check: demandUnchanged });
  const seen = machine(found.totalCpuSeconds + plan.totalCpuSeconds);
  const figures = [
    beyondFigure("second provision", 80, { pairs: found, machine: seen }),
    beyondFigure("plan with nothing to do", 80, { pairs: plan, machine: seen }),
  ];
  return { prefix, ...found, plan, figures, cpuResolutionMs, machine: seen };
}

/** A measurement must not turn into a build: nothing is run before the plan says that there is nothing to do. */
async function demandNothingToDo(prefix: string, site: readonly string[], signal: AbortSignal): Promise<void> {
  const status = await measure({ argv: tlsforge("status", "--json", "--prefix", prefix) }, { signal });
  const plan = await measure({ argv: tlsforge("plan", "--exit-code", ...site) }, { signal });
  if (status.exitCode === 0 && plan.exitCode === 0) return;
  throw new ForgeError("not-serving", `a provision of ${prefix} would have something to do`, {
    hint: "provision it first (npm start -- --prefix DIR), then measure",
    details: [`tlsforge status: exit ${status.exitCode}`, `tlsforge plan --exit-code: exit ${plan.exitCode}`],
  });
}

function demandUnchanged(stdout: string): void {
  const { outcome } = JSON.parse(stdout) as { outcome: string };
  if (outcome !== "unchanged")
    throw new ForgeError("incomplete", `nothing was to be done, but tlsforge says ${outcome}`);
}
