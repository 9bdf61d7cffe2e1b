import { readdirSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import { endOrphans } from "../store/index.ts";
import { askCompiler, asksCompiler } from "./gates/compiler.ts";
import { endingsForMemory } from "./diagnosis/index.ts";
import { located, stepFailed, type Place } from "./failure.ts";
import { passGates } from "./gates/gates.ts";
import { layOut } from "./layout.ts";
import { openLog } from "./log.ts";
import { keepFailure, withoutFolder } from "./keep.ts";
import { leftBehindText } from "./left-behind.ts";
import { interrupted, runCommand, type Command, type CommandSink } from "./run.ts";
import { ownEnvironment } from "./environment.ts";
import { bindScope, wheelFolder } from "./scope.ts";
import { sealBuild } from "./seal/sealed.ts";
import { onlineSteps, placeFiles, prepareStep, stepTitle } from "./steps.ts";
import type { BuildContext, BuildOutcome } from "./types.ts";

/**
 * Runs a build: sources unpacked into the scratch folder, then the steps, then the gates on what came out. The output folder is
 * `derivation.out`, which the steps install into directly because its path is part of what they make.
 * Programs run sealed, as far as `context.seal` goes. Throws ForgeError `build-failed`, `patch-failed`, `disk-full`, `gate-failed`, `interrupted`, `prefix-unusable`, those of unpacking, and
 * `recipe-invalid` for what only shows here; the log stays.
 */
export async function runBuild(context: BuildContext): Promise<BuildOutcome> {
  const { derivation, emit, signal } = context;
  const log = openLog(context.log);
  let last: Command | null = null;
  let seen: readonly string[] = [];
  let cpuSeconds = 0;
  const leftBehind: string[] = [];
  const endingsBefore = await endingsForMemory();
  const failedAt = (error: unknown, place: Place): unknown => {
    const told = located(error, context, place);
    if (told instanceof ForgeError) log.write(`\n${told.message}\n`);
    return told;
  };
  try {
    log.write(`tlsforge: ${derivation.recipe.name} ${derivation.recipe.version}, key ${derivation.key}\n`);
    const compiler = asksCompiler(derivation.recipe) ? await askCompiler(context) : null;
    const scope = bindScope(context, () => readdirSync(path.join(context.scratch, wheelFolder)), compiler);
    await layOut(context).catch((error: unknown) => {
      throw failedAt(error, "unpacking its sources");
    });
    const seal = await sealBuild(context);
    seen = seal.seen;
    log.write(`${seal.text}\n`);
    const sink: CommandSink = {
      log,
      signal,
      activity: (activity) => emit({ type: "build-activity", key: derivation.key, activity }),
      wrap: seal.wrap,
      endLeftovers: () => endOrphans(derivation.out, derivation.prefix),
      started: (command) => {
        last = command;
      },
      leftBehind: (programs) => {
        const text = leftBehindText(last?.argv ?? [], programs);
        leftBehind.push(text);
        emit({ type: "warning", message: `${derivation.recipe.name} ${derivation.recipe.version}: ${text}` });
      },
    };
    const { steps } = derivation.recipe;
    for (const [index, step] of steps.entries()) {
      if (signal.aborted) throw interrupted();
      const title = stepTitle(step);
      emit({ type: "build-step", key: derivation.key, step: title, index, count: steps.length });
      const prepared = prepareStep(step, scope);
      const own = { out: derivation.out, scratch: context.scratch };
      await placeFiles(prepared.files, scope.recipeFolder, own).catch((error: unknown) => {
        throw failedAt(error, { index, title });
      });
      for (const command of prepared.commands.map((each) => withoutNetwork(each, context))) {
        const result = await runCommand(command, sink);
        cpuSeconds += result.cpuSeconds;
        if (result.exitCode !== 0)
          throw await stepFailed({
            context,
            title,
            index,
            kind: step.kind,
            command,
            result,
            sink,
            seal,
            endingsBefore,
          });
      }
    }
    const { expand, expandPattern } = scope;
    const gates = context.checking === true ? [] : await passGates(context, { expand, expandPattern, sink, compiler });
    const { grade, text } = seal;
    return {
      steps: steps.map(stepTitle),
      gates,
      cpuSeconds,
      seal: {
        grade,
        text,
        network: onlineSteps(steps, context.offline),
        ...(leftBehind.length === 0 ? {} : { leftBehind }),
      },
      environment: ownEnvironment(scope.environment, context),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    throw context.keepFailed ? await keepFailure(context, { error, last, seen }) : withoutFolder(error, context);
  } finally {
    log.close();
  }
}

/** With `--offline` cargo is told, so that it says what it lacks instead of trying for it. */
function withoutNetwork(command: Command, { offline }: BuildContext): Command {
  if (offline !== true || command.network !== true) return command;
  return { ...command, environment: { ...command.environment, CARGO_NET_OFFLINE: "true" } };
}
