import { chmod, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import type { FileSpec, Step } from "../recipe/index.ts";
import { makeOwnFolder, writeOwnFile, type OwnFolders } from "./own-files.ts";
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
    case "record":
      return `record ${step.record}`;
  }
}

/** The steps that have the network, as they read; none with `--offline`. */
export function onlineSteps(steps: readonly Step[], offline: boolean | undefined): readonly string[] {
  return offline === true ? [] : steps.filter((step) => "network" in step).map(stepTitle);
}

/** Replaces variables and turns a step into files and programs. */
export function prepareStep(step: Step, scope: Scope): PreparedStep {
  const { expand } = scope;
  const directory =
    step.directory === undefined ? scope.directory : path.resolve(scope.directory, expand(step.directory));
  const environment = { ...scope.environment, ...expandValues(step.environment ?? {}, expand), ...scope.mark };
  const network = "network" in step ? { network: true } : {};
  const run = (argv: readonly string[]): Command => ({ argv, directory, environment, ...network });
  const only = (...commands: readonly Command[]): PreparedStep => ({ title: stepTitle(step), files: [], commands });
  switch (step.kind) {
    case "patch": {
      const file = path.join(scope.recipeFolder, step.file);
      return only(run(["patch", `-p${step.strip}`, "--fuzz=0", "--forward", "--batch", "-i", file]));
    }
    case "configure":
    case "run":
      return only(run(step.argv.map(expand)));
    case "make":
      return only(run(makeArgv(step, step.parallel ? "${jobs}" : "1").map(expand)));
    case "install":
      return only(run(makeArgv(step, "1").map(expand)));
    case "files":
      return { ...only(), files: step.files.map((file) => expandFile(file, { expand, directory })) };
    case "python-env":
      return only(...pythonEnvironmentCommands(step, scope).map(run));
    case "record":
      return { ...only(), files: scope.recordFiles };
  }
}

/**
 * Puts files and folders in place: from the recipe's folder, links followed, without caches of compiled Python; or from text. What is
 * executable stays so; other rights are those of the recipe or the usual ones, not those that this checkout happens to have. All of it goes
 * into the build's own folders: steps are sealed, and this is not. Throws as `makeOwnFolder`.
 */
export async function placeFiles(files: readonly FileSpec[], recipeFolder: string, own: OwnFolders): Promise<void> {
  for (const { to, from, content, mode: digits } of files) {
    const mode = digits === undefined ? {} : { mode: Number.parseInt(digits, 8) };
    if (from === undefined) await writeOwnFile(to, content ?? "", { own, mode: 0o644, ...mode });
    else await copy(path.join(recipeFolder, from), to, { own, ...mode });
  }
}

async function copy(
  from: string,
  to: string,
  { own, mode }: { readonly own: OwnFolders; readonly mode?: number },
): Promise<void> {
  const facts = await stat(from).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new ForgeError("recipe-invalid", `the recipe copies ${from}, which is not there`, {
      hint: "put it into the recipe's folder, or take it out of the step",
      cause: error,
    });
  });
  if (!facts.isDirectory()) {
    const usual = (facts.mode & 0o111) === 0 ? 0o644 : 0o755;
    return writeOwnFile(to, await readFile(from), { own, mode: mode ?? usual });
  }
  const folder = await makeOwnFolder(to, own);
  for (const name of await readdir(from))
    if (name !== "__pycache__") await copy(path.join(from, name), path.join(to, name), { own });
  if (mode !== undefined) await chmod(folder, mode);
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

function expandFile(
  file: FileSpec,
  { expand, directory }: { readonly expand: Scope["expand"]; readonly directory: string },
): FileSpec {
  return {
    ...file,
    to: path.resolve(directory, expand(file.to)),
    ...(file.content === undefined ? {} : { content: expand(file.content) }),
  };
}

function expandValues(
  values: Readonly<Record<string, string>>,
  expand: (text: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, expand(value)]));
}
