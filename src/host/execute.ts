import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { ResourceKind } from "./resources/index.ts";
import type { Host, HostCommand } from "./types.ts";

/** Runs commands in order, each once more where its kind knows what may help. Throws `host-failed` with the command, its last words and the remedy. */
export async function execute(
  host: Host,
  commands: readonly HostCommand[],
  context: { readonly kind: ResourceKind; readonly why: string; readonly emit: Emit },
): Promise<void> {
  for (const command of commands) await executeOne(host, command, context);
}

async function executeOne(
  host: Host,
  command: HostCommand,
  context: { kind: ResourceKind; why: string; emit: Emit },
): Promise<void> {
  const first = await runCommand(host, command, context);
  if (first.exitCode === 0) return;
  const preparation = context.kind.beforeRetry?.(host, command.argv) ?? null;
  const last =
    preparation === null
      ? first
      : (await runCommand(host, preparation, context), await runCommand(host, command, context));
  if (last.exitCode === 0) return;
  throw new ForgeError(
    "host-failed",
    `"${command.argv.join(" ")}" failed with exit code ${last.exitCode} (${context.why})`,
    {
      hint: context.kind.remedy(command.argv),
      details: lastLines(last.stderr === "" ? last.stdout : last.stderr),
    },
  );
}

async function runCommand(
  host: Host,
  command: HostCommand,
  context: { why: string; emit: Emit },
): ReturnType<Host["exec"]> {
  const options = command.input === undefined ? {} : { input: command.input };
  if (command.elevated) return host.elevated(command.argv, context.why, options);
  context.emit({ type: "host-command", argv: command.argv, elevated: false, why: context.why });
  return host.exec(command.argv, options);
}

/** The last lines without control characters, which a program's words must not bring onto a terminal. */
function lastLines(text: string): readonly string[] {
  return text
    .trim()
    .split("\n")
    .slice(-10)
    .map((line) => line.replaceAll(/\p{Cc}+/gu, " ").trimEnd())
    .filter((line) => line !== "");
}
