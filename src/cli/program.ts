import { Command, CommanderError, Option } from "commander";
import { ForgeError } from "../errors.ts";
import { commandFirst, commandName } from "./options/command-words.ts";
import { buildRequest, withBuilding, withPlaces, withSources } from "./options/build-options.ts";
import { auditRequest, withAuditOptions } from "./options/audit-options.ts";
import type { Context } from "./context.ts";
import { globalsOf, withGlobals, type RawOptions } from "./options/globals.ts";
import { logDescription, logRequest, withLogOptions } from "./options/log-options.ts";
import { count, notEmpty, optional, text } from "./options/option-values.ts";
import type { Result } from "./result.ts";
import {
  compareRequest,
  gradeRequest,
  verifyRequest,
  withCompareOptions,
  withJudging,
  withVerifyOptions,
} from "./options/verify-options.ts";

/** A parsed command line: the command's name as records tell it, its global options, and what runs it. */
export interface Invocation {
  readonly command: string;
  readonly options: RawOptions;
  readonly run: (context: Context) => Promise<Result>;
  /** Whether its records are JSON Lines: then it has no record of more than one line, also when it fails. */
  readonly givesLines: boolean;
}

/** What the command line itself answers (help, version): text for standard output and nothing to run. */
export interface Answered {
  readonly text: string;
}

/** Parses a command line without running anything. Throws ForgeError `usage` with a near match for what is unknown. */
export async function parseCommandLine(
  argv: readonly string[],
  world: { readonly version: string; readonly cwd: string },
): Promise<Invocation | Answered> {
  let invocation: Invocation | undefined;
  let output = "";
  let told = "";
  const program = commandTree(world, (found) => {
    invocation = found;
  });
  forAll(program, (command) =>
    command.exitOverride().configureOutput({
      writeOut: (text) => (output += text),
      writeErr: (text) => (told += text),
    }),
  );
  try {
    await program.parseAsync([...commandFirst(program, globalsOf(), argv)], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text: output };
    // The help of the program, or of a group of commands that was named without one of them.
    if (error.code === "commander.help") return { text: told };
    throw usage(error.message);
  }
  return invocation ?? { text: output === "" ? program.helpInformation() : output };
}

/** The name of the command that a command line is about, also when that line is wrong. */
export function nameOfCommand(
  argv: readonly string[],
  world: { readonly version: string; readonly cwd: string },
): string {
  return commandName(
    commandTree(world, () => undefined),
    globalsOf(),
    argv,
  );
}

