import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { bundleOf } from "./bundle.ts";
import { configDigest } from "./config.ts";
import { fileError } from "./files.ts";
import { makeFolders } from "./keep.ts";
import { ask, isStatus, livingPid, plain, serverPaths, type ToldError } from "./light.ts";
import { portInUse, refuseTaken } from "./ports.ts";
import { refusal } from "./refusal.ts";
import type { ServerConfig, ServerStatus, Supervisor } from "./types.ts";

/** What a server is started with. Paths absolute. */
export interface LaunchOptions {
  readonly prefix: string;
  /** The interpreter, with the options that keep it from its caller's environment. */
  readonly python: readonly string[];
  /** The program that it runs: the recipe's `tlsforge-server`. */
  readonly launcher: string;
  readonly config: ServerConfig;
  /** Who starts it; null: we do, and it runs in the background. */
  readonly supervisor: Supervisor | null;
  /** It talks on our standard error instead of a log. */
  readonly foreground?: boolean;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Seconds until it must answer on its control socket; 60 unless given. */
  readonly deadlineSeconds?: number;
}

/** As in `options.py`: so long a server that is started by another has until it is ready; then it ends by itself, and whoever started it says so. */
const readySeconds = 60;
const answerSeconds = 10;

/** Nothing of the caller's environment reaches the server. */
const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", HOME: "/" };

/**
 * Starts the server that is to serve, where none does (it outlives this program), and waits until it answers.
 *
 * Throws ForgeError `port-in-use` with the owner's name, `certificate-failed`, `server-failed` with the server's own reason
 * (also when one already runs), or `interrupted`; then nothing is left running.
 */
