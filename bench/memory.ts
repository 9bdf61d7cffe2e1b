/** Peak resident memory of tlsforge itself during a cold build. */
import { ForgeError } from "../src/errors.ts";
import { figure, figuresText, type Figure } from "./support/figure.ts";
import { freshBuild, freshBuildOptions, type FreshBuild } from "./support/fresh-build.ts";
import { machineText, type Machine } from "./support/machine.ts";
import { runProgram, type Arguments } from "./support/program.ts";

interface Result {
  readonly prefix: string;
  /** False when `--only` stopped it: the peak of the whole may be higher. */
  readonly complete: boolean;
  readonly built: readonly string[];
  readonly resident: NonNullable<FreshBuild["resident"]>;
  readonly figures: readonly Figure[];
  readonly machine: Machine;
}

await runProgram({
  name: "memory",
  summary:
    "Peak resident memory (VmHWM) of the tlsforge process, not of its children, during a cold build. Linux only.",
  options: freshBuildOptions,
  run,
  text: (result: Result) =>
    [
      `Built      ${result.built.join(", ")}${result.complete ? "" : ": stopped early (--only), so the peak of a whole build may be higher"}`,
      `Memory     ${result.resident.peakMB} MB resident at the peak, from ${result.resident.samples} looks`,
      figuresText(result.figures) + machineText(result.machine),
    ].join("\n"),
});

async function run(given: Arguments, signal: AbortSignal): Promise<Result> {
  const { prefix, complete, receipts, resident, machine } = await freshBuild(given, signal);
  if (resident === null) {
    throw new ForgeError("incomplete", "this system does not tell the peak memory of a process", {
      hint: "measure on Linux, where /proc/PID/status has VmHWM",
    });
  }
  const measured = { value: resident.peakMB, atMost: 150, unit: "MB" };
  return {
    prefix,
    complete,
    built: receipts.map((receipt) => `${receipt.recipe} ${receipt.version}`),
    resident,
    figures: complete ? [figure("memory of tlsforge itself during a build", measured, false)] : [],
    machine,
  };
}
