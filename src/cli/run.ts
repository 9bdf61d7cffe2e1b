import path from "node:path";
import { exitCodeFor, ForgeError } from "../errors.ts";
import { detectPlatform } from "../host/light.ts";
import { renderer, renderError, type Output, type RendererKind } from "../ui/index.ts";
import { openPrefix } from "../store/index.ts";
import { calledAgain } from "../words.ts";
import type { Context } from "./context.ts";
import { explainedOpening } from "./open-files.ts";
import { emptyFolderVariable } from "./options/folder-variables.ts";
import { globalOptions, type RawOptions } from "./options/globals.ts";
import { nameOfCommand, parseCommandLine, type Invocation } from "./program.ts";
import { errorFields, record, recordLine, type Result } from "./result.ts";

/** What `main.ts` reads from the process. */
export interface World {
  readonly argv: readonly string[];
  readonly version: string;
  /** The folder that the program runs from. */
  readonly code: string;
  readonly helper: readonly string[];
  /** How this program is called from a shell. */
  readonly program: string;
  /** Folder of recipes and stacks, unless the command line names another. */
  readonly recipes: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly os: string;
  readonly arch: string;
  readonly cwd: string;
  readonly home: string;
  readonly uid: number;
  readonly prefix: string;
  readonly config: string | null;
  readonly cores: number;
  /** Whether standard error is a terminal that may be drawn on. */
  readonly terminal: boolean;
  readonly interactive: boolean;
  readonly colour: boolean;
  /** Of the terminal on standard output; 80 where it is none. */
  readonly columns: number;
  readonly onTerminal: boolean;
  readonly signal: AbortSignal;
  /** To standard output; done when the system has taken it. */
  readonly write: (text: string) => Promise<void>;
  readonly talk: Output;
  readonly input: () => AsyncIterable<Uint8Array | string>;
  readonly confirm: (question: string) => Promise<boolean>;
  readonly onHangUp: (act: () => void) => void;
}

/** Runs one command line: data to standard output, talk to standard error, the exit code as a result. */
export async function run(world: World): Promise<number> {
  const parsed = await parse(world);
  if (typeof parsed === "number") return parsed;
  if ("text" in parsed) {
    await world.write(parsed.text);
    return 0;
  }
  const called = calledAs(parsed.options, world);
  const { program } = called;
  const screen = renderer({
    kind: kindOf(parsed.options, world),
    out: world.talk,
    colour: world.colour,
    program,
    now: () => performance.now(),
    level: levelOf(parsed.options),
  });
  const result = await attempt(world, parsed, { ...called, emit: screen.emit });
  await screen.close();
  if (result.written !== true) {
    const inJson = parsed.givesLines ? recordLine : record;
    await world.write(parsed.options.json === true ? inJson(parsed.command, result) : result.text);
  }
  if (result.outcome === "failed" && result.error !== undefined)
    world.talk.write(renderError(result.error, { colour: world.colour, program }));
  return result.exitCode;
}

/** What a command line makes of the world: its options, the recipes, and how this program is called for the same folders. */
function calledAs(raw: RawOptions, world: World): Pick<Context, "options" | "recipes" | "program"> {
  const options = globalOptions(raw, world);
  const recipes = raw.recipes === undefined ? world.recipes : path.resolve(world.cwd, raw.recipes);
  const program = calledAgain(world.program, [
    { name: "--prefix", value: options.prefix, usual: world.prefix },
    { name: "--recipes", value: recipes, usual: world.recipes },
  ]);
  return { options, recipes, program };
}

async function parse(world: World): Promise<Invocation | { readonly text: string } | number> {
  try {
    return await parseCommandLine(world.argv, { version: world.version, cwd: world.cwd });
  } catch (error) {
    world.talk.write(renderError(error, { colour: world.colour, program: world.program }));
    // On one line it is right for every reader: whether records were to come is not known.
    if (world.argv.includes("--json")) await world.write(recordLine(nameOfCommand(world.argv, world), failure(error)));
    return exitCodeFor(error);
  }
}

async function attempt(
  world: World,
  invocation: Invocation,
  called: Pick<Context, "options" | "recipes" | "program" | "emit">,
): Promise<Result> {
  try {
    const context: Context = {
      version: world.version,
      ...called,
      executable: world.program,
      environment: world.environment,
      platform: detectPlatform({ os: world.os, arch: world.arch }),
      code: world.code,
      helper: world.helper,
      machine: `${world.os} ${world.arch}`,
      cwd: world.cwd,
      home: world.home,
      uid: world.uid,
      interactive: world.interactive && invocation.options.json !== true,
      columns: world.columns,
      onTerminal: world.onTerminal,
      signal: world.signal,
      confirm: world.confirm,
      onHangUp: world.onHangUp,
      write: world.write,
      input: world.input,
    };
    refuseEmpty(world.environment);
    if (!prefixless.has(invocation.command)) await refuseUnusable(context.options.prefix);
    return await invocation.run(context);
  } catch (error) {
    return failure(world.signal.aborted ? interruption(error, invocation.command) : explainedOpening(error));
  }
}

/** What an interrupted run throws on its way out is not what the user did wrong. */
function interruption(error: unknown, command: string): ForgeError {
  const told = error instanceof ForgeError && error.code === "interrupted";
  const hint =
    (told ? error.hint : undefined) ??
    (resumable.has(command)
      ? "run the same command again: it goes on where it was"
      : "run the same command again: it begins anew");
  return new ForgeError("interrupted", told ? error.message : "interrupted", { cause: error, hint });
}

/** Commands that keep what they have finished. */
const resumable = new Set(["provision", "build"]);

/** Commands that do not need a prefix, or only look into one when they can. */
const prefixless = new Set([
  "verify",
  "grade",
  "compare",
  "recipe lint",
  "recipe schema",
  "recipe update",
  "completion",
]);

function refuseEmpty(environment: World["environment"]): void {
  const name = emptyFolderVariable(environment);
  if (name !== null) throw new ForgeError("usage", `${name} is empty`, { hint: "name a folder in it, or unset it" });
}

/** A prefix that a newer tlsforge made, or whose path built programs cannot carry, is refused by every command; one that is not there yet by none. */
async function refuseUnusable(prefix: string): Promise<void> {
  try {
    await openPrefix(prefix, { create: false });
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "not-found") throw error;
  }
}

function failure(error: unknown): Result {
  return { outcome: "failed", exitCode: exitCodeFor(error), fields: errorFields(error), text: "", error };
}

function kindOf(options: RawOptions, world: World): RendererKind {
  if (options.progress === "json") return "json";
  return options.progress === "plain" || !world.terminal ? "plain" : "tty";
}

function levelOf(options: RawOptions): "quiet" | "normal" | "verbose" {
  if (options.quiet === true) return "quiet";
  return options.verbose === true ? "verbose" : "normal";
}