export async function launch(options: LaunchOptions): Promise<ServerStatus> {
  const { prefix, config, supervisor } = options;
  await refuseSecond(prefix);
  if (supervisor === null) {
    const served = await startOurselves(options, "serving");
    await tell(options);
    return served;
  }
  await makeFolders(prefix, config);
  try {
    await supervisor.start();
    return await ready(options, { socket: serverPaths(prefix).control, isOurs: servesConfig(config) });
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

/**
 * Starts a server beside the one that serves, on a loopback address that its status tells, ready to take over. Under systemd the one that
 * serves starts it, so that it belongs to the same service. Throws as `launch`; what serves goes on.
 */
export async function launchTrial(options: LaunchOptions): Promise<ServerStatus> {
  if (options.supervisor?.manager !== "systemd") return startOurselves(options, "trial");
  const { prefix, config, launcher } = options;
  const paths = serverPaths(prefix);
  const request = { command: "spawn", program: launcher, bundle: await bundleOf(config) } as const;
  const answer = await ask(paths.control, request, deadlineOf(options) + answerSeconds);
  if (!("ok" in answer)) throw new ForgeError("server-failed", `what serves cannot start another: ${answer.reason}`);
  if (!answer.ok) throw await refusalOf(answer.error ?? { code: "unknown", message: "it does not say why" });
  return ready(options, { socket: paths.trial, isOurs: servesConfig(config) });
}

/** Whether it is the server of a configuration that answers, and not a former one's. */
function servesConfig(config: ServerConfig): (status: ServerStatus) => boolean {
  const digest = configDigest(config);
  return (status) => status.configDigest === digest;
}

function deadlineOf({ deadlineSeconds = readySeconds }: LaunchOptions): number {
  return deadlineSeconds;
}

async function startOurselves(options: LaunchOptions, role: "serving" | "trial"): Promise<ServerStatus> {
  const { prefix } = options;
  const paths = serverPaths(prefix);
  const errors = `${paths.log}.${role}.stderr`;
  const child = await start(options, { role, errors });
  const isOurs = ({ pid }: ServerStatus): boolean => pid === child.pid;
  try {
    const socket = role === "trial" ? paths.trial : paths.control;
    const served = await ready(options, { socket, isOurs, ended: child.ended });
    child.unref();
    await rm(errors, { force: true });
    return served;
  } catch (error) {
    child.kill();
    const why = await child.ended;
    if (error instanceof Ended) throw await refusalFrom(await readFile(errors, "utf8"), why, options);
    throw error;
  }
}

/**
 * Whether the server could start with this configuration, tried while another one may still serve: it reads and checks everything and ends
 * before it listens; then each address is tried that is not among `held`, those of the server that will make room.
 * Throws the errors of `launch`.
 */
export async function checkLaunch(options: LaunchOptions, held: readonly string[]): Promise<void> {
  const { execa } = await import("execa");
  const { config, signal } = options;
  const { file, argv } = argvFor(options, ["--check"]);
  const result = await execa(file, argv, {
    cwd: "/",
    env: environment,
    extendEnv: false,
    reject: false,
    input: JSON.stringify(await bundleOf(config)),
    timeout: deadlineOf(options) * 1000,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (signal?.aborted === true) throw new ForgeError("interrupted", "Interrupted while the server was being checked");
  if (result.failed) throw await refusalFrom(result.stderr, result.shortMessage, options);
  await refuseTaken([...config.listen, ...config.redirect], held);
}

function argvFor(
  { python, launcher }: LaunchOptions,
  flags: readonly string[],
): { readonly file: string; readonly argv: readonly string[] } {
  const [file = "", ...isolation] = python;
  return { file, argv: [...isolation, "-B", launcher, "--bundle", ...flags] };
}

/** The process that was started. */
interface Child {
  readonly pid: number | undefined;
  /** Comes when it has ended, with a line that says how. Never rejects. */
  readonly ended: Promise<string>;
  readonly kill: () => void;
  /** Lets this program end while the child runs. */
  readonly unref: () => void;
}

/** Marks that the child ended before it served. */
class Ended extends Error {}

async function refuseSecond(prefix: string): Promise<void> {
  const paths = serverPaths(prefix);
  const answer = await ask(paths.control, { command: "status" }, 3);
  const pid = "ok" in answer ? (answer.status?.pid ?? null) : livingPid(paths.pid);
  if (!("ok" in answer) && pid === null) return;
  throw new ForgeError(
    "server-failed",
    `A server of this prefix already runs${pid === null ? "" : ` as process ${pid}`}`,
    {
      hint: "stop it with: tlsforge stop",
    },
  );
}

async function start(
  options: LaunchOptions,
  { role, errors }: { readonly role: "serving" | "trial"; readonly errors: string },
): Promise<Child> {
  const { execa } = await import("execa");
  const bundle = JSON.stringify(await bundleOf(options.config));
  try {
    await makeFolders(options.prefix, options.config);
    // A file and not a pipe: the server goes on writing to it when this program is gone, until it has its log.
    const stderr = createWriteStream(errors, { mode: 0o600 });
    await once(stderr, "open");
    const flags = [...(role === "trial" ? ["--trial"] : []), ...(options.foreground === true ? ["--log-stderr"] : [])];
    const { file, argv } = argvFor(options, flags);
    const child = execa(file, argv, {
      cwd: "/",
      env: environment,
      extendEnv: false,
      detached: true,
      cleanup: false,
      reject: false,
      buffer: false,
      input: bundle,
      stdout: "ignore",
      stderr: options.foreground === true ? "inherit" : stderr,
    });
    const ended = child.then((result) => result.shortMessage ?? `it ended with exit code ${result.exitCode}`);
    // The child has its own copy of the descriptor once it is spawned, which execa has done by now.
    stderr.destroy();
    return {
      pid: child.pid,
      ended,
      kill: () => void child.kill("SIGKILL"),
      unref: () => child.nodeChildProcess.unref(),
    };
  } catch (error) {
    throw fileError(error, `The server's files beside ${errors} cannot be made`);
  }
}

interface Awaited {
  readonly socket: string;
  /** Whether it is the one that is waited for: a former server's answer does not count. */
  readonly isOurs: (status: ServerStatus) => boolean;
  /** Comes when the process has ended. */
  readonly ended?: Promise<unknown>;
}

/** Waits until the server that was started answers. */
async function ready(options: LaunchOptions, { socket, isOurs, ended }: Awaited): Promise<ServerStatus> {
  const seconds = deadlineOf(options);
  const deadline = Date.now() + seconds * 1000;
  let over = false;
  void ended?.then(() => {
    over = true;
  });
  while (Date.now() < deadline) {
    if (options.signal?.aborted === true)
      throw new ForgeError("interrupted", "Interrupted while the server was starting");
    if (over) throw new Ended();
    const answer = await ask(socket, { command: "status" }, 3);
    if ("ok" in answer && answer.ok && isStatus(answer.status) && isOurs(answer.status)) return answer.status;
    await sleep(10);
  }
  throw new ForgeError("server-failed", `The server does not answer within ${seconds} s of its start`, {
    hint: `look into ${options.config.paths.log ?? "the journal"}`,
  });
}

/** Why the server ended: its own JSON line on standard error, else the last lines that it left. */
async function refusalFrom(stderr: string, why: string | undefined, options: LaunchOptions): Promise<ForgeError> {
  const lines = stderr.trim().split("\n").map(plain);
  const told = stderr
    .split("\n")
    .map(parseError)
    .find((each) => each !== null);
  if (told === undefined || told === null) {
    return new ForgeError("server-failed", "The server ended before it served", {
      details: [...(why === undefined ? [] : [why]), ...lines.slice(-12)],
      hint:
        options.config.vulnerable === undefined
          ? `run it by hand to see more: ${options.python.join(" ")} -B ${options.launcher} --config ${serverPaths(options.prefix).config}`
          : `look into ${options.config.paths.log ?? "the journal"}`,
    });
  }
  return refusalOf(told);
}

async function refusalOf(told: ToldError): Promise<ForgeError> {
  if (told.code !== "port-in-use") return refusal(told, "The server refused to start");
  return portInUse(told.listen ?? `port:${told.port ?? 0}`);
}

function parseError(line: string): ToldError | null {
  try {
    const value: unknown = JSON.parse(line, (_, each: unknown) => (typeof each === "string" ? plain(each) : each));
    return typeof value === "object" && value !== null && "error" in value ? (value.error as ToldError) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Passes on the line of the log that lists what is in force. */
async function tell({ config, emit, foreground }: LaunchOptions): Promise<void> {
  if (config.paths.log === null || foreground === true) return;
  const lines = (await readFile(config.paths.log, "utf8")).trim().split("\n");
  const line = lines.findLast((each) => each.includes("listening on"));
  if (line !== undefined) emit({ type: "server-log", line: plain(line) });
}
