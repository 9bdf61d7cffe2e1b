/** Options of the commands that build: where sources come from, and which grade is wanted. */
import path from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { ForgeError } from "../errors.ts";
import type { Context } from "./context.ts";
import { collect, minGrade, optional, text } from "./option-values.ts";
import type { BuildRequest } from "./pipeline.ts";

/** Adds them to a command. */
export function withSources(command: Command): Command {
  return command
    .option("--source <name=path>", "your own file or folder for a source, marked unverified (repeatable)", collect, [])
    .option("--mirror <url>", "content-addressed mirror, tried first", mirrorAddress)
    .option("--offline", "use only what is in the caches")
    .addOption(minGrade());
}

/** Where sources of a bundle may come from: never the user's own, which nobody could tell from the recipe's. */
export function withLocations(command: Command): Command {
  return command
    .option("--mirror <url>", "content-addressed mirror, tried first", mirrorAddress)
    .option("--offline", "use only what is in the caches");
}

/** What a command line asks for. Throws `usage`. */
export function buildRequest(
  args: readonly string[],
  options: Record<string, unknown>,
  context: Context,
): BuildRequest {
  const mirror = text(options["mirror"]);
  return {
    stack: args[0] ?? null,
    minGrade: text(options["minGrade"]) ?? null,
    sources: {
      sources: parseSources((options["source"] ?? []) as string[], context.cwd),
      offline: options["offline"] === true,
      ...optional("mirror", mirror),
    },
  };
}

function parseSources(given: readonly string[], cwd: string): Record<string, string> {
  const names = given.map((entry) => entry.split("=", 1)[0]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ForgeError("usage", `--source is given twice for ${twice}`, {
      hint: "give one file or folder for each source",
    });
  return Object.fromEntries(
    given.map((entry) => {
      const split = entry.indexOf("=");
      if (split < 1 || split === entry.length - 1)
        throw new ForgeError("usage", `--source ${entry} is not NAME=PATH`, {
          hint: "name a source of the stack and your own file or folder",
        });
      return [entry.slice(0, split), path.resolve(cwd, entry.slice(split + 1))];
    }),
  );
}

function mirrorAddress(value: string): string {
  const url = URL.parse(value);
  const local = url?.protocol === "file:" && url.hostname === "";
  if (url === null || !(local || url.protocol === "http:" || url.protocol === "https:"))
    throw new InvalidArgumentError("It must be an address with http:, https: or file:.");
  // A digest is put behind it.
  if (/[?#\s]/.test(value))
    throw new InvalidArgumentError("It must end with a folder: no question mark, no number sign.");
  return value;
}
