import { cp, mkdir, writeFile, chmod, access } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import type { FileSpec, Step } from "../recipe/index.ts";
import { pythonEnvironmentCommands } from "./python.ts";
import type { Command } from "./run.ts";
import type { Scope } from "./scope.ts";

/** A step made ready: files to put, then programs to run in order. Variables are replaced. */
export interface PreparedStep {
  readonly title: string;
  readonly files: readonly FileSpec[];
  readonly commands: readonly Command[];
}

/** How a step reads in plans, receipts and logs. */
export function stepTitle(step: Step): string {
  switch (step.kind) {
    case "patch":
      return `patch ${step.file}`;
    case "configure":
      return `configure ${step.argv.join(" ")}`;
    case "make":
      return `make ${step.targets.join(" ")}`.trimEnd();
    case "install":
      return `make ${step.targets.join(" ")}`;
    case "run":
      return `run ${step.argv.join(" ")}`;
    case "python-env":
      return `python-env ${step.path} (${step.role})`;
    case "files":
      return `files ${step.files.map((file) => file.to).join(" ")}`;
  }
}

/** Replaces variables and turns a step into files and programs. */
export function prepareStep(step: Step, scope: Scope): PreparedStep {
  const expand = scope.expand;
  const directory =
    step.directory === undefined ? scope.directory : path.resolve(scope.directory, expand(step.directory));
  const environment = { ...scope.environment, ...expandValues(step.environment ?? {}, expand) };
  const command = (argv: readonly string[]): Command => ({ argv: argv.map(expand), directory, environment });
  const title = stepTitle(step);
  switch (step.kind) {
    case "patch": {
      const file = path.join(scope.recipeFolder, step.file);
      return {
        title,
        files: [],
        commands: [command(["patch", `-p${step.strip}`, "--fuzz=0", "--forward", "--batch", "-i", file])],
      };
    }
    case "configure":
    case "run":
      return { title, files: [], commands: [command(step.argv)] };
    case "make":
      return { title, files: [], commands: [command(makeArgv(step, step.parallel ? "${jobs}" : "1"))] };
    case "install":
      return { title, files: [], commands: [command(makeArgv(step, "1"))] };
    case "files":
      return { title, files: step.files.map((file) => expandFile(file, expand)), commands: [] };
    case "python-env":
      return { title, files: [], commands: pythonEnvironmentCommands(step, scope).map(command) };
  }
}

/** Puts files and folders in place. */
export async function placeFiles(files: readonly FileSpec[], recipeFolder: string): Promise<void> {
  for (const file of files) {
    await mkdir(path.dirname(file.to), { recursive: true });
    if (file.from !== undefined) {
      const from = path.join(recipeFolder, file.from);
      await access(from).catch((error: unknown) => {
        throw new ForgeError("recipe-invalid", `the recipe copies ${file.from}, which is not in ${recipeFolder}`, {
          cause: error,
        });
      });
      await cp(from, file.to, { recursive: true, filter: (source) => !source.includes("__pycache__") });
    } else {
      await writeFile(file.to, file.content ?? "");
    }
    if (file.mode !== undefined) await chmod(file.to, Number.parseInt(file.mode, 8));
  }
}

function makeArgv(
  step: { readonly targets: readonly string[]; readonly variables: Readonly<Record<string, string>> },
  jobs: string,
): string[] {
  return [
    "make",
    `-j${jobs}`,
    ...Object.entries(step.variables).map(([name, value]) => `${name}=${value}`),
    ...step.targets,
  ];
}

function expandFile(file: FileSpec, expand: (text: string) => string): FileSpec {
  return {
    to: expand(file.to),
    ...(file.from === undefined ? {} : { from: file.from }),
    ...(file.content === undefined ? {} : { content: expand(file.content) }),
    ...(file.mode === undefined ? {} : { mode: file.mode }),
  };
}

function expandValues(
  values: Readonly<Record<string, string>>,
  expand: (text: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, expand(value)]));
}
