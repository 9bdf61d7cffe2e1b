/** The loader comparison of the whole machine, against the start of a bare Node. */
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../src/errors.ts";
import { compareLoader, comparisonText, detectPlatform, nodeHost } from "../src/host/index.ts";
import { figuresText, type Figure } from "./support/figure.ts";
import { machineText, watchMachine, type Machine } from "./support/machine.ts";
import { cpuResolutionMs } from "./support/measure.ts";
import { beyondFigure, pairsText, runPairs, type Pairs } from "./support/pairs.ts";
import { prefixOf, runProgram, type Arguments } from "./support/program.ts";

/** One comparison, as the process that is measured tells it. */
interface Once {
  readonly library: string;
  readonly outcome: string;
  readonly said: string;
  readonly peakMiB: number;
}

interface Result extends Pairs {
  readonly once: Once;
  readonly machine: Machine;
  readonly cpuResolutionMs: number;
  readonly figures: readonly Figure[];
}

await runProgram({
  name: "loader",
  summary: "What every program of this machine loads, with a loader entry and without, against node -e 0, in turns.",
  options: {
    prefix: { value: "DIR", help: "a provisioned prefix (default: tlsforge's own)" },
    library: { value: "DIR", help: "a library folder, in place of the prefix's" },
    pairs: { value: "N", help: "how many pairs (default: 10)" },
    once: { help: "one comparison, which is not measured" },
  },
  run: (given, signal): Promise<Result | Once> =>
    given.flag("once") ? compareOnce(libraryOf(given)) : measurePairs(given, signal),
  text: (result) =>
    "once" in result
      ? `${result.once.said}; at most ${result.once.peakMiB} MiB of memory\n${pairsText("comparison", result)}\n${figuresText(result.figures)}${machineText(result.machine)}`
      : `${result.said}\n`,
});

async function measurePairs(given: Arguments, signal: AbortSignal): Promise<Result> {
  const argv = [process.execPath, import.meta.filename, "--once", "--json", "--library", libraryOf(given)];
  let once: Once | undefined;
  const machine = watchMachine();
  const check = (stdout: string): void => {
    once = JSON.parse(stdout) as Once;
    if (once.outcome !== "observed")
      throw new ForgeError("incomplete", `the comparison is ${once.outcome}: ${once.said}`);
  };
  const found = await runPairs({ argv }, { count: given.count("pairs", 10), signal, check });
  if (once === undefined) throw new ForgeError("incomplete", "nothing was compared");
  const seen = machine(found.totalCpuSeconds);
  const figures = [beyondFigure("loader comparison", 2000, { pairs: found, machine: seen })];
  return { once, ...found, figures, cpuResolutionMs, machine: seen };
}

async function compareOnce(library: string): Promise<Once> {
  const host = nodeHost({
    platform: detectPlatform({ os: process.platform, arch: process.arch }),
    environment: process.env,
    uid: process.getuid?.() ?? -1,
    emit: () => undefined,
    interactive: false,
    allowSudo: false,
  });
  const comparison = await compareLoader(host, { library, name: "tlsforge" });
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  return { library, outcome: comparison.outcome, said: comparisonText(comparison), peakMiB };
}

function libraryOf(given: Arguments): string {
  const library = given.path("library");
  if (library !== undefined) return library;
  const own = path.join(prefixOf(given), "lib", "libssl-tlsforge.so.3");
  if (existsSync(own)) return path.dirname(realpathSync(own));
  throw new ForgeError("not-found", `${own} is not there`, { hint: "give a library folder: --library DIR" });
}
