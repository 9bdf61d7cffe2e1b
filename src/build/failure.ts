import { ForgeError } from "../errors.ts";
import { configureFailure } from "./config-log.ts";
import { diagnose, endingsForMemory, type Diagnosis, type Lack } from "./diagnosis/index.ts";
import type { Refusal } from "./seal/refusal.ts";
import { describeExit, type Command, type CommandResult, type CommandSink } from "./run.ts";
import type { Sealed } from "./seal/sealed.ts";
import type { BuildContext } from "./types.ts";

/** A step whose command did not end well. */
export interface FailedStep {
  readonly context: BuildContext;
  readonly title: string;
  readonly index: number;
  readonly kind: string;
  readonly command: Command;
  readonly result: CommandResult;
  readonly sink: CommandSink;
  readonly seal: Sealed;
  /** What `endingsForMemory` told before the build. */
  readonly endingsBefore: number | null;
}

/** Where in a build tlsforge itself was at work. */
export type Place = { readonly index: number; readonly title: string } | "unpacking its sources";

/** What went wrong in tlsforge's own work for a build, with where in it and the log; what is no ForgeError stays a bug. */
export function located(error: unknown, context: BuildContext, place: Place): unknown {
  if (!(error instanceof ForgeError) || error.code === "interrupted") return error;
  const { message, hint, span, details } = error;
  const log = `the whole log: ${context.log}`;
  return new ForgeError(error.code, `${placeText(context, place)} failed: ${message}`, {
    details,
    ...(span === undefined ? {} : { span }),
    hint: hint === undefined ? log : `${hint}; ${log}`,
    cause: error,
  });
}

function placeText({ derivation: { recipe } }: BuildContext, place: Place): string {
  const name = `${recipe.name} ${recipe.version}`;
  if (typeof place === "string") return `${name}: ${place}`;
  const line = place.title.replaceAll(/\s+/g, " ");
  const short = line.length > 80 ? `${line.slice(0, 77)}...` : line;
  return `${name}: step ${place.index + 1} of ${recipe.steps.length} (${short})`;
}

/** What went wrong in a step: its title, what the output means, what to do, and where the log is. */
export async function stepFailed(failure: FailedStep): Promise<ForgeError> {
  const { context, title, index, kind, command, result, sink } = failure;
  const { out } = context.derivation;
  const folders = { out, scratch: context.scratch };
  const own = kind === "configure" ? await configureFailure(command.directory, folders) : null;
  if (own !== null) sink.log.write(`\n[the end of its config.log]\n${own.lines.join("\n")}\n`);
  const circumstances = { exitCode: result.exitCode, endedForMemory: await endingsSince(failure.endingsBefore) };
  // The check that failed says more than the sentence that configure makes of it.
  const found =
    diagnose(own?.lastCheck.slice(0, -1) ?? []) ??
    refused(failure.seal.refusal(result.tail, command)) ??
    diagnose(result.tail, circumstances);
  return new ForgeError(
    found?.code ?? (kind === "patch" ? "patch-failed" : "build-failed"),
    `${placeText(context, { index, title })} failed: ${found?.summary ?? describeExit(result.exitCode)}`,
    {
      details: evidence(found, result.tail.slice(-20)),
      hint: [
        ...(found === null ? [] : [remedy(found, context.packageAdvice)]),
        ...(own === null ? [] : ["the end of its config.log is in the build's log"]),
        `the whole log: ${context.log}`,
      ].join("; "),
    },
  );
}

function refused(refusal: Refusal | null): Diagnosis | null {
  return refusal === null ? null : { rule: "sealed", line: "", ...refusal };
}

async function endingsSince(before: number | null): Promise<number | null> {
  const now = await endingsForMemory();
  return before === null || now === null ? null : Math.max(0, now - before);
}

/** The last lines, and the one that tells the cause where it stands before them. */
function evidence(found: Diagnosis | null, tail: readonly string[]): readonly string[] {
  if (found === null || found.line === "" || tail.some((line) => line.trim() === found.line)) return tail;
  return [found.line, "[…]", ...tail];
}

/** What this machine's packages have goes before what holds for every machine. */
function remedy({ lacks, hint, aside }: Diagnosis, advice: ((lacks: Lack) => string | null) | undefined): string {
  const known = lacks === undefined ? null : (advice?.(lacks) ?? null);
  return known === null || aside === undefined ? (known ?? hint) : `${known}; ${aside}`;
}
