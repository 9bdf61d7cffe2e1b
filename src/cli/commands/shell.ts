import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { againProgram, runShell, sealShell } from "../../build/index.ts";
import { ForgeError } from "../../errors.ts";
import {
  buildLock,
  isUnfinished,
  listFailed,
  listReceipts,
  lock,
  readManifest,
  removeTree,
  scratchPath,
  type KeptBuild,
  type Receipt,
} from "../../store/index.ts";
import { shellLine } from "../../words.ts";
import type { Context } from "../context.ts";
import { findBuilds } from "../builds/find-build.ts";
import type { Result } from "../result.ts";
import { sealOf } from "../make/sandbox.ts";

/** What `shell` is asked for. */
export interface ShellRequest {
  /** A recipe, the beginning of a key, or a log's name. */
  readonly build: string;
  /** A command in place of an interactive shell; empty for none. */
  readonly argv: readonly string[];
  /** The same as a line for `/bin/sh`. */
  readonly command?: string;
  /** As the build's programs were. */
  readonly sealed: boolean;
}

/**
 * An interactive shell, or one command, in the environment of a build: of a failed one that was kept, in the folder of the failing command; of a
 * finished one, in an empty folder of its own, without sources. Sealed as the build's programs were, unless that is not wanted. The build's lock is
 * held meanwhile. Gives the command's exit code.
 */
export async function shell(context: Context, request: ShellRequest): Promise<Result> {
  const argv = commandOf(context, request);
  const { prefix, wait } = context.options;
  const { emit, signal } = context;
  const build = await choose(prefix, request.build);
  // That there is no such build is said first: whoever is told of the terminal alone comes back for nothing.
  if (argv === null && !context.interactive)
    throw new ForgeError("usage", "there is no terminal for an interactive shell", {
      hint: "give a command: --command TEXT, or -- and its words",
    });
  const { recipe, version, key } = build;
  const release = await lock(buildLock(prefix, key), {
    what: `shell in the build of ${recipe} ${version}`,
    wait,
    emit,
    signal,
  });
  const run: Run = async ({ own, given, ...place }) => {
    const { environment, directory, network } = place;
    const tools = (environment["PATH"] ?? "").split(":").filter((folder) => path.isAbsolute(folder));
    const seal = request.sealed
      ? await sealShell(await sealOf(context), { prefix, own, given, tools, directory, signal })
      : notWanted;
    const online = network && seal.grade !== "none" ? ", but has the network, which the failed step asks for" : "";
    emit({ type: "notice", message: `this shell is ${seal.text}${online}` });
    const label = `${recipe} ${version}`;
    return runShell({ ...place, label, wrap: seal.wrap }, argv, { signal, terminal: context.environment["TERM"] });
  };
  try {
    const exitCode = "failed" in build ? await inFailed(context, build, run) : await inFinished(context, build, run);
    if (signal.aborted) throw new ForgeError("interrupted", "interrupted in the shell of a build");
    return { outcome: exitCode === 0 ? "done" : "failed", exitCode, fields: {}, text: "", written: true };
  } finally {
    await release();
  }
}

/** Null for an interactive shell. */
function commandOf({ options }: Context, { argv, command }: ShellRequest): readonly string[] | null {
  const refuse = (message: string, hint: string): never => {
    throw new ForgeError("usage", message, { hint });
  };
  if (options.json) refuse("shell gives no record", "leave --json out: the exit code is that of the command");
  if (command !== undefined && argv.length > 0)
    refuse("two commands are given", "give --command, or a command after --");
  if (command !== undefined) return ["/bin/sh", "-c", command];
  if (argv.length > 0) return argv;
  return null;
}

/** What is tried by hand may need more than a build may have. */
const notWanted: Awaited<ReturnType<typeof sealShell>> = {
  grade: "none",
  text: "not sealed, as --no-seal asks: it has the network and the files that you have",
  wrap: (command) => command,
};

/** Where a shell runs. `own`: the folders that it may write to; `given`: what else it sees below hidden ones. */
interface Place {
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly own: readonly string[];
  readonly given: readonly string[];
  readonly network: boolean;
}

type Run = (place: Place) => Promise<number>;

/** Of one recipe: the failed build that was kept last, else what the current generation has, else what was built last. */
async function choose(prefix: string, name: string): Promise<KeptBuild | Receipt> {
  const current = new Set((await readManifest(prefix))?.builds.map(({ key }) => key));
  const finished = (await listReceipts(prefix)).toSorted(
    (a, b) => Number(current.has(b.key)) - Number(current.has(a.key)) || (a.finished < b.finished ? 1 : -1),
  );
  const [build] = await findBuilds<KeptBuild | Receipt>(name, [...(await listFailed(prefix)), ...finished], {
    what: "finished build, and no failed one that was kept,",
    more: "a build that fails is kept with --keep-failed",
  });
  if (build === undefined) throw new ForgeError("not-found", `there is no build of ${name}`);
  return build;
}

async function inFailed({ emit, options }: Context, build: KeptBuild, run: Run): Promise<number> {
  const { recipe, version, failed, reason, argv, out, scratch, environment } = build;
  const directory = (await isFolder(build.directory)) ? build.directory : scratch;
  const say = (message: string): void => emit({ type: "notice", message });
  say(`${recipe} ${version}, failed ${failed}: ${reason}`);
  if (argv !== null) say(`the failing command, in ${directory}: ${shellLine(argv)}`);
  if (argv !== null) say(`${againProgram} runs it again`);
  const { seen: given = [], network = false } = build;
  const outs = (await isUnfinished(options.prefix, build)) && (await isFolder(out)) ? [out] : [];
  return run({ environment, directory, own: [...outs, scratch], given, network });
}

async function isFolder(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => null))?.isDirectory() === true;
}

/** The folder is where the build's own was, as its environment says, and goes with the shell. */
async function inFinished({ emit, options }: Context, build: Receipt, run: Run): Promise<number> {
  const { recipe, version, key, environment, out } = build;
  if (environment === undefined)
    throw new ForgeError("not-found", `the receipt of ${recipe} ${version} does not tell its environment`, {
      hint: "an older tlsforge built it; after tlsforge gc and another build it does",
    });
  const scratch = scratchPath(options.prefix, { key, recipe });
  for (const name of ["bin", "home", "tmp"]) await mkdir(path.join(scratch, name), { recursive: true });
  emit({
    type: "notice",
    message: `${recipe} ${version}, finished ${build.finished}, is in ${out}; this is its environment`,
  });
  try {
    return await run({ environment, directory: scratch, own: [scratch], given: [], network: false });
  } finally {
    await removeTree(scratch, options.prefix);
  }
}
