/** What makes a failed build's folder one that can be looked into. */
import path from "node:path";
import { ForgeError, type ErrorCode } from "../errors.ts";
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
 * full disk) is not kept: the failure itself matters more. Gives the error to throw: it says where the folder is.
 */
export async function keepFailure(
  context: BuildContext,
  failure: { readonly error: unknown; readonly last: Command | null; readonly seen: readonly string[] },
): Promise<unknown> {
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
    const ways = `tlsforge shell ${recipe.name} goes there, tlsforge gc --failed removes it`;
    const kept = `the failed build is kept in ${scratch} (${ways})`;
    if (!(error instanceof ForgeError)) context.emit({ type: "notice", message: kept });
    return advised(error, kept, log);
  } catch (problem) {
    const why = problem instanceof ForgeError || problem instanceof Error ? problem.message : String(problem);
    context.emit({ type: "warning", message: `the failed build's folder is not kept: ${why}` });
    return error;
  }
}

/** Failures after which the build's own folder is worth a look. */
const lookedInto: ReadonlySet<string> = new Set<ErrorCode>(["build-failed", "patch-failed", "gate-failed"]);

/** A failure of a build whose folder goes: it says how to keep the next one's. */
export function withoutFolder(error: unknown, { derivation, log, checking }: BuildContext): unknown {
  if (!(error instanceof ForgeError) || !lookedInto.has(error.code) || checking === true) return error;
  const { name } = derivation.recipe;
  return advised(
    error,
    `with --keep-failed the folder of such a build stays, and tlsforge shell ${name} goes there`,
    log,
  );
}

/** What is no ForgeError stays as it is: a bug. The log's place stays the last of the hint. */
function advised(error: unknown, advice: string, log: string): unknown {
  if (!(error instanceof ForgeError)) return error;
  const { code, message, details, span, hint } = error;
  const place = `the whole log: ${log}`;
  const before = hint?.endsWith(place) === true ? hint.slice(0, -place.length) : hint === undefined ? "" : `${hint}; `;
  return new ForgeError(code, message, {
    details,
    ...(span === undefined ? {} : { span }),
    hint: `${before}${advice}; ${place}`,
    cause: error,
  });
}

/** Holds the environment, a proxy's password included, so it is for its owner alone. In the command's own folder with the umask of builds, whatever has become of the shell it is called from. */
function againText({ argv, directory, environment }: Command): string {
  const own = Object.entries(environment).map(([name, value]) => shellWord(`${name}=${value}`));
  return `#!/bin/sh\ncd ${shellWord(directory)} && umask 022 && exec env -i ${own.join(" ")} ${shellLine(argv)}\n`;
}