function commandTree(
  world: { readonly version: string; readonly cwd: string },
  found: (invocation: Invocation) => void,
): Command {
  const program = new Command("tlsforge")
    .description(
      "From a machine with a compiler to a running, hardened TLS server that the public rulebooks grade at the top.",
    )
    .version(world.version)
    .showSuggestionAfterError(true);
  const add = (parent: Command, name: string, description: string): Command =>
    withGlobals(parent.command(name).description(description));
  const runs = (
    command: Command,
    act: (context: Context, args: readonly string[], options: Record<string, unknown>) => Promise<Result>,
    givesLines: (args: readonly string[], options: Record<string, unknown>) => boolean = () => false,
  ): Command =>
    command.action((...given: unknown[]) => {
      refuseEmpty(command, given);
      const args = given
        .slice(0, -2)
        .flat()
        .filter((value): value is string => typeof value === "string");
      const options = command.opts();
      found({
        command: fullName(command),
        options,
        run: (context) => act(context, args, options),
        givesLines: givesLines(args, options),
      });
    });

  runs(
    withBuilding(add(program, "provision [stack]", "the whole job: plan, build, activate, apply, launch, verify")),
    async (given, args, options) => {
      const context = await asRemembered(given);
      const request = buildRequest(args, options, context);
      const result = await (await import("./commands/provision.ts")).provision(context, request);
      if (result.exitCode === 0) await (await import("./unchanged/kept-plan.ts")).keepNextPlan(context, request);
      return result;
    },
  );
  runs(
    withSources(add(program, "plan [stack]", "what provision would do; changes nothing")).option(
      "--exit-code",
      "exit 10 when something would change",
    ),
    async (given, args, options) => {
      const context = await asRemembered(given);
      const request = buildRequest(args, options, context);
      const [{ plan }, { keepPlan }] = await Promise.all([
        import("./commands/plan.ts"),
        import("./unchanged/kept-plan.ts"),
      ]);
      const result = await plan(context, { ...request, exitCode: options["exitCode"] === true });
      await keepPlan(context, request, result);
      return result;
    },
  );
  runs(
    withBuilding(
      add(program, "build [stack]", "store outputs and a generation; no host change but packages, no launch"),
    ),
    async (given, args, options) => {
      const context = await asRemembered(given);
      return (await import("./commands/build.ts")).build(context, buildRequest(args, options, context));
    },
  );
  runs(
    add(program, "launch", "start the server of the current generation").option(
      "--foreground",
      "stay with it, for containers: its log on standard error, SIGTERM ends it, SIGHUP reloads",
    ),
    async (context, _args, options) => {
      if (options["foreground"] === true) return (await import("./commands/foreground.ts")).foreground(context);
      return (await import("./commands/server.ts")).launch(context);
    },
  );
  runs(add(program, "reload", "new certificates and settings without closing a connection"), async (context) =>
    (await import("./commands/server.ts")).reload(context),
  );
  runs(add(program, "stop", "stop the server of this prefix"), async (context) =>
    (await import("./commands/server.ts")).stop(context),
  );
  runs(add(program, "status", "whether the server serves: exit 0 when it does, 1 when not"), async (context) =>
    (await import("./commands/server.ts")).status(context),
  );
  runs(
    withVerifyOptions(add(program, "verify [target...]", "grade any TLS server: HOST, HOST:PORT or [ADDRESS]:PORT")),
    async (context, args, options) =>
      (await import("./commands/verify.ts")).verify(context, verifyRequest(context.cwd, args, options)),
    (args, options) => args.length > 1 || options["targets"] !== undefined || options["allAddresses"] === true,
  );
  runs(
    withJudging(add(program, "grade <file...>", "judge recordings of verify --record again, with no network")),
    async (context, args, options) =>
      (await import("./commands/grade.ts")).grade(context, gradeRequest(context.cwd, args, options)),
    (args) => args.length > 1,
  );
  runs(
    withCompareOptions(
      add(program, "compare <a> <b>", "two reports or targets: what changed, better or worse, and what each is worth"),
    ),
    async (context, args, options) =>
      (await import("./commands/compare.ts")).compare(context, compareRequest(context.cwd, args, options)),
  );
  runs(add(program, "generations", "all generations of the prefix"), async (context) =>
    (await import("./commands/generations.ts")).generations(context),
  );
  runs(
    add(program, "rollback [generation]", "go back to the generation before, or to the one named"),
    async (context, args) => (await import("./commands/rollback.ts")).rollback(context, args[0]),
  );
  runs(
    add(program, "env [shell]", "what a shell must export to find the programs of the prefix: sh, fish or csh"),
    async (context, args) => (await import("./commands/env.ts")).env(context, args[0]),
  );
  runs(
    add(program, "gc", "remove what no kept generation and no live process needs")
      .option("--dry-run", "only say what would be removed")
      .option("--failed", "also the failed builds that --keep-failed kept")
      .option(
        "--keep <n>",
        "how many of the newest generations to keep (default: 3); the current one always stays",
        count,
      ),
    async (context, _args, options) =>
      (await import("./commands/gc.ts")).gc(context, {
        dryRun: options["dryRun"] === true,
        failed: options["failed"] === true,
        ...optional("keep", options["keep"] as number | undefined),
      }),
  );
  runs(
    add(program, "uninstall", "take back everything that tlsforge did to this machine for the prefix, and remove it")
      .option("--dry-run", "only say what would be done")
      .option("--keep-cache", "leave the downloads in ~/.cache/tlsforge"),
    async (context, _args, options) =>
      (await import("./commands/uninstall.ts")).uninstall(context, {
        dryRun: options["dryRun"] === true,
        keepCache: options["keepCache"] === true,
      }),
  );
  runs(
    withPlaces(add(program, "sources [stack]", "each source of the stack: digest, signer, where from, cached or not")),
    async (given, args, options) => {
      const context = await asRemembered(given);
      return (await import("./commands/sources.ts")).sources(context, buildRequest(args, options, context));
    },
  );
  const bundle = program.command("bundle").description("all sources of a stack in one file");
  runs(
    withPlaces(
      add(
        bundle,
        "create <file> [stack]",
        "put every source of a stack into one file, for a machine without a network",
      ),
    ),
    async (given, [file = "", ...args], options) => {
      const context = await asRemembered(given);
      return (await import("./commands/bundle.ts")).create(context, file, buildRequest(args, options, context));
    },
  );
  runs(add(bundle, "use <file>", "bring the sources of such a file into the cache"), async (context, args) =>
    (await import("./commands/bundle.ts")).use(context, args[0] ?? ""),
  );
  const recipe = program.command("recipe").description("recipes, stacks and site files");
  runs(
    add(recipe, "lint [files...]", "check files, or every recipe and stack: every problem at once"),
    async (context, args) => (await import("./commands/recipe.ts")).lint(context, args),
  );
  runs(
    add(recipe, "update <name>", "ask the locations of a recipe for newer versions; proposes the change as a diff")
      .option("--line <name>", "another file of its folder, such as classic")
      .option("--write", "put the change into the file")
      // Known only to say why they are not for this.
      .addOption(new Option("--offline").hideHelp())
      .addOption(new Option("--mirror <url>").hideHelp()),
    async (context, args, options) =>
      (await import("./commands/recipe-update.ts")).updateRecipe(context, {
        recipe: args[0] ?? "",
        line: text(options["line"]) ?? null,
        write: options["write"] === true,
        ...(options["offline"] === true ? { misplaced: "--offline" } : {}),
        ...(options["mirror"] === undefined ? {} : { misplaced: "--mirror" }),
      }),
  );
  runs(
    add(recipe, "schema <kind>", "the JSON Schema for editors: recipe, stack, site or lock"),
    async (_context, args) => (await import("./commands/recipe.ts")).schema(args[0] ?? ""),
  );
  runs(withLogOptions(add(program, "log [build]", logDescription)), async (context, args, options) =>
    (await import("./commands/log.ts")).log(context, logRequest(args, options)),
  );
  runs(
    add(
      program,
      "shell <build> [argv...]",
      "a shell, or after -- a command, in the environment of a build: a failed one that was kept, or a finished one",
    )
      .option("--command <text>", "run this by /bin/sh instead, and end with its exit code", notEmpty)
      .option("--no-seal", "with the network and your files; else it is sealed as the build was"),
    async (context, args, options) =>
      (await import("./commands/shell.ts")).shell(context, {
        build: args[0] ?? "",
        argv: args.slice(1),
        sealed: options["seal"] !== false,
        ...optional("command", text(options["command"])),
      }),
  );
  runs(
    withPlaces(add(program, "doctor", "look at everything tlsforge rests on; changes nothing but with --repair"))
      .option("--deep", "also compare every file of every output with what was built")
      .option("--repair", "build outputs that were changed anew, while nothing runs from them; implies --deep"),
    async (context, _args, options) =>
      (await import("./commands/doctor.ts")).doctor(context, {
        deep: options["deep"] === true,
        repair: options["repair"] === true,
        places: buildRequest([], options, context).sources,
      }),
  );
  runs(
    withAuditOptions(
      add(program, "audit", "installed versions against security floors, support dates and files of advisories"),
    ),
    async (context, _args, options) =>
      (await import("./commands/audit.ts")).audit(context, auditRequest(options, new Date())),
  );
  runs(add(program, "completion <shell>", "completion script for bash, zsh or fish"), async (_context, args) =>
    (await import("./commands/completion.ts")).completion(program, args[0] ?? ""),
  );
  return program;
}

