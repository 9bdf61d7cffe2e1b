import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { atomicWrite } from "../store/index.ts";
import { fileError } from "./files.ts";
import { renderConfig } from "./config.ts";
import { refusal } from "./control.ts";
import { ask, livingPid } from "./light.ts";
import { isTaken, overlaps, portInUse } from "./ports.ts";
import type { ServerConfig, ServerStatus } from "./types.ts";

/** What a server is started with. Paths absolute. */
export interface LaunchOptions {
  /** The interpreter. */
  readonly python: string;
  /** The program that it runs: the recipe's `tlsforge-server`. */
  readonly launcher: string;
  readonly config: ServerConfig;
  /** Where the configuration is written for the server to read, now and at a reload. */
  readonly configPath: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Seconds until it must answer on its control socket; 15 unless given. */
  readonly deadlineSeconds?: number;
}

/** Nothing of the caller's environment reaches the server. */
const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", HOME: "/" };

/**
 * Writes the configuration, starts the server on its own (it outlives this program), and waits until it answers.
 *
 * Throws ForgeError `port-in-use` with the owner's name, `certificate-failed`, `server-failed` with the server's own reason
 * (also when one already runs), or `interrupted`; then nothing is left running.
 */
export async function launch(options: LaunchOptions): Promise<ServerStatus> {
  await refuseSecond(options);
  const errors = `${options.configPath}.stderr`;
  await writeConfig(options.configPath, options.config);
  const child = await start(options, errors);
  try {
    const served = await ready(child, options);
    child.unref();
    await rm(errors, { force: true });
    await tell(options);
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
  const file = `${options.configPath}.check`;
  try {
    await writeConfig(file, config);
    const result = await execa(options.python, [...argumentsFor(options.launcher, file), "--check"], {
      cwd: "/",
      env: environment,
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      timeout: (options.deadlineSeconds ?? 15) * 1000,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
    if (signal?.aborted === true) throw new ForgeError("interrupted", "Interrupted while the server was being checked");
    if (result.failed) throw await refusalFrom(result.stderr, result.shortMessage, options);
  } finally {
    await rm(file, { force: true });
  }
  for (const address of [...config.listen, ...config.redirect]) {
    if (!held.some((other) => overlaps(address, other)) && (await isTaken(address))) throw await portInUse(address);
  }
}

async function writeConfig(file: string, config: ServerConfig): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (error) {
    throw fileError(error, `${dirname(file)} cannot be made`);
  }
  await atomicWrite(file, renderConfig(config), 0o600);
}

function argumentsFor(launcher: string, file: string): readonly string[] {
  return ["-I", "-B", launcher, "--config", file];
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

async function refuseSecond({ config }: LaunchOptions): Promise<void> {
  const answer = await ask(config.paths.control, "status", 3);
  const pid = "ok" in answer ? (answer.status?.pid ?? null) : livingPid(config.paths.pid);
  if (!("ok" in answer) && pid === null) return;
  throw new ForgeError(
    "server-failed",
    `A server of this prefix already runs${pid === null ? "" : ` as process ${pid}`}`,
    {
      hint: "stop it with: tlsforge stop",
    },
  );
}

async function start(options: LaunchOptions, errors: string): Promise<Child> {
  const { execa } = await import("execa");
  const { config } = options;
  try {
    for (const path of [config.paths.log, config.paths.pid, config.paths.control]) {
      await mkdir(dirname(path), { recursive: true });
    }
    // A file and not a pipe: the server goes on writing to it when this program is gone, until it has its log.
    const stderr = createWriteStream(errors, { mode: 0o600 });
    await once(stderr, "open");
    const child = execa(options.python, argumentsFor(options.launcher, options.configPath), {
      cwd: "/",
      env: environment,
      extendEnv: false,
      detached: true,
      cleanup: false,
      reject: false,
      buffer: false,
      stdin: "ignore",
      stdout: "ignore",
      stderr,
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
    throw fileError(error, `The server's files beside ${options.configPath} cannot be made`);
  }
}

/** Waits until the process that was started answers; a former server's answer does not count. */
async function ready(child: Child, options: LaunchOptions): Promise<ServerStatus> {
  const seconds = options.deadlineSeconds ?? 15;
  const deadline = Date.now() + seconds * 1000;
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  while (Date.now() < deadline) {
    if (options.signal?.aborted === true)
      throw new ForgeError("interrupted", "Interrupted while the server was starting");
    if (ended) throw new Ended();
    const answer = await ask(options.config.paths.control, "status", 3);
    const served = "ok" in answer && answer.ok ? answer.status : undefined;
    if (served !== undefined && served.pid === child.pid) return served;
    await sleep(20);
  }
  throw new ForgeError("server-failed", `The server does not answer within ${seconds} s of its start`, {
    hint: `look into ${options.config.paths.log}`,
  });
}

/** Why the server ended: its own JSON line on standard error, else the last lines that it left. */
async function refusalFrom(stderr: string, why: string | undefined, options: LaunchOptions): Promise<ForgeError> {
  const lines = stderr.trim().split("\n");
  const told = lines.map(parseError).find((each) => each !== null);
  if (told === undefined || told === null) {
    return new ForgeError("server-failed", "The server ended before it served", {
      details: [...(why === undefined ? [] : [why]), ...lines.slice(-12)],
      hint: `run it by hand to see more: ${options.python} -I -B ${options.launcher} --config ${options.configPath}`,
    });
  }
  if (told.code !== "port-in-use") return refusal(told, "The server refused to start");
  return portInUse(told.listen ?? `port:${told.port ?? 0}`);
}

interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly listen?: string;
  readonly port?: number;
}

function parseError(line: string): ToldError | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "error" in value ? (value.error as ToldError) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Passes on the line of the log that lists what is in force. */
async function tell({ config, emit }: LaunchOptions): Promise<void> {
  const lines = (await readFile(config.paths.log, "utf8")).trim().split("\n");
  const line = lines.findLast((each) => each.includes("listening on"));
  if (line !== undefined) emit({ type: "server-log", line });
}
