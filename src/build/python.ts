import { ForgeError } from "../errors.ts";
import type { Step } from "../recipe/index.ts";
import type { Scope } from "./scope.ts";

type PythonEnvironmentStep = Extract<Step, { kind: "python-env" }>;

/**
 * The programs that make a virtual environment and fill it: `venv` without pip, then the locked pip wheel run as a program, which installs
 * exactly the files of the lock (or the wheels that earlier steps built from those that were unpacked). pip is given files, never names, so
 * there is nothing for it to resolve or to download.
 */
export function pythonEnvironmentCommands(step: PythonEnvironmentStep, scope: Scope): string[][] {
  const packages = scope.packages.filter((entry) =>
    step.only === undefined ? entry.role === step.role : step.only.includes(entry.project),
  );
  const missing = (step.only ?? []).filter((project) => !packages.some((entry) => entry.project === project));
  if (missing.length > 0) {
    throw new ForgeError(
      "recipe-invalid",
      `${scope.recipe}: python-env asks for ${missing.join(", ")}, which the lock file does not have`,
      {
        hint: "add them to the lock file, or take them out of `only`",
      },
    );
  }
  const pip = scope.packages.find((entry) => entry.project === "pip");
  if (pip === undefined) {
    throw new ForgeError("recipe-invalid", `${scope.recipe}: the lock file has no pip, so nothing can be installed`, {
      hint: "add pip to the lock file",
    });
  }
  const files = packages.map((entry) => scope.packageFile(entry.project));
  const [python, folder] = [scope.expand(step.python), scope.expand(step.path)];
  return [
    [python, "-m", "venv", "--without-pip", folder],
    [
      `${folder}/bin/python`,
      `${scope.packageFile("pip")}/pip`,
      "install",
      "--no-deps",
      "--no-index",
      "--no-cache-dir",
      "--no-warn-script-location",
      // What only builds is used once: compiling all of it costs more than compiling what is loaded.
      ...(step.role === "build" ? ["--no-compile"] : []),
      ...files,
    ],
  ];
}
