import { stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { Gate } from "../../recipe/index.ts";
import type { CompilerFacts } from "./compiler.ts";
import { checkContents } from "./contents.ts";
import { processMark } from "../environment.ts";
import { checkExports } from "./exports.ts";
import { checkHardening } from "./hardening.ts";
import { checkLeaks } from "./leaks.ts";
import { checkLinkage } from "./linkage.ts";
import { describeExit, runCommand, type CommandSink } from "../run.ts";
import type { BuildContext, GateResult } from "../types.ts";

/** How a gate's variables are replaced and where its output goes. */
interface GateTools {
  readonly expand: (text: string) => string;
  /** The same for a regular expression: values stand for themselves. */
  readonly expandPattern: (text: string) => string;
  readonly sink: CommandSink;
  /** Null where no step has asked what the compiler can do. */
  readonly compiler: CompilerFacts | null;
}

/**
 * Checks what came out: the output's contents, then the recipe's gates in order, and the contents again where one of these has run programs.
 * Gives a line for each; the first that does not hold is a ForgeError `gate-failed`.
 */
export async function passGates(
  context: BuildContext,
  tools: GateTools,
): Promise<{ readonly name: string; readonly detail: string }[]> {
  const { derivation, emit } = context;
  const { name: recipe, version, gates } = derivation.recipe;
  const passed: { name: string; detail: string }[] = [];
  const take = (name: string, result: GateResult): void => {
    emit({ type: "gate", key: derivation.key, gate: name, outcome: result.outcome, detail: result.detail });
    if (result.outcome === "fail") {
      const text = [`\n[gate "${name}": ${result.detail}]`, ...result.findings.map((finding) => `  ${finding}`)];
      tools.sink.log.write(`${text.join("\n")}\n`);
      throw new ForgeError("gate-failed", `${recipe} ${version}: gate "${name}": ${result.detail}`, {
        details: result.findings,
        hint: `${result.hint}; the whole log: ${context.log}`,
      });
    }
    const untestable = (result.untestable ?? []).map((what) => `untestable: ${what}`);
    for (const detail of result.untestable ?? [])
      emit({ type: "gate", key: derivation.key, gate: name, outcome: "untestable", detail });
    passed.push({ name, detail: [result.detail, ...untestable].join("; ") });
  };
  take("contents", checkContents(surroundings(context)));
  for (const gate of gates) take(gate.name, await checkGate(gate, context, tools));
  // Programs of gates may write to the output too.
  const after = gates.some(({ kind }) => kind === "run") ? checkContents(surroundings(context)) : null;
  if (after?.outcome === "fail") take("contents", after);
  return passed;
}

/** Checks one gate. Programs run in an empty environment, as a stranger's shell would run them, but for the mark by which leftovers are known. */
async function checkGate(gate: Gate, context: BuildContext, tools: GateTools): Promise<GateResult> {
  const { out } = context.derivation;
  switch (gate.kind) {
    case "exists":
      return checkExists(gate.files.map(tools.expand), out);
    case "run": {
      const argv = gate.argv.map(tools.expand);
      const environment = processMark(context);
      const result = await runCommand({ argv, directory: context.scratch, environment, separate: true }, tools.sink);
      const pattern = new RegExp(tools.expandPattern(gate.expect), "m");
      if (result.exitCode === 0 && pattern.test(result.stdout))
        return { outcome: "pass", detail: result.stdout.trimEnd().split("\n").slice(0, 3).join("; ").slice(0, 200) };
      return {
        outcome: "fail",
        detail: result.exitCode === 0 ? `its output does not match ${pattern}` : describeExit(result.exitCode),
        findings: [`$ ${argv.join(" ")}`, ...result.tail.slice(-12)],
        hint: "run the command by hand with `env -i` to see what it lacks",
      };
    }
    case "linkage":
      return checkLinkage({ ...surroundings(context), system: gate.system.map(tools.expand) });
    case "hardening":
      if (tools.compiler === null) throw noRecord(context);
      return checkHardening({ out, except: gate.except, compiler: tools.compiler });
    case "exports":
      return checkExports({ out, libraries: gate.libraries });
    case "leaks":
      return checkLeaks({ out, scratch: context.scratch, except: gate.except, signal: context.signal });
  }
}

function noRecord({ derivation: { recipe } }: BuildContext): ForgeError {
  return new ForgeError("recipe-invalid", `${recipe.name}: nothing records how its objects are compiled`, {
    hint: 'add the step "record: objects" before those that compile, and see that the machine has a compiler',
  });
}

/** A link counts when what it leads to is there. */
async function checkExists(files: readonly string[], out: string): Promise<GateResult> {
  const missing: string[] = [];
  for (const file of files) {
    if ((await stat(path.resolve(out, file)).catch(absent)) === null) missing.push(file);
  }
  if (missing.length === 0)
    return { outcome: "pass", detail: files.length === 1 ? "1 file is there" : `${files.length} files are there` };
  return {
    outcome: "fail",
    detail: `${missing.length} of ${files.length} files are missing`,
    findings: missing,
    hint: "see in the log why they were not built",
  };
}

function surroundings({ derivation }: BuildContext): { readonly out: string; readonly inputs: readonly string[] } {
  return { out: derivation.out, inputs: derivation.inputs.map((input) => input.out) };
}

function absent(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return null;
  throw error;
}
