import { readdirSync } from "node:fs";
import path from "node:path";
import { endOrphans } from "../store/index.ts";
import { endingsForMemory } from "./diagnosis/index.ts";
import { stepFailed } from "./failure.ts";
import { passGates } from "./gates.ts";
import { layOut } from "./layout.ts";
import { openLog } from "./log.ts";
import { keepFailure } from "./keep.ts";
import { runCommand, type Command, type CommandSink } from "./run.ts";
import { ownEnvironment } from "./environment.ts";
import { bindScope, wheelFolder } from "./scope.ts";
import { placeFiles, prepareStep, stepTitle } from "./steps.ts";
import type { BuildContext, BuildOutcome } from "./types.ts";

/**
 * Runs a build: sources unpacked into the scratch folder, then the steps, then the gates on what came out. The output folder is
 * `derivation.out`, which the steps install into directly because its path is part of what they make.
 * Throws ForgeError `build-failed`, `patch-failed`, `disk-full`, `gate-failed`, `interrupted`, `prefix-unusable`, those of unpacking, and
 * `recipe-invalid` for what only shows here; the log stays.
 */
export async function runBuild(context: BuildContext): Promise<BuildOutcome> {
  const { derivation, emit, signal } = context;
  const log = openLog(context.log);
  let last: Command | null = null;
  const sink: CommandSink = {
    log,
    signal,
    activity: (activity) => emit({ type: "build-activity", key: derivation.key, activity }),
    endLeftovers: () => endOrphans(derivation.out),
    started: (command) => {
      last = command;
    },
  };
  let cpuSeconds = 0;
  const endingsBefore = await endingsForMemory();
  try {
    log.write(`tlsforge: ${derivation.recipe.name} ${derivation.recipe.version}, key ${derivation.key}\n`);
    const scope = bindScope(context, () => readdirSync(path.join(context.scratch, wheelFolder)));
    await layOut(context);
    const { steps } = derivation.recipe;
    for (const [index, step] of steps.entries()) {
      const title = stepTitle(step);
      emit({ type: "build-step", key: derivation.key, step: title, index, count: steps.length });
      const prepared = prepareStep(step, scope);
      await placeFiles(prepared.files, scope.recipeFolder);
      for (const command of prepared.commands) {
        const result = await runCommand(command, sink);
        cpuSeconds += result.cpuSeconds;
        if (result.exitCode !== 0)
          throw await stepFailed({ context, title, index, kind: step.kind, command, result, sink, endingsBefore });
      }
    }
    const { expand, expandPattern } = scope;
    const gates = await passGates(context, { expand, expandPattern, sink });
    return { steps: steps.map(stepTitle), gates, cpuSeconds, environment: ownEnvironment(scope.environment, context) };
  } catch (error) {
    if (context.keepFailed && !signal.aborted) await keepFailure(context, { error, last });
    throw error;
  } finally {
    log.close();
  }
}
