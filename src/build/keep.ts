/** What makes a failed build's folder one that can be looked into. */
import path from "node:path";
import { ForgeError } from "../errors.ts";
import { writeFailed } from "../store/index.ts";
import { closedEnvironment } from "./environment.ts";
import { shellLine, shellWord } from "../words.ts";
import { writeOwnFile } from "./own-files.ts";
import type { Command } from "./run.ts";
import type { BuildContext } from "./types.ts";

/** The program in the build's own `bin`, first on its PATH, that runs the failing command again. */
export const againProgram = "tlsforge-again";

/**
 * Writes down what failed where, so that the folder stays and `tlsforge shell` can go there. A folder in which that cannot be written (a
 * full disk) is not kept: the failure itself matters more.
 */
export async function keepFailure(
  context: BuildContext,
  failure: { readonly error: unknown; readonly last: Command | null; readonly seen: readonly string[] },
): Promise<void> {
  const { derivation, scratch, log } = context;
  const { error, last, seen } = failure;
  const { recipe, key, out } = derivation;
  try {
    if (last !== null) {
      const program = path.join(scratch, "bin", againProgram);
      await writeOwnFile(program, againText(last), { own: { out, scratch }, mode: 0o700 });
    }
    await writeFailed(scratch, {
      schema: "tlsforge.failed/1",
      recipe: recipe.name,
      version: recipe.version,
      key,
      out,
      log,
      reason: error instanceof Error ? error.message : String(error),
      argv: last?.argv ?? null,
      directory: last?.directory ?? scratch,
      environment: last?.environment ?? closedEnvironment(context),
      seen,
      network: last?.network === true && context.offline !== true,
      failed: new Date().toISOString(),
    });
    context.emit({
      type: "notice",
      message: `the failed build is kept in ${scratch}`,
      hint: `tlsforge shell ${recipe.name} goes there; tlsforge gc --failed removes it`,
    });
  } catch (problem) {
    const why = problem instanceof ForgeError || problem instanceof Error ? problem.message : String(problem);
    context.emit({ type: "warning", message: `the failed build's folder is not kept: ${why}` });
  }
}

/** Holds the environment, a proxy's password included, so it is for its owner alone. In the command's own folder with the umask of builds, whatever has become of the shell it is called from. */
function againText({ argv, directory, environment }: Command): string {
  const own = Object.entries(environment).map(([name, value]) => shellWord(`${name}=${value}`));
  return `#!/bin/sh\ncd ${shellWord(directory)} && umask 022 && exec env -i ${own.join(" ")} ${shellLine(argv)}\n`;
}
