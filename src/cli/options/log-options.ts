/** Options of `log`. */
import type { Command } from "commander";
import { ForgeError } from "../../errors.ts";
import type { LogRequest } from "../commands/log.ts";

export const logDescription =
  "the full log of a build: a recipe's name, the beginning of a key or a log's name; the newest of all unless named";

/** Adds them to the command. */
export function withLogOptions(command: Command): Command {
  return command
    .option("--last", "the last run's, failed or not (the default)")
    .option("--previous", "the one before that")
    .option("-f, --follow", "go on with what a running build writes, until it ends");
}

/** What a command line asks for. Throws `usage`. */
export function logRequest(args: readonly string[], options: Record<string, unknown>): LogRequest {
  const previous = options["previous"] === true;
  const follow = options["follow"] === true;
  if (previous && (options["last"] === true || follow))
    throw new ForgeError("usage", `--previous and ${follow ? "--follow" : "--last"} ask for different logs`, {
      hint: "give one of them",
    });
  if (follow && options["json"] === true)
    throw new ForgeError("usage", "a log that is followed is no record", { hint: "leave --json or --follow out" });
  return { name: args[0], previous, follow };
}