/** An empty name or path would be taken for the current folder, or for anything; a word of a command may be empty. */
function refuseEmpty({ registeredArguments }: Command, given: readonly unknown[]): void {
  for (const [index, argument] of registeredArguments.entries())
    if (argument.name() !== "argv" && [given[index]].flat().includes(""))
      throw new ForgeError("usage", `the argument <${argument.name()}> is empty`, {
        hint: argument.required ? "give its value" : "give its value, or leave it out",
      });
}

/** With the site file that the prefix remembers, where none is given. */
async function asRemembered(context: Context): Promise<Context> {
  return (await import("./serve/kept-site.ts")).withCurrentSiteFile(context);
}

function fullName(command: Command): string {
  const parent = command.parent;
  return parent === null || parent.name() === "tlsforge" ? command.name() : `${fullName(parent)} ${command.name()}`;
}

function forAll(command: Command, act: (command: Command) => void): void {
  act(command);
  for (const child of command.commands) forAll(child, act);
}

function usage(message: string): ForgeError {
  const [first = "", ...rest] = message.replace(/^error: /, "").split("\n");
  return new ForgeError("usage", first, {
    hint:
      rest.join(" ").replaceAll(/[()]/g, "").trim() ||
      "tlsforge --help shows the commands, tlsforge COMMAND --help its options",
  });
}
