import { copyFile, cp, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { readdirSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import { unpack } from "../fetch/index.ts";
import { diagnose } from "./diagnose.ts";
import { checkGate } from "./gates.ts";
import { closeLog, openLog, runCommand, type CommandSink } from "./run.ts";
import { bindScope, distFolder, type Scope } from "./scope.ts";
import { placeFiles, prepareStep, stepTitle } from "./steps.ts";
import type { BuildContext, BuildOutcome } from "./types.ts";

/**
 * Runs a build: sources unpacked into the scratch folder, then the steps, then the gates on what came out. The output folder is
 * `derivation.out`, which the steps install into directly because its path is part of what they make.
 * Throws ForgeError `build-failed`, `patch-failed`, `disk-full`, `gate-failed` or `interrupted`; the log stays.
 */
export async function runBuild(context: BuildContext): Promise<BuildOutcome> {
  const { derivation, emit } = context;
  const log = openLog(context.log);
  const sink: CommandSink = {
    log,
    signal: context.signal,
    activity: (activity) => emit({ type: "build-activity", key: derivation.key, activity }),
  };
  const wheels = path.join(context.scratch, "wheels");
  let cpuSeconds = 0;
  try {
    log.write(`tlsforge: ${derivation.recipe.name} ${derivation.recipe.version}, key ${derivation.key}\n`);
    const scope = bindScope(context, () => readdirSync(wheels));
    await layOut(context, wheels);
    const steps = derivation.recipe.steps;
    for (const [index, step] of steps.entries()) {
      const title = stepTitle(step);
      emit({ type: "build-step", key: derivation.key, step: title, index, count: steps.length });
      const prepared = prepareStep(step, scope);
      await placeFiles(prepared.files, scope.recipeFolder);
      for (const command of prepared.commands) {
        const result = await runCommand(command, sink);
        cpuSeconds += result.cpuSeconds;
        if (result.exitCode !== 0)
          throw stepFailed(context, { title, index, count: steps.length, kind: step.kind }, result);
      }
    }
    const gates = await passGates(context, scope, sink);
    return { steps: steps.map(stepTitle), gates, cpuSeconds };
  } finally {
    await closeLog(log);
  }
}

/** The scratch folder: `source` (main source), a folder per further unpacked source, `dist` (files as they are), `bin`, `home`, `tmp`, `wheels`. */
async function layOut(context: BuildContext, wheels: string): Promise<void> {
  const dist = path.join(context.scratch, distFolder);
  for (const folder of [
    dist,
    wheels,
    path.join(context.scratch, "bin"),
    path.join(context.scratch, "home"),
    path.join(context.scratch, "tmp"),
  ])
    await mkdir(folder, { recursive: true });
  for (const fetched of context.sources) {
    const { source } = fetched;
    if (source.unpack === "none") {
      await symlink(fetched.path, path.join(dist, source.file)).catch(() =>
        copyFile(fetched.path, path.join(dist, source.file)),
      );
    } else {
      const folder = source.unpack === "main" ? "source" : source.unpack.folder;
      const into = path.join(context.scratch, folder);
      if ((await stat(fetched.path)).isDirectory())
        await cp(fetched.path, into, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      else await unpack(fetched.path, into, { strip: 1, name: source.file });
    }
  }
}

async function passGates(
  context: BuildContext,
  scope: Scope,
  sink: CommandSink,
): Promise<{ name: string; detail: string }[]> {
  const { derivation, emit } = context;
  const passed: { name: string; detail: string }[] = [];
  for (const gate of derivation.recipe.gates) {
    const result = await checkGate(gate, context, { expand: scope.expand, expandPattern: scope.expandPattern, sink });
    emit({ type: "gate", key: derivation.key, gate: gate.name, outcome: result.outcome, detail: result.detail });
    if (result.outcome === "fail") {
      throw new ForgeError(
        "gate-failed",
        `${derivation.recipe.name} ${derivation.recipe.version}: gate "${gate.name}": ${result.detail}`,
        {
          details: result.findings,
          hint: `${result.hint}; the whole log: ${context.log}`,
        },
      );
    }
    passed.push({ name: gate.name, detail: result.detail });
  }
  const made = await readdir(derivation.out);
  if (made.length === 0)
    throw new ForgeError("gate-failed", `${derivation.recipe.name}: the build left nothing in ${derivation.out}`);
  return passed;
}

function stepFailed(
  context: BuildContext,
  step: { readonly title: string; readonly index: number; readonly count: number; readonly kind: string },
  result: { readonly exitCode: number | null; readonly tail: readonly string[] },
): ForgeError {
  const found = diagnose(result.tail);
  const { recipe } = context.derivation;
  const how = result.exitCode === null ? "was ended by a signal" : `failed with exit ${result.exitCode}`;
  const short = step.title.length > 80 ? `${step.title.slice(0, 77)}...` : step.title;
  const code = found?.code ?? (step.kind === "patch" ? "patch-failed" : "build-failed");
  return new ForgeError(
    code,
    `${recipe.name} ${recipe.version}: step ${step.index + 1} of ${step.count} (${short}) ${how}${found === null ? "" : `: ${found.summary}`}`,
    {
      details: result.tail.slice(-20),
      hint: `${found === null ? "" : `${found.hint}; `}the whole log: ${context.log}`,
    },
  );
}
