/** The options that every command takes. */
import path from "node:path";
import { Command, Option } from "commander";
import type { GlobalOptions } from "../context.ts";
import { count, notEmpty } from "./option-values.ts";

/** Global options as they were written. */
export interface RawOptions {
  readonly prefix?: string;
  readonly config?: string;
  readonly recipes?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly jobs?: number;
  readonly wait?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly iKnowThisIsVulnerable?: boolean;
  readonly progress?: "auto" | "plain" | "json";
}

/** Options of a Context from what was written, with their defaults. */
export function globalOptions(
  raw: RawOptions,
  world: {
    readonly cwd: string;
    readonly prefix: string;
    readonly config: string | null;
    readonly cores: number;
    readonly colour: boolean;
  },
): GlobalOptions {
  return {
    prefix: raw.prefix === undefined ? world.prefix : path.resolve(world.cwd, raw.prefix),
    config: raw.config === undefined ? world.config : path.resolve(world.cwd, raw.config),
    json: raw.json ?? false,
    yes: raw.yes ?? false,
    jobs: raw.jobs ?? world.cores,
    wait: raw.wait ?? true,
    quiet: raw.quiet ?? false,
    verbose: raw.verbose ?? false,
    colour: world.colour,
    exposed: raw.iKnowThisIsVulnerable ?? false,
  };
}

/** The options themselves, for who looks for them in a command line. */
export function globalsOf(): readonly Option[] {
  return withGlobals(new Command()).options;
}

/** Adds them to a command. */
export function withGlobals(command: Command): Command {
  return command
    .option(
      "--prefix <dir>",
      "root of everything (TLSFORGE_PREFIX; default: /opt/tlsforge for root, else ~/.local/share/tlsforge)",
      notEmpty,
    )
    .option(
      "--config <file>",
      "site file (default: tlsforge.yaml here, else the one that the prefix was last made or launched with)",
      notEmpty,
    )
    .option("--recipes <dir>", "folder of recipes and stacks (TLSFORGE_RECIPES; default: those that ship)", notEmpty)
    .option("--json", "one JSON document on standard output")
    .option("-y, --yes", "go on without asking")
    .option("--jobs <n>", "parallel jobs (default: all cores)", count)
    .option("--no-wait", "fail instead of waiting for another run on the same prefix")
    .option("-q, --quiet", "only what is loud")
    .option("-v, --verbose", "also steps, gates and commands")
    .option("--i-know-this-is-vulnerable", "let a stack that is only reproduced listen where others reach it")
    .addOption(
      new Option("--progress <kind>", "how progress is told on standard error").choices(["auto", "plain", "json"]),
    );
}
